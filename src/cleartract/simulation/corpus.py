"""Simulated corpus: speaking phantoms in a spiral scanner, with sound and a known clean truth."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path

import numpy as np

from cleartract.errors import CorpusError
from cleartract.simulation.scan import (
    FORMAT,
    CorpusSettings,
    Task,
    simulate_recording,
    simulate_speech,
)


def split_of(speaker: int, speakers: int) -> str:
    """Split of a speaker: every eighth is for the test, every eighth for validation."""
    if speakers >= 3:
        if speaker % 8 == 2:
            return "test"
        if speaker % 8 == 1:
            return "validation"
    return "train"


def tasks(settings: CorpusSettings) -> list[Task]:
    """All recordings of a corpus, speakers in turn."""
    each = max(1, round(settings.minutes * 60 / settings.seconds / settings.speakers))
    kind = "speech" if settings.sound_only else "recording"
    return [
        Task(speaker, index, split_of(speaker, settings.speakers), kind)
        for index in range(each)
        for speaker in range(settings.speakers)
    ]


def check_extra() -> None:
    """Raise CorpusError, with the remedy, where the optional extra is not installed."""
    from importlib.util import find_spec

    for name in ("vocaltractlab_cython", "finufft", "cv2", "scipy"):
        if find_spec(name) is None:
            raise CorpusError(f"{name} is not installed: pip install 'cleartract[simulate]'")


def _work(job: tuple[CorpusSettings, Task, Path]) -> float:
    settings, task, folder = job
    target = task.path(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    made = simulate_speech if settings.sound_only else simulate_recording
    stored = made(settings, task)
    temporary = target.with_suffix(f".{os.getpid()}.tmp")
    with open(temporary, "wb") as file:
        np.savez(file, **stored)  # type: ignore[arg-type]
    os.replace(temporary, target)
    return len(stored["audio"]) / float(stored["sample_rate"])


def _quiet_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C
    _single_thread()


def _single_thread() -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"


def simulate(
    folder: Path,
    settings: CorpusSettings,
    workers: int | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> Path:
    """Simulate a corpus, using all cores; recordings already there are kept.

    Args:
        folder: Where to write `corpus.json` and `speakerNNN/recordingNN.npz`.
        settings: What to simulate.
        workers: Processes; all cores by default.
        progress: Called with recordings done, recordings in all, and seconds simulated just now.

    Raises:
        CorpusError: If the folder holds a corpus of other settings.
    """
    described = {"format": FORMAT, **asdict(settings)}
    plain = CorpusSettings()
    described["noise"] = list(settings.noise)
    for name in ("sound_only", "noise"):  # as before there was a choice
        unused = name == "noise" and settings.sound_only
        if unused or getattr(settings, name) == getattr(plain, name):
            del described[name]
    header = folder / "corpus.json"
    if header.exists():
        try:
            same = json.loads(header.read_text()) == described
        except ValueError as error:
            raise CorpusError(f"{header}: damaged; delete the folder or the file") from error
        if not same:
            raise CorpusError(f"{folder}: holds a corpus of other settings; choose another --out")
    folder.mkdir(parents=True, exist_ok=True)
    header.write_text(json.dumps(described, indent=1))
    everything = tasks(settings)
    for leftover in folder.glob("speaker*/*.tmp"):
        leftover.unlink()
    missing = [task for task in everything if not task.path(folder).exists()]
    done = len(everything) - len(missing)
    for seconds in _parallel([(settings, task, folder) for task in missing], workers):
        done += 1
        if progress:
            progress(done, len(everything), seconds)
    return folder


def _parallel(jobs: list, workers: int | None) -> Iterator[float]:
    workers = max(1, min(workers or os.cpu_count() or 1, len(jobs)))
    if workers == 1:
        yield from map(_work, jobs)
        return
    _single_thread()
    context = multiprocessing.get_context("spawn")  # the synthesizer's state is global
    with ProcessPoolExecutor(workers, context, initializer=_quiet_worker) as pool:
        waiting = [pool.submit(_work, job) for job in jobs]
        try:
            for finished in as_completed(waiting):
                yield finished.result()
        except BrokenProcessPool as error:
            raise CorpusError(
                "a worker was killed, perhaps for memory; use fewer --workers"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)
