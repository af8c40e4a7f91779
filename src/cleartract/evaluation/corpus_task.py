"""One recording of a simulated corpus, denoised and evaluated: a piece of work for any process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cleartract.corpora.simulated import SimulatedHeader, SimulatedRecording
from cleartract.denoising.denoise import Restored, denoise_recording
from cleartract.devices import usable_device
from cleartract.errors import ClearTractError, CorpusError, RecordingError
from cleartract.evaluation.consistency import consistency, middle_excerpt
from cleartract.evaluation.controls import CONTROLS, ControlResult, ControlSetup, run_controls
from cleartract.evaluation.full_reference import psnr
from cleartract.evaluation.measure import Subject, measure
from cleartract.evaluation.regions import airway_band
from cleartract.evaluation.report import Section
from cleartract.evaluation.settings import EvaluateCorpusSettings
from cleartract.evaluation.uncertainty import NOMINAL, coverage, spread_correlation
from cleartract.evaluation.window_count import Progress, WindowCount
from cleartract.model.model import Model
from cleartract.model.weights import load_model
from cleartract.recordings.recording import Recording
from cleartract.recordings.windows import SlidingWindowTransform

EXCERPT = 120  # [frames] on which consistency is measured
SAMPLED = 48  # [frames] on which the spread of samples is measured
SAMPLING_STEPS = 12


@dataclass(frozen=True)
class WeightsOn:
    """A model that each process loads once.

    Attributes:
        weights: A .safetensors file, the name of shipped weights, or None for the default ones.
        device: `auto`, `cpu` or `cuda`.
    """

    weights: str | None
    device: str = "auto"


@dataclass(frozen=True)
class CorpusTask:
    """A recording to evaluate.

    Attributes:
        path: Its file.
        others: Further recordings, the first that can be read lends its sound to the controls.
        settings: What is measured.
        model: In evaluation mode, or where to load it.
        pictures: Whether the frames are kept for pictures.
        threads: CPU threads, or None to leave them as they are.
        progress: Called with windows done and windows in all, controls included; only where it is
            evaluated by this process.
    """

    path: Path
    others: tuple[Path, ...]
    settings: EvaluateCorpusSettings
    model: Model | WeightsOn
    pictures: bool = True
    threads: int | None = None
    progress: Progress | None = None

    def counted(self) -> tuple[int, int]:
        """Windows of one pass over it, and of all that are made; 1 where its header is damaged."""
        try:
            header = SimulatedHeader.load(self.path)
        except ClearTractError:
            return 1, 1
        cut = SlidingWindowTransform(self.settings.window_duration, self.settings.step_duration)
        once = len(cut.windows(header.frames, header.rate))
        passes = 1 + (2 * len(CONTROLS) if self.settings.controls else 0)
        return once, once * passes * len(header.reconstructions)

    def identity(self, reconstruction: str) -> str:
        """Name of one of its reconstructions in the report."""
        return f"{self.path.parent.name}/{self.path.stem}, {reconstruction}"


@dataclass
class Measured:
    """One reconstruction, evaluated.

    Attributes:
        reconstruction: Its name.
        protocol: How it was scanned.
        section: For the report; without frames unless they are wanted.
        controls: Of the audio, or None.
    """

    reconstruction: str
    protocol: str
    section: Section
    controls: dict[str, ControlResult] | None = None

    def described(self) -> dict[str, Any]:
        """Everything but the frames, as JSON holds it."""
        controls = {name: asdict(one) for name, one in (self.controls or {}).items()}
        return plain(
            {
                "reconstruction": self.reconstruction,
                "protocol": self.protocol,
                "name": self.section.name,
                "measured": self.section.measured,
                "controls": controls,
            }
        )

    @classmethod
    def of(cls, content: dict[str, Any]) -> Measured:
        """The reverse of `described`."""
        controls = {
            name: ControlResult(
                one["metrics"], np.array(one["degrees"]), np.array(one["restored_degrees"])
            )
            for name, one in content["controls"].items()
        }
        section = Section(content["name"], content["measured"])
        return cls(content["reconstruction"], content["protocol"], section, controls or None)


def plain(value: Any) -> Any:
    """The same in types of JSON; numbers keep all their digits."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value


def evaluate_task(task: CorpusTask) -> list[Measured]:
    """Denoise and evaluate every reconstruction of a recording.

    Raises:
        RecordingError, CorpusError: If it cannot be read, or no other recording where controls
            need one.
    """
    if task.threads is not None:
        torch.set_num_threads(task.threads)
    simulated, model = SimulatedRecording.load(task.path), _model(task.model)
    other = _sound_of(task.others) if task.settings.controls else None
    (windows, total), found = task.counted(), []
    count = WindowCount(total, task.progress)
    for name in simulated.reconstructions:
        subject, noisy, restored = _restored(task, simulated, name, model, count.part(windows))
        one = _measured(task, (subject, noisy, restored), model, other, lambda: count.part(windows))
        protocol = f"{simulated.parameters['protocol']} {name}"
        kept = Measured.of(Measured(name, protocol, one[0], one[1]).described())
        if task.pictures:
            kept.section.subject, kept.section.recording = subject, restored.recording
            kept.section.spread = one[0].spread
        found.append(kept)
    return found


def add_frames(task: CorpusTask, reconstruction: str, section: Section) -> None:
    """Denoise again, for the pictures of a recording that another process has measured."""
    simulated, model = SimulatedRecording.load(task.path), _model(task.model)
    subject, noisy, restored = _restored(task, simulated, reconstruction, model)
    section.subject, section.recording = subject, restored.recording
    if task.settings.samples:
        _, section.spread = _uncertainty(noisy, subject, model, task.settings)


def _model(model: Model | WeightsOn) -> Model:
    return _loaded(model) if isinstance(model, WeightsOn) else model


@lru_cache(1)
def _loaded(given: WeightsOn) -> Model:
    return load_model(given.weights, usable_device(given.device))[0]


def _sound_of(others: tuple[Path, ...]) -> np.ndarray:
    for path in others:
        try:
            return SimulatedRecording.load(path).audio
        except RecordingError:
            continue
    raise CorpusError("controls swap utterances; no other recording can be read")


def _restored(
    task: CorpusTask,
    simulated: SimulatedRecording,
    reconstruction: str,
    model: Model,
    progress: Progress | None = None,
) -> tuple[Subject, Recording, Restored]:
    denoising = task.settings.denoising()
    wanted = reconstruction if denoising.target == "scan" else None
    noisy, truth = simulated.noisy(reconstruction), simulated.truth(wanted).frames
    restored = denoise_recording(noisy, model, denoising, progress)
    subject = Subject(
        name=task.identity(reconstruction),
        rate=float(simulated.rate),
        denoised=restored.recording.frames,
        noisy=noisy.frames,
        truth=truth,
        outlines=simulated.outlines,
        window=(restored.used["window_frames"], restored.used["step_frames"]),
    )
    return subject, noisy, restored


def _measured(
    task: CorpusTask,
    made: tuple[Subject, Recording, Restored],
    model: Model,
    other: np.ndarray | None,
    progress: Callable[[], Progress],
) -> tuple[Section, dict[str, ControlResult] | None]:
    (subject, noisy, _), denoising = made, task.settings.denoising()
    section = Section(subject.name, measure(subject))
    first, length = middle_excerpt(len(noisy), EXCERPT)
    section.measured["consistency"] = consistency(
        noisy.excerpt(first, length),
        lambda r: denoise_recording(r, model, denoising).recording.frames,
    )
    if task.settings.samples:
        section.measured["uncertainty"], section.spread = _uncertainty(
            noisy, subject, model, task.settings
        )
    if other is None:
        return section, None
    return section, run_controls(subject, noisy, ControlSetup(other), model, denoising, progress)


def _uncertainty(
    noisy: Recording, subject: Subject, model: Model, settings: EvaluateCorpusSettings
) -> tuple[dict[str, float], tuple[np.ndarray, np.ndarray]]:
    """Coverage of intervals from several samples of the middle of a recording; spread and error."""
    first, length = middle_excerpt(len(noisy), SAMPLED)
    part, samples = slice(first, first + length), settings.samples
    sampling = {"samples": samples, "sampler": "ddpm", "steps": SAMPLING_STEPS}
    denoising = settings.denoising().model_copy(update=sampling)
    restored = denoise_recording(noisy.excerpt(first, length), model, denoising)
    mean, spread = restored.recording.frames, restored.uncertainty
    if subject.truth is None or subject.outlines is None or spread is None:
        raise ValueError("uncertainty needs a truth with outlines and two samples or more")
    truth = subject.truth[part]
    band = airway_band(subject.outlines[part], truth.shape[1:], subject.millimetres)
    metrics = {"psnr_of_mean": psnr(mean, truth), "rank": spread_correlation(mean, spread, truth)}
    for nominal in NOMINAL:
        inside = coverage(mean, spread, truth, samples, nominal)
        metrics[f"coverage_{nominal:.0%}"] = inside
        inside = coverage(mean, spread, truth, samples, nominal, band)
        metrics[f"coverage_{nominal:.0%}_airway"] = inside
    return metrics, (spread, np.abs(truth - mean))
