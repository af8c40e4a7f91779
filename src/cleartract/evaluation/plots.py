"""Pictures for the report, as PNG files in memory."""

from __future__ import annotations

import io

import numpy as np

from cleartract.evaluation.articulation import closed_below, constriction_degree
from cleartract.evaluation.full_reference import radial_spectrum
from cleartract.evaluation.measure import Subject
from cleartract.evaluation.residual import residual_frames
from cleartract.recordings.pictures import kymograph, stacked, strip, to_levels

WINDOW = 16  # [frames] of the windows that are ranked
_QUIET = -120  # [dB] of the darkest colour of a spectrogram
_COLOURS = {"noisy": "#b0b0b0", "denoised": "#0b6fb8", "truth": "#101010"}


def frame_rows(subject: Subject) -> dict[str, np.ndarray]:
    """Grey levels of noisy, denoised, truth and residual, (frame, height, width) uint8."""
    rows = {name: to_levels(frames) for name, frames in subject.versions().items()}
    if subject.truth is not None:
        rows["truth"] = to_levels(subject.truth)
    if subject.noisy is not None:
        rows["residual"] = residual_frames(subject.noisy, subject.denoised)
    return rows


def strip_png(subject: Subject, first: int = 0, frames: int | None = None) -> bytes:
    """Eight frames of every version below each other."""
    rows = frame_rows(subject)
    last = len(subject.denoised) - 1 if frames is None else first + frames - 1
    chosen = np.linspace(first, last, min(8, last - first + 1)).astype(int)
    return _png(stacked([strip(row, chosen) for row in rows.values()]))


def kymograph_png(subject: Subject, column: float = 0.42, longest: int = 500) -> bytes:
    """One column of pixels over time, of every version; at most `longest` frames."""
    rows = [kymograph(row[:longest], column) for row in frame_rows(subject).values()]
    return _png(stacked(rows))


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


def curves_png(subject: Subject, sound: tuple[np.ndarray, int] | None) -> bytes | None:
    """Constriction degrees of all versions under waveform and spectrogram; None without any."""
    from matplotlib.figure import Figure

    lines = subject.grid_lines()
    above = 0 if sound is None else 2
    if above + len(lines) == 0:
        return None
    figure = Figure(figsize=(11, 1.3 * (above + len(lines)) + 0.6), layout="constrained")
    axes = figure.subplots(above + len(lines), 1, sharex=True, squeeze=False)[:, 0]
    if sound is not None:
        waveform, rate = sound
        axes[0].plot(np.arange(len(waveform)) / rate, waveform, lw=0.4, color="black")
        axes[0].set_ylabel("sound")
        *_, image = axes[1].specgram(
            waveform + 1e-6 * np.random.default_rng(0).standard_normal(len(waveform)),
            NFFT=512, noverlap=384, Fs=rate, cmap="magma",
        )  # fmt: skip
        image.set_clim(_QUIET, max(image.get_clim()[1], _QUIET + 1))  # also of silence
        axes[1].set_ylim(0, min(8000, rate / 2))
        axes[1].set_ylabel("[Hz]")
    times = (np.arange(len(subject.denoised)) + 0.5) / subject.rate
    versions = subject.versions()
    if subject.truth is not None:
        versions["truth"] = subject.truth
    for axis, line in zip(axes[above:], lines, strict=True):
        for name, frames in versions.items():
            degree = constriction_degree(frames, line, subject.millimetres)
            axis.plot(times, degree, lw=0.9, color=_COLOURS[name], label=name)
            if name == "truth":
                axis.axhline(closed_below(degree)[0], lw=0.5, ls=":", color="#888888")
        axis.set_ylabel(f"{line.name}\n[mm]", fontsize=8)
    if lines:
        axes[above].legend(fontsize=7, loc="upper right", ncols=3)
    axes[-1].set_xlabel("time [s]")
    axes[-1].set_xlim(0, len(subject.denoised) / subject.rate)
    return _figure_png(figure)


def spectrum_png(subject: Subject) -> bytes:
    """Radial power spectrum of all versions."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axis = figure.subplots()
    versions = subject.versions()
    if subject.truth is not None:
        versions["truth"] = subject.truth
    for name, frames in versions.items():
        frequency, power = radial_spectrum(frames[:: max(1, len(frames) // 100)])
        axis.semilogy(frequency, power, color=_COLOURS[name], label=name)
    axis.set_xlabel("spatial frequency [cycles per pixel]")
    axis.set_ylabel("power")
    axis.legend(fontsize=8)
    return _figure_png(figure)


def lines_png(subject: Subject, zoom: int = 4) -> bytes:
    """Grid lines on the mean frame."""
    from matplotlib.figure import Figure

    reference = subject.denoised if subject.truth is None else subject.truth
    height, width = reference.shape[1:]
    figure = Figure(figsize=(width * zoom / 100, height * zoom / 100), dpi=100)
    axis = figure.add_axes((0, 0, 1, 1))
    axis.imshow(reference.mean(0), cmap="gray", vmin=0, vmax=1)
    for line in subject.grid_lines():
        (x0, y0), (x1, y1) = (np.array(p) / subject.millimetres for p in (line.start, line.end))
        axis.plot([x0, x1], [y0, y1], color="#ffcc00", lw=1.5)
        axis.text(x1, y1, line.name, color="#ffcc00", fontsize=7)
    axis.set_axis_off()
    axis.set_xlim(-0.5, width - 0.5)
    axis.set_ylim(height - 0.5, -0.5)
    return _figure_png(figure)


def uncertainty_png(spread: np.ndarray, error: np.ndarray) -> bytes:
    """Mean over frames of the samples' spread and of the absolute error, in one scale.

    Args:
        spread: Standard deviation over samples, (frame, height, width).
        error: |truth - mean of the samples|, same shape.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), layout="constrained")
    maps = {"spread of the samples": spread.mean(0), "absolute error": error.mean(0)}
    top = max(float(np.percentile(values, 99.5)) for values in maps.values())
    for axis, (title, values) in zip(figure.subplots(1, 2), maps.items(), strict=True):
        shown = axis.imshow(values, cmap="magma", vmin=0, vmax=top)
        axis.set_title(title, fontsize=9)
        axis.set_axis_off()
    figure.colorbar(shown, ax=figure.axes)
    return _figure_png(figure)


def _figure_png(figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return file.getvalue()


def _png(levels: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(levels).save(file, format="PNG")
    return file.getvalue()
