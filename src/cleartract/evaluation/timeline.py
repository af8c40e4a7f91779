"""The picture of a recording over time: kymographs, sound, words, phones, constriction degrees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cleartract.evaluation.articulation import closed_below, constriction_degree
from cleartract.evaluation.measure import Subject
from cleartract.evaluation.plots import COLOURS, frame_rows, missing_glyphs_allowed
from cleartract.recordings.annotations import Annotation, Tier
from cleartract.recordings.pictures import kymograph

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 100  # [pixels per inch]
_PER_FRAME = 2  # [pixels], so that kymographs are not interpolated
_NARROWEST, _WIDEST = 10.0, 60.0  # [inch] of the time axis; the longest recordings are squeezed
_LEFT, _RIGHT, _TOP, _BOTTOM, _GAP = 0.9, 0.15, 0.1, 0.5, 0.08  # [inch] around and between rows
_HEIGHTS = {"kymograph": 1.5, "sound": 0.9, "spectrogram": 1.1, "label": 0.24, "degree": 1.1}
_QUIET = -120  # [dB] of the darkest colour of a spectrogram
_COLUMN = 0.42  # where kymographs lie, as a share of the width


def timeline(
    subject: Subject,
    sound: tuple[np.ndarray, int] | None,
    annotation: Annotation | None = None,
) -> Figure:
    """All that changes over time, below each other on one time axis.

    Args:
        subject: Its kymographs and constriction degrees of all versions.
        sound: Waveform and its sample rate [Hz], or None.
        annotation: Its words and phones, or None.
    """
    kymographs = {name: kymograph(row, _COLUMN, 1) for name, row in frame_rows(subject).items()}
    tiers: dict[str, Tier | None] = {"words": None, "phones": None}
    if annotation is not None:
        tiers = {"words": annotation.words, "phones": annotation.phones}
    shown = {name: tier for name, tier in tiers.items() if tier is not None}
    lines = subject.grid_lines()
    kinds = ["kymograph"] * len(kymographs)
    kinds += [] if sound is None else ["sound", "spectrogram"]
    kinds += ["label"] * len(shown) + ["degree"] * len(lines)
    duration = len(subject.denoised) / subject.rate
    figure, axes = _rows([_HEIGHTS[kind] for kind in kinds], len(subject.denoised), duration)
    rows = iter(axes)
    for name, picture in kymographs.items():
        _draw_kymograph(next(rows), name, picture, duration)
    if sound is not None:
        _draw_sound(next(rows), next(rows), *sound)
    for name, tier in shown.items():
        draw_labels(next(rows), name, tier, duration)
    if lines:
        _draw_degrees(list(rows), subject)
    axes[-1].tick_params(labelbottom=True)
    axes[-1].set_xlabel("time [s]")
    return figure


def _rows(heights: list[float], frames: int, duration: float) -> tuple[Figure, list[Axes]]:
    """A figure of rows [inch] with the same left and right edge, and one time axis [s]."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = float(np.clip(_PER_FRAME * frames / _DPI, _NARROWEST, _WIDEST))
    full_width = _LEFT + width + _RIGHT
    full_height = _TOP + sum(heights) + _GAP * (len(heights) - 1) + _BOTTOM
    figure = Figure(figsize=(full_width, full_height), dpi=_DPI)
    FigureCanvasAgg(
        figure
    )  # keeps its renderer; without it every label would be measured by a new one
    axes: list[Axes] = []
    top = full_height - _TOP
    for height in heights:
        place = (_LEFT / full_width, (top - height) / full_height,
                 width / full_width, height / full_height)  # fmt: skip
        axis = figure.add_axes(place, sharex=axes[0] if axes else None)
        axis.tick_params(labelbottom=False, labelsize=8)
        axes.append(axis)
        top -= height + _GAP
    axes[0].set_xlim(0, duration)
    axes[0].set_autoscalex_on(False)
    return figure, axes


def _draw_kymograph(axis: Axes, name: str, picture: np.ndarray, duration: float) -> None:
    squeezed = _PER_FRAME * picture.shape[1] > _WIDEST * _DPI
    axis.imshow(
        picture, cmap="gray", vmin=0, vmax=255, aspect="auto", extent=(0, duration, 1, 0),
        interpolation="antialiased" if squeezed else "nearest",
    )  # fmt: skip
    axis.set_yticks([])
    axis.set_ylabel(name, fontsize=8)


def _draw_sound(waveform_axis: Axes, axis: Axes, waveform: np.ndarray, rate: int) -> None:
    waveform_axis.plot(np.arange(len(waveform)) / rate, waveform, lw=0.4, color="black")
    waveform_axis.set_ylabel("sound", fontsize=8)
    limits = axis.get_xlim()  # a spectrogram sets its own
    *_, image = axis.specgram(
        waveform + 1e-6 * np.random.default_rng(0).standard_normal(len(waveform)),
        NFFT=512, noverlap=384, Fs=rate, cmap="magma",
    )  # fmt: skip
    axis.set_xlim(limits)
    image.set_clim(_QUIET, max(image.get_clim()[1], _QUIET + 1))  # also of silence
    axis.set_ylim(0, min(8000, rate / 2))
    axis.set_ylabel("[Hz]", fontsize=8)


def draw_labels(axis: Axes, name: str, tier: Tier, duration: float) -> list[str]:
    """Draw the intervals of a tier with their labels; those that would overlap are left out.

    Args:
        axis: A row whose time axis [s] has its final place.
        name: Its name.
        tier: Intervals beyond the recording are left out.
        duration: Length of the recording [s].

    Returns:
        The labels that were drawn.
    """
    axis.set_ylim(0, 1)
    axis.set_yticks([])
    axis.set_ylabel(name, fontsize=8, rotation=0, ha="right", va="center")
    left, right = axis.bbox.intervalx  # [pixels]
    drawn: list[str] = []
    free = left  # [pixels] where the next label may begin
    for interval in tier.intervals:
        start, end = max(interval.start, 0.0), min(interval.end, duration)
        if start >= end:
            continue
        axis.axvspan(start, end, facecolor="#eef3f8", edgecolor="#7a8a99", lw=0.5)
        text = axis.text(
            (start + end) / 2, 0.47, interval.label, ha="center", va="center", fontsize=8,
            parse_math=False,
        )  # fmt: skip
        with missing_glyphs_allowed():
            box = text.get_window_extent()
        if box.x0 < free or box.x1 > right:
            text.remove()
            continue
        free = box.x1 + 1
        drawn.append(interval.label)
    return drawn


def _draw_degrees(axes: list[Axes], subject: Subject) -> None:
    times = (np.arange(len(subject.denoised)) + 0.5) / subject.rate
    versions = subject.versions()
    if subject.truth is not None:
        versions["truth"] = subject.truth
    lines, qualities = subject.grid_lines(), subject.line_qualities()
    for axis, line, quality in zip(axes, lines, qualities, strict=True):
        for name, frames in versions.items():
            degree = constriction_degree(frames, line, subject.millimetres)
            axis.plot(times, degree, lw=0.9, color=COLOURS[name], label=name)
            if name == "truth":
                axis.axhline(closed_below(degree)[0], lw=0.5, ls=":", color="#888888")
        axis.set_ylabel(f"{line.name}\n[mm]", fontsize=8)
        if not quality.scored:
            axis.set_facecolor("#f6e6e6")
            said = f"not scored: {quality.reason}"
            axis.text(0.01, 0.84, said, transform=axis.transAxes, fontsize=8, color="#a02020")
    axes[0].legend(fontsize=7, loc="upper right", ncols=3)
