"""Evaluate a model on a simulated corpus: one recording a task, by one process or many."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.corpora.entries import find_entries
from cleartract.errors import ClearTractError, CorpusError, reason_of
from cleartract.evaluation.control_summary import summarise
from cleartract.evaluation.corpus_task import (
    CorpusTask,
    Measured,
    WeightsOn,
    add_frames,
    evaluate_task,
)
from cleartract.evaluation.report import SHOWN, Section, mean_of
from cleartract.evaluation.settings import EvaluateCorpusSettings
from cleartract.evaluation.window_count import Progress, WindowCount
from cleartract.files import atomic, file_name, sha256
from cleartract.jobs.engine import EngineSettings, Finished, WorkerLost, run_jobs, shard_of
from cleartract.jobs.processes import threads_each
from cleartract.model.model import Model


@dataclass(frozen=True)
class Parts:
    """Recordings that were measured before, by shards or a run that was stopped.

    Attributes:
        folder: One JSON file for each.
        decides: What decides the figures besides the recording and the settings.
    """

    folder: Path
    decides: dict[str, Any]

    def read(self, task: CorpusTask) -> list[Measured] | None:
        """What was measured of a recording, as it would be now; or None."""
        try:
            content = json.loads(self._place(task).read_text())
            if content["asked"] != self._asked(task):
                return None
            return [Measured.of(one) for one in content["measured"]]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def write(self, task: CorpusTask, measured: list[Measured]) -> None:
        """Keep what was measured.

        Raises:
            OutputError: If it cannot be written.
        """
        content = {"asked": self._asked(task), "measured": [one.described() for one in measured]}
        with atomic(self._place(task)) as place:
            place.write_text(json.dumps(content) + "\n")

    def _place(self, task: CorpusTask) -> Path:
        return self.folder / f"{file_name(task.path.parent.name)}_{file_name(task.path.stem)}.json"

    def _asked(self, task: CorpusTask) -> dict[str, Any]:
        settings = task.settings.model_dump(mode="json", exclude={"split", "limit"})
        other = sha256(task.others[0]) if task.settings.controls and task.others else None
        asked = {"recording": sha256(task.path), "settings": settings, "other": other}
        return json.loads(json.dumps(asked | self.decides))


def evaluate_corpus(
    corpus: Path,
    model: Model | WeightsOn,
    settings: EvaluateCorpusSettings | None = None,
    progress: Progress | None = None,
    engine: EngineSettings | None = None,
    parts: Parts | None = None,
) -> tuple[list[Section], dict[str, Any]]:
    """Denoise and evaluate every reconstruction of a split.

    A recording that cannot be evaluated does not stop the others.

    Args:
        corpus: Simulated corpus.
        model: In evaluation mode; or its weights, which each process loads.
        settings: Which recordings, and what is measured beyond the metrics of the frames.
        progress: Called with windows done and windows in all, controls included.
        engine: Who works; this process by default. The figures are the same. With a shard only a
            part of the recordings is evaluated.
        parts: Where recordings that are measured already lie; with a shard they are written there.

    Returns:
        Sections, worst airway PSNR first, and means over all and by protocol. `failed` lists the
        recordings that could not be evaluated: file, exit code, message.

    Raises:
        CorpusError: If the corpus holds no truth, or a single utterance where controls need two.
        ClearTractError: That of the first recording, where none could be evaluated.
    """
    settings, engine = settings or EvaluateCorpusSettings(), engine or EngineSettings()
    tasks, failed = _tasks(corpus, model, settings, engine)
    measured: dict[int, list[Measured]] = {}
    for index, task in enumerate(tasks):
        if parts is not None and (found := parts.read(task)) is not None:
            measured[index] = found
    missing = [index for index in range(len(tasks)) if index not in measured]
    windows = [tasks[index].counted()[1] for index in missing]
    count, done = WindowCount(sum(windows), progress), 0
    if tasks and tasks[0].pictures:  # by this process
        for index, number in zip(missing, windows, strict=True):
            tasks[index] = replace(tasks[index], progress=count.part(number))
    for finished in run_jobs(evaluate_task, [tasks[index] for index in missing], engine):
        index = missing[finished.index]
        done += windows[finished.index]
        if progress:
            progress(done, count.total)
        if finished.error is not None:
            failed.append(_failure(tasks[index].path, finished))
        else:
            measured[index] = finished.value
            if parts is not None and engine.shard is not None:
                parts.write(tasks[index], finished.value)
            _keep_frames_of_worst([one.section for group in measured.values() for one in group])
    if not measured:
        raise _first_error(corpus, failed)
    ordered = [(tasks[index], one) for index in sorted(measured) for one in measured[index]]
    if engine.shard is None:
        _add_missing_frames(ordered)
    summary = _summary(ordered, settings) | {"failed": sorted(failed, key=lambda one: one["file"])}
    return sorted((one.section for _, one in ordered), key=_badness), summary


def _tasks(
    corpus: Path, model: Model | WeightsOn, settings: EvaluateCorpusSettings, engine: EngineSettings
) -> tuple[list[CorpusTask], list[dict[str, Any]]]:
    """A task for each recording of the shard, and those that are damaged."""
    damaged: dict[Path, ClearTractError] = {}
    entries = find_entries(corpus, settings.split, damaged)[: settings.limit]
    if not all(entry.simulated for entry in entries):
        raise CorpusError(f"{corpus}: holds no clean truth; give a simulated corpus")
    if settings.controls and len(entries) < 2:
        raise CorpusError(f"{corpus}: controls swap utterances; give two recordings or more")
    paths = [entry.path for entry in entries]
    alone = engine.engine == "processes" and (engine.workers or 1) == 1
    threads = None if alone or engine.scheduler else threads_each(engine.workers or 1)
    tasks = [
        CorpusTask(
            path, tuple(paths[number + 1 :] + paths[:number]), settings, model, alone, threads
        )
        for number, path in enumerate(paths)
    ]
    failed = [
        {"file": str(path), "exit_code": error.exit_code, "message": str(error)}
        for path, error in damaged.items()
    ]
    return shard_of(tasks, engine.shard), failed if engine.shard in (None, "1/1") else []


def _failure(path: Path, finished: Finished) -> dict[str, Any]:
    error = finished.error
    if isinstance(error, ClearTractError):
        code, message = error.exit_code, str(error)
    elif isinstance(error, WorkerLost):
        code, message = 6, f"{path}: its process was killed twice, perhaps for memory"
    else:
        assert isinstance(error, Exception)
        code, message = 1, f"{path}: {type(error).__name__}: {reason_of(error)}"
    return {"file": str(path), "exit_code": code, "message": message}


def _first_error(corpus: Path, failed: list[dict[str, Any]]) -> ClearTractError:
    said = failed[0]["message"] if failed else "no recordings"
    return CorpusError(f"{corpus}: nothing could be evaluated; {said}")


def _summary(
    ordered: list[tuple[CorpusTask, Measured]], settings: EvaluateCorpusSettings
) -> dict[str, Any]:
    by_protocol: dict[str, list[dict]] = {}
    for _, one in ordered:
        by_protocol.setdefault(one.protocol, []).append(one.section.measured)
    summary: dict[str, Any] = {
        "mean": mean_of([one.section.measured for _, one in ordered]),
        "by_protocol": {
            protocol: {"count": len(group), "mean": mean_of(group)}
            for protocol, group in sorted(by_protocol.items())
        },
    }
    if settings.controls:
        controls = [one.controls for _, one in ordered if one.controls]
        speakers = [task.path.parent.name for task, one in ordered if one.controls]
        summary["controls"] = summarise(controls, speakers)
    return summary


def _badness(section: Section) -> float:
    quality = section.measured["with_truth"]["psnr_airway"]["denoised"]
    return quality if np.isfinite(quality) else -np.inf


def _keep_frames_of_worst(sections: list[Section]) -> None:
    """Drop the frames of all sections but the worst, which alone get pictures."""
    for section in sorted(sections, key=_badness)[SHOWN:]:
        section.subject = section.recording = section.spread = None


def _add_missing_frames(ordered: list[tuple[CorpusTask, Measured]]) -> None:
    """Frames of the worst, where other processes have measured them."""
    for task, one in _worst(ordered):
        if one.section.subject is None:
            add_frames(replace(task, pictures=True), one.reconstruction, one.section)


def _worst(ordered: list[tuple[CorpusTask, Measured]]) -> Iterator[tuple[CorpusTask, Measured]]:
    yield from sorted(ordered, key=lambda pair: _badness(pair[1].section))[:SHOWN]
