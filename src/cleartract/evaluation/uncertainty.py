"""Calibration: the spread of samples against the error of their mean."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr
from scipy.stats import t as student

NOMINAL = (0.5, 0.9)


def coverage(
    mean: np.ndarray,
    deviation: np.ndarray,
    truth: np.ndarray,
    samples: int,
    nominal: float,
    mask: np.ndarray | None = None,
) -> float:
    r"""Share of pixels whose truth lies in the nominal interval around the mean of K samples.

    .. math:: |t - \bar x| \le q \, s \sqrt{1 + 1/K}

    with q the quantile of Student's t with K - 1 degrees of freedom: if truth and samples come from
    one Gaussian, the coverage is the nominal one for every K.

    Args:
        mean: Mean of the samples, any shape.
        deviation: Their standard deviation, same shape.
        truth: Same shape.
        samples: K, at least 2.
        nominal: 0 to 1.
        mask: Where it counts, broadcastable; everywhere by default.
    """
    reach = student.ppf(0.5 + nominal / 2, samples - 1) * np.sqrt(1 + 1 / samples)
    inside = np.abs(truth - mean) <= reach * deviation
    return float(
        inside.mean() if mask is None else inside[np.broadcast_to(mask, mean.shape)].mean()
    )


def spread_correlation(mean: np.ndarray, deviation: np.ndarray, truth: np.ndarray) -> float:
    """Rank correlation of spread and absolute error over blocks of 4x4 pixels, -1 to 1."""
    return float(spearmanr(_blocks(deviation), _blocks(np.abs(truth - mean))).statistic)


def _blocks(values: np.ndarray, size: int = 4) -> np.ndarray:
    frames, height, width = values.shape
    cut = values[:, : height // size * size, : width // size * size]
    return cut.reshape(frames, height // size, size, -1, size).mean((2, 4)).ravel()
