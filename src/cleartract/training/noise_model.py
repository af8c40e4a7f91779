"""The noise of a recording, measured where nothing moves, and what it does to magnitudes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_STILL = 0.5  # share of the pixels taken to be at rest
_NEAR, _FAR = 2.0, 12.0  # [pixels] over which strength is averaged, and where nothing is at rest
_REACH = 16  # [pixels] beyond which noise is taken to be independent
_SEEN = 0.02  # share of the pairs of pixels that must be at rest for a lag to be measured


@dataclass(frozen=True)
class NoiseModel:
    """Gaussian noise, alike everywhere but for its strength.

    Attributes:
        spectrum: Root of its power spectrum over a window, (frame, height, width).
        gain: Standard deviation at every pixel, (height, width).
    """

    spectrum: np.ndarray
    gain: np.ndarray

    @classmethod
    def of(cls, noisy: np.ndarray, motion: np.ndarray, frames: int) -> NoiseModel:
        """Measure the noise of a recording in the half of the pixels that move least.

        There, whatever departs from the mean over time is noise, also such as no network has
        learned to remove. What lasts for the whole recording is anatomy.

        Args:
            noisy: (frame, height, width).
            motion: How much each pixel moves, any unit, (height, width).
            frames: Length of a window [frames].
        """
        still = motion <= np.quantile(motion, _STILL)
        residual = noisy - noisy.mean(0)
        gain = _strength((residual**2).mean(0), still)
        white = np.where(still, residual / np.maximum(gain, 1e-6), 0)
        lags = _correlation(white, still, frames)
        power = np.maximum(np.fft.fftn(lags).real, 0)
        power *= power.size / power.sum()
        return cls(np.sqrt(power).astype(np.float32), gain.astype(np.float32))

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """One window of noise, (frame, height, width)."""
        white = np.fft.fftn(rng.standard_normal(self.spectrum.shape))
        return (self.gain * np.fft.ifftn(self.spectrum * white).real).astype(np.float32)


def rician_mean(signal: Tensor, sigma: Tensor) -> Tensor:
    r"""Mean of the magnitude of a signal with complex noise, differentiable.

    .. math:: \sigma \sqrt{\pi/2} \left((1 + 2h) e^{-h} I_0(h) + 2h e^{-h} I_1(h)\right), \quad
              h = \nu^2 / 4 \sigma^2

    Args:
        signal: Any shape; below 0 counts as 0.
        sigma: Standard deviation of real and imaginary part, above 0.

    References:
        Gudbjartsson and Patz 1995, Magn Reson Med 34:910.
    """
    h = (signal.clamp(min=0) / (2 * sigma)) ** 2
    bessel = (1 + 2 * h) * torch.special.i0e(h) + 2 * h * torch.special.i1e(h)
    return sigma * math.sqrt(math.pi / 2) * bessel


def below_noise(mean: np.ndarray, deviation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Signal below complex noise, and the standard deviation of the noise's parts.

    Args:
        mean: Of the magnitudes over time, (height, width).
        deviation: Likewise.

    Returns:
        Both (height, width).

    References:
        Koay and Basser 2006, J Magn Reson 179:317, Eqs. 12 and 18, by fixed point.
    """
    ratio = torch.from_numpy(mean / np.maximum(deviation, 1e-9)).double()
    theta = ratio.clone()  # signal over sigma
    for _ in range(60):
        t = theta**2
        bessel = (2 + t) * torch.special.i0e(t / 4) + t * torch.special.i1e(t / 4)
        share = 2 + t - math.pi / 8 * bessel**2  # variance of the magnitudes over sigma^2
        theta = (share * (1 + ratio**2) - 2).clamp(min=0).sqrt()
    sigma = np.maximum(deviation / share.clamp(min=0.4).sqrt().numpy(), 1e-4)
    return (theta.numpy() * sigma).astype(np.float32), sigma.astype(np.float32)


def _strength(variance: np.ndarray, still: np.ndarray) -> np.ndarray:
    """Standard deviation around every pixel, from those at rest, (height, width)."""
    found = np.zeros_like(variance)
    for width in (_FAR, _NEAR):  # the nearer where there is any
        weight = _smooth(still.astype(float), width)
        mean = _smooth(np.where(still, variance, 0), width) / np.maximum(weight, 1e-9)
        sure = np.clip(weight / 0.2, 0, 1) if width == _NEAR else 1.0
        found = sure * mean + (1 - sure) * found
    return np.sqrt(found)


def _smooth(plane: np.ndarray, width: float) -> np.ndarray:
    """Gaussian mean over the pixels that there are."""
    for _ in range(2):
        places = np.arange(len(plane))
        kernel = np.exp(-((places[:, None] - places) ** 2) / (2 * width**2))
        plane = (kernel / kernel.sum(1, keepdims=True) @ plane).T
    return plane


def _correlation(white: np.ndarray, still: np.ndarray, frames: int) -> np.ndarray:
    """Correlation by lag, wrapped around a window, (frame, height, width)."""
    height, width = still.shape
    padded = (2 * frames, 2 * height, 2 * width)
    together = np.zeros(padded)
    starts = range(0, len(white) - frames + 1, max(1, frames // 2))
    for first in starts:
        together += np.abs(np.fft.fftn(white[first : first + frames], padded, (0, 1, 2))) ** 2
    pairs = (
        np.abs(np.fft.fftn(np.broadcast_to(still, (frames, height, width)), padded, (0, 1, 2))) ** 2
    )
    sums, counts = np.fft.ifftn(together).real, len(starts) * np.fft.ifftn(pairs).real
    seen = counts > _SEEN * counts.flat[0]
    found = np.where(seen, sums / np.maximum(counts, 1e-9), 0)
    places = [np.fft.fftfreq(n, 1 / n).astype(int) for n in (frames, height, width)]
    kept = found[np.ix_(*places)]
    distance = np.hypot(*np.meshgrid(places[1], places[2], indexing="ij"))
    return kept * np.cos(np.pi / 2 * np.clip(distance / _REACH, 0, 1)) ** 2
