"""Many recordings by one command: which, by whom, and what came of each."""

from __future__ import annotations

import contextlib
import io
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from cleartract.commands.denoise import Denoise, ManyOptions
from cleartract.commands.outputs import counted
from cleartract.commands.progress import progress_bar
from cleartract.commands.summary import Outcome, Summary, print_outcomes
from cleartract.corpora.layouts import Found, find_recordings
from cleartract.denoising.partial import partial_folder
from cleartract.errors import (
    ClearTractError,
    OutputError,
    RecordingError,
    SomeFailedError,
    UsageError,
    reason_of,
)
from cleartract.files import sha256
from cleartract.jobs.engine import WorkerLost, run_jobs, shard_of
from cleartract.jobs.processes import threads_each
from cleartract.recordings.formats import is_series, output_suffix, stored_at
from cleartract.recordings.sidecar import sidecar_of


def denoise_many(command: Denoise, out: Path) -> None:
    """Denoise all recordings in folders, in a folder laid out like them.

    Results that are there already, made by the same settings from the same recording, are kept.

    Args:
        command: The options; its inputs are folders and files.
        out: Folder of the results and of `summary.csv` and `summary.json`.

    Raises:
        SomeFailedError: If a recording failed; the others are done.
        CorpusError: If there are no recordings.
        OutputError: If the folder cannot be written, or lies in one that is read.
    """
    _check(command, out)
    found = find_recordings(command.inputs, command.many.pattern)
    everything = [_job(command, one, out) for one in found]
    _check_apart(everything)
    jobs = shard_of(everything, command.many.shard)
    if command.dry_run:
        _foretell(jobs, len(found))
        return
    summary = Summary(out, command.many.shard)
    outcomes: dict[int, Outcome] = {}
    try:
        with progress_bar("denoising", "recordings") as update:
            update(0, len(jobs), "")
            for finished in run_jobs(outcome_of, jobs, command.many):
                outcome = finished.value
                if finished.error is not None:
                    outcome = _lost(jobs[finished.index], finished.error)
                outcomes[finished.index] = outcome
                update(len(outcomes), len(jobs), Path(outcome.file).name)
    finally:  # an interrupted run tells too what it has done
        ordered = [outcomes[index] for index in sorted(outcomes)]
        summary.write(ordered, len(jobs))
    print_outcomes(ordered)
    failed = sum(outcome.exit_code != 0 for outcome in ordered)
    if failed:
        raise SomeFailedError(
            f"{out}: {failed} of {len(jobs)} recordings failed; see {summary.table}"
        )


def _check(command: Denoise, out: Path) -> None:
    for name in ("output", "audio", "opinion_map", "residual"):
        if getattr(command, name) is not None:
            option = "--" + name.replace("_", "-")
            raise UsageError(f"{option} is for one recording; leave it out with --out")
    if not command.inputs:
        raise UsageError("give folders or recordings before --out")
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out}: is a file; choose another --out")
    place = out.resolve()
    for given in command.inputs:
        read = given.resolve()
        if given.is_dir() and (place == read or read in place.parents):
            raise OutputError(f"{out}: lies in the folder that is read; choose another --out")


def _check_apart(jobs: list[Denoise]) -> None:
    """Refuse results of which one would be written over another: `a_master.avi` may be of two."""
    writers: dict[Path, Path] = {}
    for job in jobs:
        for target in job.targets().values():
            other = writers.setdefault(stored_at(target), job.input)
            if other != job.input:
                raise UsageError(
                    f"{other} and {job.input} would both become {stored_at(target)}; "
                    "rename one, or choose another --suffix"
                )


def _job(command: Denoise, found: Found, out: Path) -> Denoise:
    """The command for one recording."""
    suffix = command.many.suffix or (".npz" if found.kind in (".npz", ".npy") else ".mp4")
    if is_series(Path(suffix)):  # a folder for each recording
        target = out / found.place / Path(suffix).name
    else:
        target = out / f"{found.place}{'' if suffix.startswith('.') else '.'}{suffix}"
    if output_suffix(target) == "":
        raise UsageError(f"--suffix: a kind of file such as .mp4, not {command.many.suffix!r}")
    workers, threads = command.many.workers or 1, command.threads
    if threads is None and workers > 1 and command.many.scheduler is None:
        threads = threads_each(workers)
    audio = None if command.no_audio else found.audio
    return replace(
        command,
        inputs=(found.path,),
        output=target,
        audio=audio,
        threads=threads,
        many=ManyOptions(),
    )


def _foretell(jobs: list[Denoise], found: int) -> None:
    """Open every recording, and say what would be done with it.

    Raises:
        SomeFailedError: If a recording would be refused.
    """
    refused = 0
    for job in jobs:
        outcome = outcome_of(job)
        if outcome.exit_code:
            print(f"would fail: {outcome.message}")
            refused += 1
            continue
        there = ", there already" if outcome.state == "there" else ""
        print(f"{job.input} -> {outcome.output}: {counted(outcome.frames, 'frame')}{there}")
    print(f"{len(jobs)} of {found} recordings")
    if refused:
        raise SomeFailedError(f"{refused} of {len(jobs)} recordings would fail")


def outcome_of(command: Denoise) -> Outcome:
    """Denoise one recording, quietly, and say what came of it; or, in a dry run, what would."""
    started, code, message, state = time.monotonic(), 0, "", "done"
    frames = None
    targets = command.targets()
    # what a stopped run has left, or a killed worker a moment ago
    command = replace(command, resume=partial_folder(targets["result"]).exists())
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            run = command.prepared()
            asked = run.asked
            frames = run.source.count if command.dry_run else None
            if not command.overwrite and _is_done(run.targets, asked):
                state = "there"
            else:
                command.check_outputs()
                run.check() if command.dry_run else run.run()
    except ClearTractError as error:
        code, message = error.exit_code, str(error)
    except OSError as error:
        code, message = (
            OutputError.exit_code,
            f"{error.filename or command.input}: {error.strerror}",
        )
    except MemoryError:
        code, message = OutputError.exit_code, f"{command.input}: not enough memory"
    except Exception as error:  # a fault of the program stops one recording, not all
        code, message = 1, f"{command.input}: {type(error).__name__}: {reason_of(error)}"
    sidecar = sidecar_of(targets["result"]) if code == 0 and not command.dry_run else {}
    return Outcome(
        file=str(command.input),
        output=str(targets["result"]),
        state="failed" if code else state,
        frames=int(sidecar.get("frames", 0)) if frames is None else frames,
        seconds=round(time.monotonic() - started, 2),
        warnings=tuple(map(str, sidecar.get("warnings", ()))),
        residual=dict(sidecar.get("residual") or {}),
        exit_code=code,
        message=message,
    )


def _is_done(targets: dict[str, Path], asked: dict[str, Any]) -> bool:
    """Whether all results are there, whole, and made as they would be now."""
    sidecar = sidecar_of(targets["result"])
    sums = sidecar.get("sha256")
    if sidecar.get("asked") != json.loads(json.dumps(asked)) or not isinstance(sums, dict):
        return False
    wanted = [name for name in targets if name != "sidecar"]
    return all(
        stored_at(targets[name]).exists() and sums.get(name) == sha256(stored_at(targets[name]))
        for name in wanted
    )


def _lost(command: Denoise, error: BaseException) -> Outcome:
    killed = isinstance(error, WorkerLost)
    text = f"{type(error).__name__}: {error}".splitlines()[0]
    if killed:
        text = "its process was killed twice, perhaps for memory"
    return Outcome(
        file=str(command.input),
        output=str(command.output),
        state="failed",
        exit_code=OutputError.exit_code if killed else RecordingError.exit_code,
        message=f"{command.input}: {text}",
    )
