"""`cleartract evaluate`: how good is a denoised recording, or a model on a corpus?"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from cleartract.errors import CorpusError, OutputError, RecordingError, UsageError


@dataclass(frozen=True)
class Evaluate:
    """Evaluate a denoised recording, or denoise a simulated corpus and evaluate that."""

    result: tyro.conf.Positional[Path | None] = None
    """A denoised recording; or give --corpus."""
    truth: Path | None = None
    """Clean recording of the same frames, or a recordingNN.npz of a simulated corpus."""
    noisy: Path | None = None
    """The recording that was denoised: adds noisy figures, residual audit, consistency."""
    corpus: Path | None = None
    """Simulated corpus to denoise and evaluate."""
    split: Literal["train", "validation", "test", "all"] = "test"
    """Split of the corpus."""
    limit: int | None = None
    """At most so many recordings of the corpus."""
    weights: str | None = None
    """A .safetensors file or the name of shipped weights."""
    controls: bool = False
    """Run the controls of the audio: null, shifted, swapped, silence, noise (corpus)."""
    samples: int = 0
    """Samples for the calibration of the uncertainty, 2 or more (corpus)."""
    window_duration: int | float = 16
    """Length of a window in a corpus run: frames if whole, seconds if not."""
    step_duration: int | float = 10
    """From one window to the next: frames if whole, seconds if not."""
    grid_lines: Path | None = None
    """JSON file of grid lines in mm: {"lips": [[x, y], [x, y]], ...}, fixed wall first."""
    pixel_size: float | None = None
    """Size of a pixel [mm]; by default of a field of view of 200 mm."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Folder of the report; by default RESULT_evaluation or CORPUS_evaluation."""
    device: str = "auto"
    """auto, cpu or cuda."""
    overwrite: bool = False
    """Replace a report that exists."""

    def run(self) -> None:
        """Measure and write the report."""
        self._check()
        check_extra("evaluate", "skimage", "scipy", "matplotlib")
        source = self.corpus or self.result
        if source is None:
            raise UsageError("give a denoised recording or --corpus")
        if self.corpus is None and not source.exists():
            raise RecordingError(f"{source}: no such file or folder")
        place = source.resolve()
        out = self.out or place.with_name(place.stem + "_evaluation")
        if (out / "report.json").exists() and not self.overwrite:
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
        if (self.corpus is None) == (self.result is None):
            raise UsageError("give either a denoised recording or --corpus")
        if self.corpus is None and (self.controls or self.samples):
            raise UsageError("--controls and --samples need --corpus, whose truth is known")
        single = (self.truth, self.noisy, self.grid_lines, self.pixel_size)
        if self.corpus is not None and any(option is not None for option in single):
            raise UsageError(
                "--truth, --noisy, --grid-lines and --pixel-size are for a single recording"
            )
        plain = Evaluate()
        if self.corpus is None and any(
            getattr(self, name) != getattr(plain, name)
            for name in ("split", "limit", "window_duration", "step_duration")
        ):
            raise UsageError("--split, --limit and the window options need --corpus")
        if self.samples == 1 or self.samples < 0:
            raise UsageError("--samples: a spread needs two samples or more")
        if self.limit is not None and self.limit < 1:
            raise UsageError("--limit must be 1 or more")
        if self.pixel_size is not None and not 0 < self.pixel_size < 100:
            raise UsageError("--pixel-size must lie between 0 and 100 mm")

    def _evaluate_result(self, result: Path, out: Path) -> None:
        from cleartract.evaluation.evaluate import evaluate
        from cleartract.evaluation.grid_lines import read_lines
        from cleartract.evaluation.report import terminal_table, write_report

        lines = read_lines(self.grid_lines) if self.grid_lines else None
        restore, note = (None, None) if self.noisy is None else self._maker(result)
        section = evaluate(
            result, self.truth, self.noisy,
            restore=restore, lines=lines, pixel_size=self.pixel_size,
        )  # fmt: skip
        section.notes += [note] if note else []
        write_report(out, [section], {"title": f"Evaluation of {result.name}"})
        print(terminal_table(result.name, section.measured))
        for note in section.notes:
            print(note)
        print(f"{out / 'report.html'}")

    def _maker(self, result: Path) -> tuple[Any, str | None]:
        """What made the result, by its sidecar: the only model whose consistency is its own."""
        from cleartract.commands.outputs import sha256
        from cleartract.denoising.denoise import denoise_recording
        from cleartract.denoising.settings import DenoiseSettings
        from cleartract.devices import usable_device
        from cleartract.evaluation.evaluate import sidecar_of
        from cleartract.model.weights import load_model, weights_path

        sidecar, path = sidecar_of(result), weights_path(self.weights)
        named = sidecar.get("weights") or {}
        if not named:
            return None, "consistency was not measured: no sidecar says how the result was made"
        if named.get("sha256") != sha256(path):
            return None, (
                f"consistency was not measured: the result was made with {named.get('path')}, "
                f"not {path.name}; give --weights"
            )
        used = sidecar.get("parameters", {})
        kept = {name: used[name] for name in DenoiseSettings.model_fields if name in used}
        settings = DenoiseSettings(**kept)
        model, _ = load_model(self.weights, usable_device(self.device))
        return (lambda r: denoise_recording(r, model, settings).recording.frames), None

    def _evaluate_corpus(self, corpus: Path, out: Path) -> None:
        from cleartract.commands.progress import progress_bar
        from cleartract.denoising.settings import checked_settings
        from cleartract.devices import usable_device
        from cleartract.evaluation.corpus import Options, evaluate_corpus
        from cleartract.evaluation.report import terminal_table, write_report
        from cleartract.model.weights import load_model, weights_path

        window: dict[str, Any] = dict(
            window_duration=self.window_duration, step_duration=self.step_duration
        )
        options = Options(self.controls, self.samples, checked_settings(window))
        model, _ = load_model(self.weights, usable_device(self.device))
        with progress_bar("evaluating", "reconstructions") as update:
            sections, summary = evaluate_corpus(
                corpus, model, self.split, self.limit, options, update
            )
        weights = weights_path(self.weights).name
        described = {
            "title": f"Evaluation of {weights} on {corpus.name}, {self.split} split",
            "weights": weights,
            "split": self.split,
            "settings": options.settings.model_dump(),
        }
        write_report(out, sections, described | summary)
        for protocol, group in summary["by_protocol"].items():
            print(terminal_table(f"{protocol}, mean of {group['count']}", group["mean"]))
            print()
        for sentence in summary.get("controls", {}).get("verdict", []):
            print(sentence)
        print(f"{out / 'report.html'}")


def check_extra(extra: str, *modules: str) -> None:
    """Raise CorpusError, with the remedy, where a module of an optional extra is missing."""
    from importlib.util import find_spec

    for name in modules:
        if find_spec(name) is None:
            raise CorpusError(f"{name} is not installed: pip install 'cleartract[{extra}]'")
