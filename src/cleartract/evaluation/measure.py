"""All measurements of one denoised recording, with and without a truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from cleartract.denoising.noise_survey import NoisePass
from cleartract.denoising.residual import tissue_noise
from cleartract.evaluation import articulation as speech
from cleartract.evaluation import full_reference as reference
from cleartract.evaluation import no_reference as blind
from cleartract.evaluation.anatomical_lines import automatic_lines
from cleartract.evaluation.grid_lines import GridLine, outline_lines
from cleartract.evaluation.line_quality import LineQuality, line_quality
from cleartract.evaluation.naturalness import naturalness_distance
from cleartract.evaluation.piqe import piqe
from cleartract.evaluation.regions import (
    air_mask,
    airway_band,
    bright_tissue,
    moving_band,
    resting_tissue,
)
from cleartract.evaluation.repeating import repeating_part
from cleartract.evaluation.residual import residual_audit
from cleartract.evaluation.still import still_truth
from cleartract.recordings.source import CHUNK

FIELD_OF_VIEW = 200.0  # [mm], where nothing else is known: both USC protocols
_SAMPLED = 60  # [frames] that the scores of single frames use, about


@dataclass(frozen=True)
class Subject:
    """One recording under evaluation; all frames in one normalised intensity scale.

    Attributes:
        name: Name in the report.
        rate: Frames per second.
        denoised: (frame, height, width).
        noisy: Same shape, or None.
        truth: Same shape, or None.
        outlines: (frame, point, 2) [mm], or None.
        lines: Grid lines; where None, from the outlines or placed by anatomy.
        pixel_size: [mm]; of a field of view of 200 mm where None.
        window: Window and step with which it was denoised [frames], or None.
    """

    name: str
    rate: float
    denoised: np.ndarray
    noisy: np.ndarray | None = None
    truth: np.ndarray | None = None
    outlines: np.ndarray | None = None
    lines: list[GridLine] | None = None
    pixel_size: float | None = None
    window: tuple[int, int] | None = None

    @property
    def millimetres(self) -> float:
        """Size of a pixel [mm]."""
        return self.pixel_size or FIELD_OF_VIEW / self.denoised.shape[2]

    def reference(self) -> np.ndarray:
        """Frames that decide where metrics are computed, (frame, height, width).

        The truth; else the noisy frames, smoothed over time; else the result itself.
        """
        if self.truth is not None:
            return self.truth
        if self.noisy is None:
            return self.denoised
        return gaussian_filter1d(self.noisy, 1.5, axis=0)

    def grid_lines(self) -> list[GridLine]:
        """Grid lines on which constriction degrees are measured."""
        return self._checked_lines[0]

    def line_qualities(self) -> list[LineQuality]:
        """How far each grid line can be trusted, on the reference; see `line_quality`.

        Where outlines say where the lines are, only a line without any edge is refused.
        """
        return self._checked_lines[1]

    @cached_property
    def _checked_lines(self) -> tuple[list[GridLine], list[LineQuality]]:
        frames, size, known = self.reference(), self.millimetres, False
        if self.lines is not None:
            lines = self.lines
        elif self.outlines is not None:
            lines, known = outline_lines(self.outlines), True
        else:
            lines = automatic_lines(frames, size)
        seen = next(x for x in (self.truth, self.noisy, self.denoised) if x is not None)
        found = [line_quality(seen, line, size) for line in lines]
        if known:
            found = [replace(one, reason="") if one.confidence > 0 else one for one in found]
        return lines, found

    def airway(self) -> np.ndarray:
        """The airway region, (frame, height, width) or (height, width) bool."""
        if self.outlines is not None:
            return airway_band(self.outlines, self.denoised.shape[1:], self.millimetres)
        return moving_band(self.reference())

    def versions(self) -> dict[str, np.ndarray]:
        """Noisy frames, if known, and denoised ones, by name."""
        noisy = {} if self.noisy is None else {"noisy": self.noisy}
        return {**noisy, "denoised": self.denoised}


def measure(subject: Subject) -> dict:
    """All measurements that the subject allows.

    Returns:
        `with_truth`, `without_truth`: by metric, then by version (noisy, denoised);
        `articulation`: by grid line, then metric, then version; `residual`. Those that cannot be
        measured are absent.
    """
    measured: dict = {"without_truth": without_truth(subject)}
    if subject.truth is not None:
        measured["with_truth"] = with_truth(subject)
    if subject.truth is not None or subject.noisy is not None:
        measured["articulation"] = articulation(subject)
    if subject.noisy is not None:
        air, tissue = air_mask(subject.noisy), bright_tissue(subject.reference())
        measured["residual"] = residual_audit(subject.noisy, subject.denoised, air, tissue)
        measured["residual"] |= faithfulness(subject)
    return measured


def faithfulness(subject: Subject) -> dict[str, float]:
    """What was removed although it does not change, or repeats; see `still` and `repeating`."""
    if subject.noisy is None:
        raise ValueError("the subject has no noisy frames")
    noisy, denoised = subject.noisy, subject.denoised
    found = repeating_part(noisy, denoised, subject.rate, receiver_noise(noisy))
    still = still_truth(noisy, denoised, subject.rate)
    return {f"{name}_share": value for name, value in found.items()} | {
        f"still_{name}": value for name, value in still.items()
    }


def receiver_noise(noisy: np.ndarray) -> float:
    """Standard deviation of the noise's parts: that of tissue at rest."""
    collected = NoisePass(noisy.shape[1:])
    for first in range(0, len(noisy), CHUNK):
        part = noisy[first : first + CHUNK]
        collected.add(part, np.ones(len(part), bool))
    found = collected.result()
    return 0.0 if found is None else tissue_noise(found.strength, bright_tissue(noisy))


def _table(versions: dict[str, np.ndarray], functions: dict) -> dict[str, dict[str, float]]:
    return {
        name: {version: float(function(frames)) for version, frames in versions.items()}
        for name, function in functions.items()
    }


def with_truth(subject: Subject) -> dict[str, dict[str, float]]:
    """Metrics against the truth, by name and version."""
    truth, band, lines = subject.truth, subject.airway(), subject.grid_lines()
    if truth is None:
        raise ValueError("the subject has no truth")
    functions = {
        "psnr": lambda x: reference.psnr(x, truth),
        "ssim": lambda x: reference.ssim(x, truth),
        "psnr_airway": lambda x: reference.psnr(x, truth, mask=band),
        "ssim_airway": lambda x: reference.ssim(x, truth, mask=band),
        "frame_difference_error": lambda x: reference.frame_difference_error(x, truth),
        "kymograph_correlation": lambda x: reference.kymograph_correlation(x, truth),
        "texture_ratio": lambda x: reference.texture_ratio(x, truth),
        "edge_width_ratio": lambda x: (
            speech.edge_width(x, lines, subject.millimetres)
            / speech.edge_width(truth, lines, subject.millimetres)
        ),
    }
    table = _table(subject.versions(), functions)
    if subject.window is not None:
        seam = reference.seam_index(subject.denoised, truth, *subject.window)
        table["seam_index"] = {"denoised": seam}
    return table


def without_truth(subject: Subject) -> dict[str, dict[str, float]]:
    """Metrics that need no truth, by name and version; all versions share the regions."""
    versions = subject.versions()
    air = air_mask(versions.get("noisy", subject.denoised))
    tissue, lines = resting_tissue(subject.reference()), subject.grid_lines()

    def some(frames: np.ndarray) -> np.ndarray:
        return frames[:: max(1, len(frames) // _SAMPLED)]

    functions = {
        "air_noise_temporal": lambda x: blind.temporal_noise(x, air),
        "air_noise_spatial": lambda x: blind.spatial_noise(x, air),
        "air_noise_spatial_static_share": lambda x: blind.static_share(x, air),
        "tissue_noise_spatial": lambda x: blind.spatial_noise(x - x.mean(0), tissue),
        "tissue_noise_temporal": lambda x: blind.temporal_noise(x, tissue),
        "signal_to_noise": lambda x: blind.signal_to_noise(x, tissue),
        "contrast_to_noise": lambda x: blind.contrast_to_noise(x, tissue, air),
        "flicker": lambda x: blind.flicker(x, tissue),
        "edge_strength": blind.edge_strength,
        "edge_width": lambda x: speech.edge_width(x, lines, subject.millimetres),
        "piqe": lambda x: float(np.mean([piqe(frame) for frame in some(x)])),
        "naturalness_distance": lambda x: naturalness_distance(some(x)),
    }
    table = _table(versions, functions)
    if subject.window is not None and subject.truth is None:
        seam = reference.seam_index(subject.denoised, None, *subject.window)
        table["seam_index"] = {"denoised": seam}
    return table


def articulation(subject: Subject) -> dict[str, dict[str, Any]]:
    """Constriction degrees of noisy and denoised frames against the truth's, by grid line.

    Without a truth the noisy frames are the reference. The values then measure how far articulation
    was changed, not its error. Lines without an edge between air and tissue are not scored: their
    values are not a number, and `not_scored` says why.
    """
    target = subject.noisy if subject.truth is None else subject.truth
    if target is None:
        raise ValueError("the subject has neither truth nor noisy frames")
    versions = subject.versions()
    if subject.truth is None:
        versions.pop("noisy")
    by_line: dict[str, dict[str, Any]] = {}
    for line, quality in zip(subject.grid_lines(), subject.line_qualities(), strict=True):
        truth = speech.constriction_degree(target, line, subject.millimetres)
        level, margin = speech.closed_below(truth)
        true_events = speech.events(truth, level, subject.rate, margin)
        rows: dict[str, dict[str, float]] = {}
        for version, frames in versions.items():
            degree = speech.constriction_degree(frames, line, subject.millimetres)
            events = speech.events(degree, level, subject.rate, margin)
            late, missed = speech.timing(events, true_events)
            extra = speech.timing(true_events, events)[1]
            speed = speech.peak_velocity_ratio(degree, truth, true_events, subject.rate)
            moved = speech.closure_changes(degree, truth, level, subject.rate)
            values = {
                "closure_bias_mm": float(moved.mean()) if len(moved) else float("nan"),
                "closure_change_mm": float(np.abs(moved).max()) if len(moved) else float("nan"),
                "error_mm": speech.degree_error(degree, truth),
                "correlation": reference.correlation(degree, truth),
                "timing_error_ms": late,
                "events_missed": missed,
                "events_invented": extra,
                "peak_velocity_ratio": speed,
            }
            for name, value in values.items():
                kept = value if quality.scored else float("nan")
                rows.setdefault(name, {})[version] = kept
        by_line[line.name] = {"confidence": quality.confidence, **rows}
        if not quality.scored:
            by_line[line.name]["not_scored"] = quality.reason
    return by_line
