"""`cleartract evaluate`: how good is a denoised recording, or a model on a corpus?"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from cleartract.commands.options import Device, MaxMemory, Overwrite, Weights
from cleartract.commands.outputs import circumstances, described_file, versions
from cleartract.errors import (
    CorpusError,
    OutputError,
    RecordingError,
    SomeFailedError,
    UsageError,
    one_line,
    wrong_field,
)
from cleartract.evaluation.settings import EvaluateCorpusSettings, EvaluateSettings
from cleartract.jobs.engine import EngineSettings
from cleartract.recordings.formats import stem_of


@dataclass(frozen=True)
class Evaluate:
    """Evaluate a denoised recording, or denoise a simulated corpus and evaluate that."""

    result: tyro.conf.Positional[Path | None] = None
    """A denoised recording; or give --corpus."""
    truth: Path | None = None
    """Clean recording of the same frames, or a recordingNN.npz of a simulated corpus."""
    noisy: Path | None = None
    """The recording that was denoised: adds noisy metrics, residual audit, consistency."""
    corpus: Path | None = None
    """Simulated corpus to denoise and evaluate."""
    settings: Annotated[EvaluateSettings, tyro.conf.arg(name="")] = field(
        default_factory=EvaluateSettings
    )
    corpus_settings: Annotated[EvaluateCorpusSettings, tyro.conf.arg(name="")] = field(
        default_factory=EvaluateCorpusSettings
    )
    engine: tyro.conf.OmitArgPrefixes[EngineSettings] = field(default_factory=EngineSettings)
    """Of a corpus: who works on its recordings. A shard keeps its figures in OUT/parts; a run without
    --shard takes what is there, measures the rest and writes the report."""
    weights: Weights = None
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Folder of the report; by default RESULT_evaluation or CORPUS_evaluation."""
    device: Device = "auto"
    max_memory: MaxMemory = 8.0
    overwrite: Overwrite = False

    def run(self) -> None:
        """Measure and write the report."""
        self._check()
        check_extra("evaluate", "skimage", "matplotlib")
        source = self.corpus or self.result
        if source is None:
            raise UsageError("give a denoised recording or --corpus")
        if self.corpus is None and not source.exists():
            raise RecordingError(f"{source}: no such file or folder")
        place = source.resolve()
        out = self.out or place.with_name(stem_of(place) + "_evaluation")
        report = self.engine.shard is None
        if report and (out / "report.json").exists() and not self.overwrite:
            raise OutputError(f"{out}: holds a report; give --overwrite or another --out")
        folder = next(path for path in (out, *out.resolve().parents) if path.exists())
        if not folder.is_dir():
            raise OutputError(f"{out}: {folder} is a file, not a folder; choose another --out")
        if not os.access(folder, os.W_OK):
            raise OutputError(f"{out}: cannot be written in {folder}; choose another --out")
        if self.corpus is not None:
            self._evaluate_corpus(self.corpus, out)
        else:
            self._evaluate_result(source, out)

    def _check(self) -> None:
        chosen = self.corpus_settings
        if (self.corpus is None) == (self.result is None):
            raise UsageError("give either a denoised recording or --corpus")
        if self.corpus is None and (chosen.controls or chosen.samples):
            raise UsageError("--controls and --samples need --corpus, whose truth is known")
        if self.corpus is not None and (
            self.truth or self.noisy or self.settings != EvaluateSettings()
        ):
            raise UsageError(
                "--truth, --noisy, --grid-lines, --pixel-size and --annotation are for a single "
                "recording"
            )
        if self.corpus is None and chosen != EvaluateCorpusSettings():
            raise UsageError("--split, --limit and the window options need --corpus")
        if self.corpus is None and self.engine != EngineSettings():
            raise UsageError("--workers, --shard and --engine need --corpus")
        if chosen.samples == 1:
            raise UsageError("--samples: a spread needs two samples or more")

    def _evaluate_result(self, result: Path, out: Path) -> None:
        from cleartract.commands.input_checks import check_whole
        from cleartract.evaluation.evaluate import evaluate
        from cleartract.evaluation.labels import plain_verdict
        from cleartract.evaluation.report import terminal_table, write_report
        from cleartract.recordings.opening import open_source

        for path in (result, self.noisy):
            if path is not None:
                check_whole(open_source(path), self.max_memory)
        restore, note = (None, None) if self.noisy is None else self._restore_of(result)
        section = evaluate(result, self.truth, self.noisy, restore=restore, settings=self.settings)
        section.notes += [note] if note else []
        read = {"result": result, "truth": self.truth, "noisy": self.noisy}
        files = {name: path and described_file(path) for name, path in read.items()}
        made = {"made": versions() | files | circumstances()}
        title = {"title": f"Evaluation of {result.name}"} | made
        write_report(out, [section], title, self.overwrite)
        print(terminal_table(result.name, section.measured))
        for note in (*section.notes, *plain_verdict(section.measured)):
            print(note)
        print(f"{out / 'report.html'}")

    def _restore_of(self, result: Path) -> tuple[Any, str | None]:
        """The denoiser that made the result, by its sidecar; or None and the reason."""
        from pydantic import ValidationError

        from cleartract.denoising.denoise import denoise_recording
        from cleartract.denoising.settings import DenoiseSettings
        from cleartract.devices import usable_device
        from cleartract.files import sha256
        from cleartract.model.weights import load_model, weights_path
        from cleartract.recordings.sidecar import sidecar_of

        sidecar, path = sidecar_of(result), weights_path(self.weights)
        named = sidecar.get("weights") or {}
        if not named:
            return (
                None,
                "consistency was not measured: no sidecar describes how the result was made",
            )
        if named.get("sha256") != sha256(path):
            return None, (
                f"consistency was not measured: the result was made with {named.get('path')}, "
                f"not {path.name}; give --weights"
            )
        used = sidecar.get("parameters", {})
        kept = {name: used[name] for name in DenoiseSettings.model_fields if name in used}
        try:
            settings = DenoiseSettings(**kept)
        except ValidationError as error:
            return None, f"consistency was not measured: in the sidecar, {wrong_field(error)}"
        model, _ = load_model(self.weights, usable_device(self.device))
        return (lambda r: denoise_recording(r, model, settings).recording.frames), None

    def _evaluate_corpus(self, corpus: Path, out: Path) -> None:
        from cleartract.commands.progress import progress_bar
        from cleartract.devices import usable_device
        from cleartract.evaluation.corpus import Parts, evaluate_corpus
        from cleartract.evaluation.corpus_task import WeightsOn
        from cleartract.evaluation.report import terminal_table, write_report
        from cleartract.files import sha256
        from cleartract.model.weights import load_model, weights_path

        chosen, path = self.corpus_settings, weights_path(self.weights)
        denoising = chosen.denoising()
        load_model(self.weights, usable_device(self.device))  # what is wrong shows at once
        decides = versions() | {"weights": sha256(path), "device": self.device}
        parts = Parts(out / "parts", decides)
        model = WeightsOn(self.weights, self.device)
        with progress_bar("evaluating", "windows") as update:
            sections, summary = evaluate_corpus(corpus, model, chosen, update, self.engine, parts)
        if self.engine.shard is not None:
            print(f"{parts.folder}: {len(sections)} reconstructions of shard {self.engine.shard}")
        else:
            described = {
                "title": f"Evaluation of {path.name} on {corpus.name}, {chosen.split} split",
                "weights": path.name,
                "split": chosen.split,
                "settings": denoising.model_dump(),
                "made": decides | {"corpus": os.path.abspath(corpus)} | circumstances(),
            }
            write_report(out, sections, described | summary, self.overwrite)
            for protocol, group in summary["by_protocol"].items():
                print(terminal_table(f"{protocol}, mean of {group['count']}", group["mean"]))
                print()
            for sentence in summary.get("controls", {}).get("verdict", []):
                print(sentence)
            print(f"{out / 'report.html'}")
        for one in summary["failed"]:
            print(f"cleartract: {one_line(one['message'])}", file=sys.stderr)
        if summary["failed"]:
            failed = len(summary["failed"])
            raise SomeFailedError(f"{corpus}: {failed} recordings could not be evaluated")


def check_extra(extra: str, *modules: str) -> None:
    """Raise CorpusError, with the remedy, where a module of an optional extra is missing."""
    from importlib.util import find_spec

    for name in modules:
        if find_spec(name) is None:
            raise CorpusError(f"{name} is not installed: pip install 'cleartract[{extra}]'")
