"""Evaluate a model on a simulated corpus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.corpora.dataset import AVDataset
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.denoising.denoise import denoise_recording
from cleartract.errors import CorpusError
from cleartract.evaluation.consistency import consistency, middle_excerpt
from cleartract.evaluation.control_summary import summarise
from cleartract.evaluation.controls import ControlResult, ControlSetup, run_controls
from cleartract.evaluation.full_reference import psnr
from cleartract.evaluation.measure import Subject, measure
from cleartract.evaluation.regions import airway_band
from cleartract.evaluation.report import SHOWN, Section, mean_of
from cleartract.evaluation.settings import EvaluateCorpusSettings
from cleartract.evaluation.uncertainty import NOMINAL, coverage, spread_correlation
from cleartract.model.model import Model
from cleartract.recordings.recording import Recording

EXCERPT = 120  # [frames] on which consistency is measured
SAMPLED = 48  # [frames] on which the spread of samples is measured
SAMPLING_STEPS = 12
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Job:
    """One reconstruction of a corpus.

    Attributes:
        simulated: Its recording.
        reconstruction: Its name.
        identity: Name in the report.
        other: Sound of another utterance, (sample,).
    """

    simulated: SimulatedRecording
    reconstruction: str
    identity: str
    other: np.ndarray


def evaluate_corpus(
    corpus: Path,
    model: Model,
    settings: EvaluateCorpusSettings | None = None,
    progress: Progress | None = None,
) -> tuple[list[Section], dict[str, Any]]:
    """Denoise and evaluate every reconstruction of a split.

    Args:
        corpus: Simulated corpus.
        model: In evaluation mode.
        settings: Which recordings, and what is measured beyond the metrics of the frames.
        progress: Called with reconstructions done and reconstructions in all.

    Returns:
        Sections, worst airway PSNR first, and means over all and by protocol.

    Raises:
        CorpusError: If the corpus holds no truth, or a single utterance where controls need two.
    """
    settings = settings or EvaluateCorpusSettings()
    entries = AVDataset(corpus, settings.split).entries[: settings.limit]
    if not all(entry.simulated for entry in entries):
        raise CorpusError(f"{corpus}: holds no clean truth; give a simulated corpus")
    if settings.controls and len(entries) < 2:
        raise CorpusError(f"{corpus}: controls swap utterances; give two recordings or more")
    paths = [entry.path for entry in entries]
    pairs = [(i, name) for i, path in enumerate(paths) for name in _reconstructions(path)]
    protocols: list[str] = []
    sections: list[Section] = []
    controls: list[dict[str, ControlResult]] = []
    for done, (number, name) in enumerate(pairs):
        if progress:
            progress(done, len(pairs))
        path = paths[number]
        job = _Job(
            SimulatedRecording.load(path),
            name,
            f"{path.parent.name}/{path.stem}, {name}",
            SimulatedRecording.load(paths[(number + 1) % len(paths)]).audio,
        )
        section, results = _corpus_section(job, model, settings)
        sections.append(section)
        protocols.append(f"{job.simulated.parameters['protocol']} {name}")
        controls += [results] if results else []
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
        summary["controls"] = summarise(controls, [paths[i].parent.name for i, _ in pairs])
    return sorted(sections, key=_badness), summary


def _badness(section: Section) -> float:
    quality = section.measured["with_truth"]["psnr_airway"]["denoised"]
    return quality if np.isfinite(quality) else -np.inf


def _keep_frames_of_worst(sections: list[Section]) -> None:
    """Drop the frames of all sections but the worst, which alone get pictures."""
    for section in sorted(sections, key=_badness)[SHOWN:]:
        section.subject = section.recording = section.spread = None


def _reconstructions(path: Path) -> list[str]:
    return list(SimulatedRecording.load(path).reconstructions)


def _corpus_section(
    job: _Job, model: Model, settings: EvaluateCorpusSettings
) -> tuple[Section, dict[str, ControlResult] | None]:
    simulated, denoising = job.simulated, settings.denoising()
    wanted = job.reconstruction if denoising.target == "scan" else None
    noisy, truth = simulated.noisy(job.reconstruction), simulated.truth(wanted).frames
    restored = denoise_recording(noisy, model, denoising)
    used = restored.used
    subject = Subject(
        name=job.identity,
        rate=float(simulated.rate),
        denoised=restored.recording.frames,
        noisy=noisy.frames,
        truth=truth,
        outlines=simulated.outlines,
        window=(used["window_frames"], used["step_frames"]),
    )
    section = Section(job.identity, measure(subject), subject, restored.recording)
    first, length = middle_excerpt(len(noisy), EXCERPT)
    section.measured["consistency"] = consistency(
        noisy.excerpt(first, length),
        lambda r: denoise_recording(r, model, denoising).recording.frames,
    )
    if settings.samples:
        section.measured["uncertainty"], section.spread = _uncertainty(
            noisy, subject, model, settings
        )
    results = None
    if settings.controls:
        results = run_controls(subject, noisy, ControlSetup(job.other), model, denoising)
    return section, results


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
