"""Metrics that compare frames with a clean truth. Pure functions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from cleartract.recordings.windows import SlidingWindowTransform


def psnr(
    frames: np.ndarray,
    truth: np.ndarray,
    data_range: float = 1.0,
    mask: np.ndarray | None = None,
) -> float:
    r"""Peak signal-to-noise ratio [dB].

    .. math:: 10 \log_{10}(R^2 / \overline{(x - t)^2})

    Args:
        frames: Any shape.
        truth: Same shape.
        data_range: R, in the unit of the frames.
        mask: Where it counts, broadcastable to the frames; everywhere by default.

    Returns:
        [dB]; not a number for an empty mask.
    """
    squares = (np.asarray(frames, np.float64) - truth) ** 2
    if mask is not None:
        squares = squares[np.broadcast_to(mask, squares.shape)]
    if not squares.size:
        return float("nan")
    error = squares.mean()
    return float(10 * np.log10(data_range**2 / max(float(error), 1e-20)))


def ssim(
    frames: np.ndarray,
    truth: np.ndarray,
    data_range: float = 1.0,
    mask: np.ndarray | None = None,
) -> float:
    """Structural similarity of each frame (scikit-image, 7x7 window), averaged.

    Args:
        frames: (frame, height, width).
        truth: Same shape.
        data_range: In the unit of the frames.
        mask: Where it counts, broadcastable to the frames; everywhere by default.

    References:
        Wang et al. 2004, IEEE Trans Image Process 13:600.
    """
    from skimage.metrics import structural_similarity

    pairs = zip(truth.astype(np.float64), frames.astype(np.float64), strict=True)
    if mask is None:
        return float(
            np.mean([structural_similarity(t, f, data_range=data_range) for t, f in pairs])
        )
    maps = [structural_similarity(t, f, data_range=data_range, full=True)[1] for t, f in pairs]
    values = np.stack(maps)[np.broadcast_to(mask, frames.shape)]
    return float(values.mean()) if values.size else float("nan")


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson correlation of two arrays of one shape; not a number where one is constant."""
    a, b = np.ravel(a).astype(np.float64), np.ravel(b).astype(np.float64)
    if a.size * a.std() * b.std() <= 1e-12:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def frame_difference_error(frames: np.ndarray, truth: np.ndarray) -> float:
    """Root mean square error of the difference between successive frames.

    Flicker raises it, and so does motion that is smeared.

    Args:
        frames: (frame, height, width), at least two frames.
        truth: Same shape.
    """
    error = np.diff(np.asarray(frames, np.float64) - truth, axis=0)
    return float(np.sqrt(np.mean(error**2)))


def kymograph_correlation(frames: np.ndarray, truth: np.ndarray) -> float:
    """Pearson correlation of the changes over time, at the pixels that move.

    The temporal mean of every pixel is subtracted first, so that anatomy at rest does not count.

    Args:
        frames: (frame, height, width).
        truth: Same shape.
    """
    deviation = truth.std(0)
    moving = deviation > 0.35 * np.percentile(deviation, 99.5)
    if not moving.any():
        return float("nan")
    a, b = frames[:, moving].astype(np.float64), truth[:, moving].astype(np.float64)
    return correlation(a - a.mean(0), b - b.mean(0))


def seam_index(
    frames: np.ndarray, truth: np.ndarray | None, window_frames: int, step_frames: int
) -> float:
    """Change of the error where windows begin and end, over its change elsewhere; 1: no seam.

    Args:
        frames: (frame, height, width).
        truth: Same shape, or None: then the frames' own change is compared.
        window_frames: Length of a window [frames].
        step_frames: From one window to the next [frames].

    Returns:
        Ratio of root mean squares of the change of the error from frame to frame; not a number
        where no border lies inside the recording or every change lies on one.
    """
    changes = np.diff(np.asarray(frames, np.float64) - (0 if truth is None else truth), axis=0)
    energy = (changes**2).mean((1, 2))
    windows = SlidingWindowTransform(window_frames, step_frames).windows(len(frames), Fraction(1))
    at_border = np.zeros(len(frames) + 1, bool)  # change into frame f
    for window in windows:
        at_border[[window.first, min(window.first + window_frames, len(frames))]] = True
    at_border = at_border[1:-1]
    if at_border.all() or not at_border.any():
        return float("nan")
    return float(np.sqrt(energy[at_border].mean() / max(energy[~at_border].mean(), 1e-20)))


def radial_spectrum(frames: np.ndarray, bins: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Mean power spectrum over rings of spatial frequency, with a Hann window.

    Args:
        frames: (frame, height, width).
        bins: Rings up to the Nyquist frequency.

    Returns:
        Frequencies (bin,) [cycles per pixel] and power (bin,).
    """
    height, width = frames.shape[1:]
    taper = np.outer(np.hanning(height), np.hanning(width))
    centred = frames - frames.mean((1, 2), keepdims=True)
    power = (np.abs(np.fft.fft2(centred * taper)) ** 2).mean(0)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    edges = np.linspace(0, 0.5, bins + 1)
    ring = np.digitize(radius, edges) - 1
    inside = (ring >= 0) & (ring < bins)
    count = np.bincount(ring[inside], minlength=bins)
    total = np.bincount(ring[inside], power[inside], minlength=bins)
    return (edges[1:] + edges[:-1]) / 2, total / np.maximum(count, 1)


def texture_ratio(frames: np.ndarray, truth: np.ndarray) -> float:
    """Power of fine structure over the truth's: below 1 over-smoothed, above 1 noisy or sharpened.

    Fine structure: spatial frequencies of 0.2 to 0.4 cycles per pixel, below the
    band limit of simulated truths.
    """
    frequency, power = radial_spectrum(frames)
    fine = (frequency > 0.2) & (frequency < 0.4)
    return float(power[fine].sum() / max(radial_spectrum(truth)[1][fine].sum(), 1e-20))
