"""Articulation: constriction degrees measured on the frames, their timing, speed and edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import savgol_filter

from cleartract.evaluation.grid_lines import SPACING, GridLine, sample_line

CLOSED = 0.3  # of the range of a constriction degree: below it counts as closed
MARGIN = 0.1  # of the range, by which the level must be passed
MATCH = 0.08  # [s] within which two events are the same event
_APART = 0.04  # [s] that the narrowest frames of a closure may lie apart
_CALM = 0.8  # [frames], so that a single noisy frame is no closure
_SLOPE = 0.05  # [s], least width of the derivative's filter


@dataclass(frozen=True)
class Event:
    """A closure or a release.

    Attributes:
        closes: True for a closure, False for a release.
        time: [s].
    """

    closes: bool
    time: float


def constriction_degree(frames: np.ndarray, line: GridLine, pixel_size: float) -> np.ndarray:
    r"""Width of the air along a grid line in every frame, (frame,) [mm].

    .. math:: c = \Delta s \sum_s w\!\left(\frac{T - I_s}{T - A}\right), \quad
              w(d) = \operatorname{clip}(2 d - \tfrac12, 0, 1)

    Tissue T and air A are the 80th and the 2nd percentile of the intensities I along the line over
    the whole recording. The ramp w ignores the first and last quarter between both, so that noise
    in tissue does not count as air.

    Args:
        frames: (frame, height, width), any intensity scale.
        line: Grid line.
        pixel_size: [mm].
    """
    profile = sample_line(frames, line, pixel_size)
    air, tissue = np.percentile(profile, (2, 80))
    deficit = (tissue - profile) / max(float(tissue - air), 1e-12)
    return np.clip(2 * deficit - 0.5, 0, 1).sum(1) * SPACING * pixel_size


def constriction_degrees(
    frames: np.ndarray, lines: list[GridLine], pixel_size: float
) -> np.ndarray:
    """Constriction degrees along several lines, (line, frame) [mm]."""
    return np.stack([constriction_degree(frames, line, pixel_size) for line in lines])


def degree_error(degree: np.ndarray, truth: np.ndarray) -> float:
    """Root mean square error of constriction degrees of one shape [mm]."""
    return float(np.sqrt(np.mean((degree - truth) ** 2)))


def closed_below(truth: np.ndarray) -> tuple[float, float]:
    """Level of a constriction degree below which it counts as closed, and its margin [mm]."""
    low, high = np.percentile(truth, (5, 95))
    return float(low + CLOSED * (high - low)), float(MARGIN * (high - low))


def events(degree: np.ndarray, level: float, rate: float, margin: float = 0.0) -> list[Event]:
    """Closures and releases: crossings of a level, between frames by linear interpolation.

    Args:
        degree: (frame,) [mm].
        level: [mm].
        rate: Frames per second.
        margin: A crossing counts once the curve has left level +- margin on the other side [mm],
            so that noise about the level is no event.
    """
    crossings: list[Event] = []
    is_open: bool | None = None
    crossing = 0.0
    for frame, value in enumerate(degree):
        if frame and (degree[frame - 1] > level) != (value > level):
            before = degree[frame - 1]
            share = (level - before) / (value - before)
            crossing = float((frame - 0.5 + share) / rate)
        if value > level + margin or value < level - margin:
            now = bool(value > level)
            if is_open is not None and now != is_open:
                crossings.append(Event(not now, crossing))
            is_open = now
    return crossings


def closure_changes(degree: np.ndarray, truth: np.ndarray, level: float, rate: float) -> np.ndarray:
    """How much wider or narrower each closure has become, (closure,) [mm].

    A closure is a stretch in which the true degree lies below the level. The smallest degrees, each
    the mean over about three frames, are compared; they may be 40 ms apart.

    Args:
        degree: (frame,) [mm].
        truth: (frame,) [mm].
        level: [mm].
        rate: Frames per second.
    """
    calm, true = (gaussian_filter1d(one.astype(float), _CALM) for one in (degree, truth))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], true < level, [0]])))
    reach = round(_APART * rate)
    return np.array(
        [
            calm[max(0, first - reach) : end + reach].min() - true[first:end].min()
            for first, end in zip(edges[::2], edges[1::2], strict=True)
        ]
    )


def timing(measured: list[Event], truth: list[Event]) -> tuple[float, float]:
    """Mean absolute timing error [ms], and share of the true events that were missed.

    Events of one kind within 80 ms are paired, nearest first, each once; a true event without
    partner is missed. Both are not a number where the truth has no events, the first also where all were
    missed.
    """
    if not truth:
        return float("nan"), float("nan")
    pairs = sorted(
        (abs(f.time - t.time), i, j)
        for i, t in enumerate(truth)
        for j, f in enumerate(measured)
        if f.closes == t.closes and abs(f.time - t.time) <= MATCH
    )
    true_taken: set[int] = set()
    measured_taken: set[int] = set()
    errors = []
    for distance, i, j in pairs:
        if i not in true_taken and j not in measured_taken:
            true_taken.add(i)
            measured_taken.add(j)
            errors.append(1000 * distance)
    return (float(np.mean(errors)) if errors else float("nan")), 1 - len(errors) / len(truth)


def velocity(degree: np.ndarray, rate: float) -> np.ndarray:
    """Rate of change of a constriction degree, (frame,) [mm/s].

    Args:
        degree: (frame,) [mm].
        rate: Frames per second.

    References:
        Savitzky and Golay 1964, quadratic, over an odd number of frames: 50 ms or a little more,
        and at least three frames.
    """
    window = max(3, 2 * round(_SLOPE * rate / 2) + 1)
    if len(degree) < window:
        return np.zeros_like(degree)
    return savgol_filter(degree, window, 2, deriv=1, delta=1 / rate)


def peak_velocity_ratio(
    degree: np.ndarray, truth: np.ndarray, truth_events: list[Event], rate: float
) -> float:
    """Median ratio of peak speeds around the true closures and releases; smearing lowers it.

    Args:
        degree: (frame,) [mm].
        truth: (frame,) [mm].
        truth_events: Events around which speeds are compared.
        rate: Frames per second.
    """
    fast, true = np.abs(velocity(degree, rate)), np.abs(velocity(truth, rate))
    reach, ratios = max(1, round(MATCH * rate)), []
    for event in truth_events:
        centre = round(event.time * rate - 0.5)
        part = slice(max(0, centre - reach), centre + reach + 1)
        if true[part].max() > 0:
            ratios.append(fast[part].max() / true[part].max())
    return float(np.median(ratios)) if ratios else float("nan")


def edge_width(frames: np.ndarray, lines: list[GridLine], pixel_size: float) -> float:
    r"""Median width of the air-tissue boundary at the end of grid lines [mm].

    .. math:: (T - A) / \max |dI/ds|

    between the darkest point A of the profile and the brightest one T behind it, within 8 mm of the
    half-way crossing. A step blurred by a Gaussian of standard deviation s has a width of 2.51 s.

    Args:
        frames: (frame, height, width).
        lines: Grid lines.
        pixel_size: [mm].
    """
    spacing, widths = SPACING * pixel_size, []
    reach = max(2, round(8 / spacing))
    for line in lines:
        profile = sample_line(frames, line, pixel_size)
        low, high = np.percentile(profile, (2, 80))
        for row in profile:
            dark = int(row.argmin())
            if row[dark] > low + 0.25 * (high - low):
                continue  # closed: no air on this line
            rising = np.flatnonzero(row[dark:] > (low + high) / 2)
            if not len(rising):
                continue
            edge = dark + int(rising[0])
            part = row[max(dark, edge - reach) : edge + reach]
            slope = np.abs(np.gradient(part)).max() if len(part) > 1 else 0.0
            if slope > 0:
                widths.append((part.max() - part.min()) / slope * spacing)
    return float(np.median(widths)) if widths else float("nan")
