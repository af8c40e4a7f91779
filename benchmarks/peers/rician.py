"""Rician noise: magnitudes of complex Gaussian noise, their mean, and how to undo it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.special import ive


def add_rician_noise(
    clean: np.ndarray, sigma: float, rng: np.random.Generator, blur: float = 0.0
) -> np.ndarray:
    """Magnitude of clean frames plus complex Gaussian noise, (frame, height, width) float32.

    Args:
        clean: (frame, height, width).
        sigma: Standard deviation of real and imaginary part.
        rng: Source.
        blur: Correlation width of the noise in space [pixels]; 0 is white.
    """
    noise = rng.standard_normal((2, *clean.shape))
    if blur:
        noise = gaussian_filter(noise, (0, 0, blur, blur), mode="wrap")
        noise /= noise.std()
    return np.hypot(clean + sigma * noise[0], sigma * noise[1]).astype(np.float32)


def rician_mean(signal: np.ndarray, sigma: float) -> np.ndarray:
    r"""Mean of the magnitude of a signal with complex noise.

    .. math:: \sigma \sqrt{\pi/2} \, e^{-h} \left((1 + 2h) I_0(h) + 2h I_1(h)\right), \quad
              h = \nu^2 / 4 \sigma^2

    References:
        Rice 1945; Gudbjartsson and Patz 1995, Magn Reson Med 34:910.
    """
    nu, mean = _table()
    return np.interp(np.asarray(signal) / sigma, nu, mean) * sigma


def undo_rician_bias(frames: np.ndarray, sigma: float) -> np.ndarray:
    """The signal whose Rician mean the frames are; 0 below the mean of noise alone."""
    nu, mean = _table()
    return np.where(
        frames > mean[-1] * sigma, frames, np.interp(frames / sigma, mean, nu) * sigma
    ).astype(np.float32)


@lru_cache(1)
def _table() -> tuple[np.ndarray, np.ndarray]:
    nu = np.linspace(0, 60, 60_001)
    h = nu**2 / 4
    return nu, np.sqrt(np.pi / 2) * ((1 + 2 * h) * ive(0, h) + 2 * h * ive(1, h))
