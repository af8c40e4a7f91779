"""Simulated corpus: speaking phantoms in a spiral scanner, with sound and a known clean truth."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from cleartract.corpora.simulated import FORMAT
from cleartract.errors import CorpusError, UsageError, reason_of
from cleartract.files import atomic
from cleartract.jobs.engine import EngineSettings, WorkerLost, run_jobs, shard_of
from cleartract.simulation.settings import CorpusSettings
from cleartract.simulation.tasks import Task, raw_path, tasks

_HEADER = "corpus.json"


def simulate(
    folder: Path,
    settings: CorpusSettings,
    engine: EngineSettings | None = None,
    progress: Callable[[int, int, float], None] | None = None,
    raw: bool = False,
) -> Path:
    """Simulate a corpus, using all cores; recordings already there are kept.

    Args:
        folder: Where to write `corpus.json` and `speakerNNN/recordingNN.npz`.
        settings: What to simulate.
        engine: Who works; as many processes as there are cores by default.
        progress: Called with recordings done, recordings in all, and seconds simulated just now.
        raw: Also write the raw data of each recording, `recordingNN_raw.h5` (MRD) with its sound.

    Returns:
        The folder.

    Raises:
        CorpusError: If the folder holds a corpus of other settings, or the extra `simulate` is
            not installed.
        UsageError: If raw data are wanted of sound alone.
        OutputError: If the folder cannot be written.
    """
    if raw and settings.sound_only:
        raise UsageError("--raw needs frames: leave out --sound-only")
    header = folder / _HEADER
    if header.exists() and not settings.gives_the_same_as(read_settings(folder)):
        raise CorpusError(f"{folder}: holds a corpus of other settings; choose another --out")
    everything = shard_of(tasks(settings), None if engine is None else engine.shard)
    missing = [task for task in everything if not _is_there(task.path(folder), raw)]
    if missing:
        _check_extra(raw)
    if not header.exists():
        described = {"format": FORMAT, **settings.model_dump(mode="json")}
        with atomic(header) as temporary:
            temporary.write_text(json.dumps(described, indent=1))
    for task in missing:  # of a run that was killed; those of other shards are at work
        target = task.path(folder)
        for leftover in target.parent.glob(f".{target.stem}*.partial.*"):
            leftover.unlink(missing_ok=True)
    done = len(everything) - len(missing)
    for seconds in _parallel([(settings, task, folder, raw) for task in missing], engine):
        done += 1
        if progress:
            progress(done, len(everything), seconds)
    return folder


def read_settings(folder: Path) -> CorpusSettings:
    """Settings of a corpus. A setting that an earlier version did not have is at its default.

    Raises:
        CorpusError: If `corpus.json` is damaged or of another format.
    """
    header = folder / _HEADER
    try:
        described = dict(json.loads(header.read_text()))
        version = described.pop("format", None)
        settings = CorpusSettings(**described)
    except (OSError, ValueError, TypeError) as error:
        raise CorpusError(
            f"{header}: damaged ({reason_of(error)}); delete the folder or the file"
        ) from error
    except UsageError as error:
        raise CorpusError(f"{header}: {error}; choose another --out") from error
    if version != FORMAT:
        raise CorpusError(
            f"{header}: format {version}, but this version of cleartract reads format {FORMAT}; "
            "choose another --out"
        )
    return settings


def _check_extra(raw: bool) -> None:
    from importlib.util import find_spec

    for name in ("vocaltractlab_cython", "finufft", "cv2"):
        if find_spec(name) is None:
            raise CorpusError(f"{name} is not installed: pip install 'cleartract[simulate]'")
    if raw and find_spec("h5py") is None:
        raise CorpusError("--raw needs h5py: pip install 'cleartract[formats]'")


def _is_there(path: Path, raw: bool) -> bool:
    return path.exists() and not (raw and not raw_path(path).exists())


def _work(job: tuple[CorpusSettings, Task, Path, bool]) -> float:
    from cleartract.simulation.scan import simulate_scan, simulate_speech

    settings, task, folder, raw = job
    path = task.path(folder)
    if task.kind == "speech":
        speech = simulate_speech(settings, task)
        speech.save(path)
        return speech.duration
    simulated, scan = simulate_scan(settings, task)
    if raw:
        scan.save(raw_path(path))
    if not path.exists():
        simulated.save(path)
    return simulated.duration


def _parallel(
    jobs: list[tuple[CorpusSettings, Task, Path, bool]], engine: EngineSettings | None
) -> Iterator[float]:
    cores = os.cpu_count() or 1
    engine = engine or EngineSettings(workers=cores)
    if engine.workers is None:
        engine = engine.model_copy(update={"workers": cores})
    if engine.workers != 1:  # the processes divide the cores
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[name] = "1"
    for finished in run_jobs(_work, jobs, engine):
        if isinstance(finished.error, WorkerLost):
            raise CorpusError("a worker was killed, perhaps for memory; use fewer --workers")
        if finished.error is not None:
            raise finished.error
        yield finished.value
