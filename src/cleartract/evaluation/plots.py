"""Pictures for the report, as PNG files in memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cleartract.evaluation.full_reference import radial_spectrum
from cleartract.evaluation.line_picture import lines_picture
from cleartract.evaluation.measure import Subject

WINDOW = 16  # [frames] of the windows that are ranked
COLOURS = {"noisy": "#8b97a3", "denoised": "#4cc2ff", "truth": "#ffb24d"}
_BACK = "#191d22"


def worst_windows(subject: Subject, count: int = 4) -> list[tuple[int, float]]:
    """First frames of the windows with the largest error, or residual structure, worst first.

    With a truth: root mean square error. Without: size of the part of the residual that is the
    same in all frames of the window, which noise is not.
    """
    last = max(0, len(subject.denoised) - WINDOW)
    starts = sorted({*range(0, last + 1, WINDOW), last})
    scores = []
    for first in starts:
        part = slice(first, first + WINDOW)
        if subject.truth is not None:
            score = np.sqrt(((subject.denoised[part] - subject.truth[part]) ** 2).mean())
        elif subject.noisy is not None:
            residual = subject.noisy[part] - subject.denoised[part]
            score = np.sqrt((residual.mean(0) ** 2).mean())
        else:
            score = np.abs(np.diff(subject.denoised[part], 2, axis=0)).mean()
        scores.append((first, float(score)))
    return sorted(scores, key=lambda item: -item[1])[:count]


def spectrum_png(subject: Subject) -> bytes:
    """Radial power spectrum of all versions."""
    versions = subject.versions()
    if subject.truth is not None:
        versions["truth"] = subject.truth
    with _figure(5) as figure:
        axis = figure.subplots()
        for name, frames in versions.items():
            frequency, power = radial_spectrum(frames[:: max(1, len(frames) // 100)])
            axis.semilogy(frequency, power, color=COLOURS[name], label=name)
        axis.set_xlabel("spatial frequency [cycles per pixel]")
        axis.set_ylabel("power")
        axis.legend(fontsize=8)
        return _png(figure)


def lines_png(subject: Subject) -> bytes:
    """Grid lines on the mean frame."""
    reference = subject.denoised if subject.truth is None else subject.truth
    lines, qualities = subject.grid_lines(), subject.line_qualities()
    return lines_picture(reference, lines, qualities, subject.millimetres)


def uncertainty_png(spread: np.ndarray, error: np.ndarray) -> bytes:
    """Mean over frames of the samples' spread and of the absolute error, in one scale.

    Args:
        spread: Standard deviation over samples, (frame, height, width).
        error: |truth - mean of the samples|, same shape.
    """
    maps = {"spread of the samples": spread.mean(0), "absolute error": error.mean(0)}
    top = max(float(np.percentile(values, 99.5)) for values in maps.values())
    with _figure(7) as figure:
        for axis, (title, values) in zip(figure.subplots(1, 2), maps.items(), strict=True):
            shown = axis.imshow(values, cmap="magma", vmin=0, vmax=top)
            axis.set_title(title, fontsize=9)
            axis.set_axis_off()
        figure.colorbar(shown, ax=figure.axes)
        return _png(figure)


@contextmanager
def _figure(width: float) -> Iterator[Any]:
    """A figure of a width [inch] in the colours of the page around it."""
    from matplotlib import style
    from matplotlib.figure import Figure

    colours = {f"{part}.facecolor": _BACK for part in ("figure", "axes", "savefig")}
    with style.context(["dark_background", colours]):
        yield Figure(figsize=(width, 3.2), layout="constrained")


def _png(figure: Any) -> bytes:
    """A matplotlib figure as PNG."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return file.getvalue()
