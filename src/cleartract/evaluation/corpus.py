"""Evaluate a model on a simulated corpus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.corpora.dataset import AVDataset
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.errors import CorpusError
from cleartract.evaluation.consistency import consistency
from cleartract.evaluation.controls import ControlFigures, run_controls, summarise
from cleartract.evaluation.full_reference import psnr
from cleartract.evaluation.measure import Subject, measure
from cleartract.evaluation.protocols import middle_excerpt
from cleartract.evaluation.regions import airway_band
from cleartract.evaluation.report import SHOWN, Section, mean_of
from cleartract.evaluation.uncertainty import NOMINAL, coverage, spread_correlation
from cleartract.model.model import Model
from cleartract.recordings.recording import Recording

EXCERPT = 120  # [frames] on which consistency is measured
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
    paths = [entry.path for entry in entries]
    jobs = [(i, name) for i, path in enumerate(paths) for name in _reconstructions(path)]
    protocols: list[str] = []
    sections: list[Section] = []
    controls: list[dict[str, ControlFigures]] = []
    for done, (number, name) in enumerate(jobs):
        if progress:
            progress(done, len(jobs))
        simulated = SimulatedRecording.load(paths[number])
        other = SimulatedRecording.load(paths[(number + 1) % len(paths)]).audio
        identity = f"{paths[number].parent.name}/{paths[number].stem}, {name}"
        section, heard = _corpus_section(identity, simulated, name, model, chosen, other)
        sections.append(section)
        protocols.append(f"{simulated.parameters['protocol']} {name}")
        controls += [heard] if heard else []
        _keep_frames_of_worst(sections)
    summary: dict[str, Any] = {"mean": mean_of([s.measured for s in sections])}
    summary["by_protocol"] = {
        protocol: {
            "count": protocols.count(protocol),
            "mean": mean_of(
                [s.measured for p, s in zip(protocols, sections, strict=True) if p == protocol]
            ),
        }
        for protocol in sorted(set(protocols))
    }
    if controls:
        summary["controls"] = summarise(controls, [paths[i].parent.name for i, _ in jobs])
    return sorted(sections, key=_badness), summary


def _badness(section: Section) -> float:
    quality = section.measured["with_truth"]["psnr_airway"]["denoised"]
    return quality if np.isfinite(quality) else -np.inf


def _keep_frames_of_worst(sections: list[Section]) -> None:
    """Pictures are made of the worst sections only; the frames of the others are let go."""
    for section in sorted(sections, key=_badness)[SHOWN:]:
        section.subject = section.recording = section.spread = None


def _reconstructions(path: Path) -> list[str]:
    return list(SimulatedRecording.load(path).reconstructions)


def _corpus_section(
    identity: str,
    simulated: SimulatedRecording,
    name: str,
    model: Model,
    options: Options,
    other: np.ndarray,
) -> tuple[Section, dict[str, ControlFigures] | None]:
    noisy, truth = simulated.noisy(name), simulated.truth().frames
    restored = denoise_recording(noisy, model, options.settings)
    used = restored.used
    subject = Subject(
        name=identity,
        rate=float(simulated.rate),
        denoised=restored.recording.frames,
        noisy=noisy.frames,
        truth=truth,
        outlines=simulated.outlines,
        window=(used["window_frames"], used["step_frames"]),
    )
    section = Section(identity, measure(subject), subject, restored.recording)
    first, length = middle_excerpt(len(noisy), EXCERPT)
    section.measured["consistency"] = consistency(
        noisy.excerpt(first, length),
        lambda r: denoise_recording(r, model, options.settings).recording.frames,
    )
    if options.samples:
        section.measured["uncertainty"], section.spread = _uncertainty(
            noisy, subject, model, options
        )
    heard = None
    if options.controls:
        heard = run_controls(subject, noisy, other, model, options.settings)
    return section, heard


def _uncertainty(
    noisy: Recording, subject: Subject, model: Model, options: Options
) -> tuple[dict[str, float], tuple[np.ndarray, np.ndarray]]:
    """Coverage of intervals from several samples of the middle of a recording; spread and error."""
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
    return found, (spread, np.abs(truth - mean))
