"""PIQE, a quality score that needs neither a truth nor a fit."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

BLOCK = 16  # [pixels]
_ACTIVE = 0.1  # variance above which a block counts
_IMPAIRED = 0.1  # standard deviation below which a border segment is a blocking artefact
_SEGMENT = 6  # [pixels]


def contrast_normalised(image: np.ndarray) -> np.ndarray:
    """Local mean subtracted, divided by local deviation plus 1 (grey levels of 0 to 255).

    References:
        Mittal et al. 2013, IEEE Signal Process Lett 20:209, Eq. 1; 7x7 Gaussian window.
    """
    return (image - _local_mean(image)) / (local_deviation(image) + 1)


def local_deviation(image: np.ndarray) -> np.ndarray:
    """Standard deviation within the 7x7 Gaussian window, same shape."""
    return np.sqrt(np.abs(_local_mean(image * image) - _local_mean(image) ** 2))


def _local_mean(image: np.ndarray) -> np.ndarray:
    return gaussian_filter(image, sigma=7 / 6, mode="nearest", radius=3)


def piqe(frame: np.ndarray) -> float:
    """Perception-based image quality evaluator, 0 (good) to 100 (bad).

    Args:
        frame: (height, width), any scale; the brightest pixel becomes 255.

    References:
        Venkatanath et al. 2015, Twenty First National Conference on Communications.
    """
    image = np.asarray(frame, np.float64).clip(0)
    pad = [(0, -size % BLOCK) for size in image.shape]
    image = np.round(255 * np.pad(image, pad, mode="symmetric") / max(image.max(), 1e-12))
    normal = contrast_normalised(image)
    rows, columns = (size // BLOCK for size in normal.shape)
    blocks = normal.reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2).reshape(-1, BLOCK, BLOCK)
    distortion, active = 0.0, 0
    for block in blocks:
        variance = float(block.var(ddof=1))
        if variance <= _ACTIVE:
            continue
        active += 1
        distortion += (1 - variance) * _has_flat_border(block) + variance * _is_noisy(block)
    return float(100 * (distortion + 1) / (active + 1))


def _has_flat_border(block: np.ndarray) -> bool:
    """Whether any segment of the block's border is flat, as blocking artefacts are."""
    edges = (block[0], block[-1], block[:, 0], block[:, -1])
    segments = [np.lib.stride_tricks.sliding_window_view(edge, _SEGMENT) for edge in edges]
    return bool((np.concatenate(segments).std(1, ddof=1) < _IMPAIRED).any())


def _is_noisy(block: np.ndarray) -> bool:
    """Whether centre and surround deviate alike, as in noise."""
    middle = BLOCK // 2
    centre = block[:, middle - 1 : middle + 1]
    surround = np.delete(block, [middle - 1, middle], axis=1)
    deviation = float(block.std(ddof=1))
    ratio = float(centre.std(ddof=1)) / max(float(surround.std(ddof=1)), 1e-12)
    beta = abs(deviation - ratio) / max(deviation, ratio)
    return deviation > 2 * beta
