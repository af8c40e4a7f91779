"""Evaluate a denoised recording, or a model on a corpus."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.errors import CorpusError, RecordingError
from cleartract.evaluation.consistency import consistency
from cleartract.evaluation.controls import ControlFigures, run_controls, summarise
from cleartract.evaluation.full_reference import psnr
from cleartract.evaluation.grid_lines import GridLine
from cleartract.evaluation.measure import Subject, measure
from cleartract.evaluation.protocols import middle_excerpt
from cleartract.evaluation.regions import airway_band
from cleartract.evaluation.report import Section, mean_of
from cleartract.evaluation.uncertainty import NOMINAL, coverage, spread_correlation
from cleartract.model import Model
from cleartract.recordings.dataset import AVDataset
from cleartract.recordings.recording import Intensity, Recording
from cleartract.recordings.simulated import SimulatedRecording
from cleartract.recordings.video_io import open_recording
from cleartract.restore import denoise_recording
from cleartract.windowed import DenoiseSettings

EXCERPT = 240  # [frames] on which consistency is measured
SAMPLED = 48  # [frames] on which the spread of samples is measured
SAMPLING_STEPS = 12
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Options:
    """What is measured beyond the figures of the frames.

    Attributes:
        controls: Run the controls of the audio (needs a truth and sound).
        samples: Samples for the uncertainty; 0 leaves it out.
        settings: How recordings are denoised.
    """

    controls: bool = False
    samples: int = 0
    settings: DenoiseSettings = field(default_factory=DenoiseSettings)


def evaluate(
    result: str | Path | Recording,
    truth: str | Path | Recording | None = None,
    noisy: str | Path | Recording | None = None,
    *,
    model: Model | None = None,
    lines: list[GridLine] | None = None,
    pixel_size: float | None = None,
) -> Section:
    """Evaluate one denoised recording.

    Args:
        result: The denoised recording; a sidecar beside it tells window and step.
        truth: The clean recording, or a file of a simulated corpus.
        noisy: What was denoised.
        model: With `noisy`, consistency is measured too.
        lines: Grid lines; found by themselves by default.
        pixel_size: [mm]; of a field of view of 200 mm by default.

    Returns:
        The subject and all its figures.

    Raises:
        RecordingError: If a file cannot be read, or frames do not match.
    """
    found = _open(result)
    clean, outlines = _open_truth(truth)
    before = None if noisy is None else _open(noisy)
    for other, name in ((clean, "truth"), (before, "noisy recording")):
        if other is not None and other.frames.shape != found.frames.shape:
            raise RecordingError(
                f"{_name(found)}: has (frame, height, width) {found.frames.shape}, the {name} "
                f"{other.frames.shape}; give recordings of the same frames"
            )
    reference = clean or before or found
    scale = Intensity.of(reference.frames)
    if clean is not None:
        scale = replace(scale, offset=0.0)
    notes: list[str] = []

    def scaled(recording: Recording | None) -> np.ndarray | None:
        if recording is None:
            return None
        gain = _unit_gain(recording.frames, reference.frames)
        if gain != 1:
            notes.append(f"{_name(recording)}: intensities were multiplied by {gain:.4g}")
        return scale.apply(recording.frames * gain)

    subject = Subject(
        name=_name(found),
        rate=float(found.rate),
        denoised=scale.apply(found.frames) if reference is found else scaled(found),  # type: ignore[arg-type]
        noisy=scaled(before),
        truth=scaled(clean),
        outlines=outlines,
        lines=lines,
        pixel_size=pixel_size,
        window=None if isinstance(result, Recording) else _window(Path(result)),
    )
    measured = measure(subject)
    if before is not None and model is not None:
        first, length = middle_excerpt(len(before), EXCERPT)
        measured["consistency"] = consistency(
            before.excerpt(first, length),
            lambda r: denoise_recording(r, model, DenoiseSettings()).recording.frames,
        )
    sounding = found if found.audio is not None or before is None else before
    return Section(subject, sounding, measured, notes)


def evaluate_corpus(
    corpus: Path,
    model: Model,
    split: str = "test",
    limit: int | None = None,
    options: Options | None = None,
    progress: Progress | None = None,
) -> tuple[list[Section], dict[str, Any]]:
    """Denoise and evaluate every reconstruction of a split.

    Args:
        corpus: Simulated corpus.
        model: In evaluation mode.
        split: `train`, `validation`, `test` or `all`.
        limit: At most so many recordings.
        options: What else is measured.
        progress: Called with reconstructions done and reconstructions in all.

    Returns:
        Sections, worst airway PSNR first, and means over all and by protocol.

    Raises:
        CorpusError: If the corpus holds no truth, or controls find a single utterance.
    """
    chosen = options or Options()
    entries = AVDataset(corpus, split).entries[:limit]
    if not all(entry.simulated for entry in entries):
        raise CorpusError(f"{corpus}: holds no clean truth; give a simulated corpus")
    if chosen.controls and len(entries) < 2:
        raise CorpusError(f"{corpus}: controls swap utterances; give two recordings or more")
    loaded = [SimulatedRecording.load(entry.path) for entry in entries]
    jobs = [(number, name) for number, s in enumerate(loaded) for name in s.reconstructions]
    sections: list[tuple[str, Section]] = []
    controls: list[dict[str, ControlFigures]] = []
    for done, (number, name) in enumerate(jobs):
        simulated = loaded[number]
        other = loaded[(number + 1) % len(loaded)].audio
        section, heard = _corpus_section(simulated, name, model, chosen, other)
        protocol = f"{simulated.parameters['protocol']} {name}"
        sections.append((protocol, section))
        controls += [heard] if heard else []
        if progress:
            progress(done + 1, len(jobs))
    measured = [section.measured for _, section in sections]
    summary: dict[str, Any] = {"mean": mean_of(measured)}
    summary["by_protocol"] = {
        protocol: mean_of([s.measured for p, s in sections if p == protocol])
        | {"count": sum(p == protocol for p, _ in sections)}
        for protocol in sorted({p for p, _ in sections})
    }
    if controls:
        summary["controls"] = summarise(controls)
    ranked = sorted(sections, key=lambda s: s[1].measured["with_truth"]["psnr_airway"]["denoised"])
    return [section for _, section in ranked], summary


def _corpus_section(
    simulated: SimulatedRecording, name: str, model: Model, options: Options, other: np.ndarray
) -> tuple[Section, dict[str, ControlFigures] | None]:
    noisy, truth = simulated.noisy(name), simulated.truth().frames
    restored = denoise_recording(noisy, model, options.settings)
    used = restored.used
    subject = Subject(
        name=f"{simulated.parameters['speaker']}, {simulated.parameters['protocol']}, {name}",
        rate=float(simulated.rate),
        denoised=restored.recording.frames,
        noisy=noisy.frames,
        truth=truth,
        outlines=simulated.outlines,
        window=(used["window_frames"], used["step_frames"]),
    )
    measured = measure(subject)
    if options.samples:
        measured["uncertainty"] = _uncertainty(noisy, subject, model, options)
    heard = None
    if options.controls:
        heard = run_controls(subject, noisy, other, model, options.settings)
    return Section(subject, restored.recording, measured), heard


def _uncertainty(
    noisy: Recording, subject: Subject, model: Model, options: Options
) -> dict[str, float]:
    """Coverage of intervals from several samples of the middle of a recording."""
    first, length = middle_excerpt(len(noisy), SAMPLED)
    part = slice(first, first + length)
    sampling = {"samples": options.samples, "sampler": "ddpm", "steps": SAMPLING_STEPS}
    settings = options.settings.model_copy(update=sampling)
    restored = denoise_recording(noisy.excerpt(first, length), model, settings)
    mean, spread = restored.recording.frames, restored.uncertainty
    if subject.truth is None or subject.outlines is None or spread is None:
        raise ValueError("uncertainty needs a truth with outlines and two samples or more")
    truth = subject.truth[part]
    band = airway_band(subject.outlines[part], truth.shape[1:], subject.millimetres)
    found = {"psnr_of_mean": psnr(mean, truth), "rank": spread_correlation(mean, spread, truth)}
    for nominal in NOMINAL:
        share = coverage(mean, spread, truth, options.samples, nominal)
        found[f"coverage_{nominal:.0%}"] = share
        inside = coverage(mean, spread, truth, options.samples, nominal, band)
        found[f"coverage_{nominal:.0%}_airway"] = inside
    return found


def _open(source: str | Path | Recording) -> Recording:
    return source if isinstance(source, Recording) else open_recording(source)


def _open_truth(
    source: str | Path | Recording | None,
) -> tuple[Recording | None, np.ndarray | None]:
    if source is None:
        return None, None
    if not isinstance(source, Recording) and Path(source).suffix == ".npz":
        try:
            simulated = SimulatedRecording.load(Path(source))
        except RecordingError:
            pass  # frames without outlines
        else:
            return simulated.truth(), simulated.outlines
    return _open(source), None


def _unit_gain(frames: np.ndarray, reference: np.ndarray) -> float:
    """Factor between two units of intensity, 1 where they are the same unit."""
    gain = float((frames * reference).sum() / max(float((frames**2).sum()), 1e-12))
    return gain if not 0.7 < gain < 1.4 else 1.0


def _name(recording: Recording) -> str:
    return Path(str(recording.provenance.get("path", "recording"))).name


def _window(result: Path) -> tuple[int, int] | None:
    """Window and step from the sidecar of a result, if there is one."""
    sidecar = result.with_name(result.name + ".json")
    try:
        used = json.loads(sidecar.read_text())["parameters"]
        return int(used["window_frames"]), int(used["step_frames"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
