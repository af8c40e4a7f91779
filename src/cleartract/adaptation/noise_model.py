"""The noise of a recording, measured where nothing moves, and what it does to magnitudes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from cleartract.errors import RecordingError
from cleartract.recordings.rician import rician_mean

_STILL = 0.5  # share of the pixels taken to be at rest
_NEAR, _FAR = 2.0, 12.0  # [pixels] over which strength is averaged, and where nothing is at rest
_REACH = 16  # [pixels] beyond which noise is taken to be independent
_SEEN = 0.02  # share of the pairs of pixels that must be at rest for a lag to be measured
_BRIGHT, _ENOUGH = 3.0, 200  # signal over noise above which noise is Gaussian; pixels of it
_SURE = 0.02  # correlation of magnitudes in air below which chance would be magnified
_LEAST = 1e-4  # sigma where a recording is constant


@dataclass(frozen=True)
class NoiseModel:
    """Complex Gaussian noise, alike everywhere but for its strength.

    Attributes:
        spectrum: Root of its power spectrum over twice a window in each direction.
        sigma: Standard deviation of real and imaginary part, (height, width).
        signal: Signal below the noise in the mean over time, (height, width).
    """

    spectrum: np.ndarray
    sigma: np.ndarray
    signal: np.ndarray

    @classmethod
    def of(cls, magnitudes: np.ndarray, motion: np.ndarray, frames: int) -> NoiseModel:
        """Measure the noise of one recording; see `pooled`."""
        return cls.pooled([magnitudes], motion, frames)

    @classmethod
    def pooled(cls, clips: list[np.ndarray], motion: np.ndarray, frames: int) -> NoiseModel:
        """Measure the noise of recordings in the half of the pixels that move least.

        There, whatever departs from the mean over time is noise, also such as no network has
        learned to remove. What lasts for the whole recording is anatomy. Its correlation is
        measured where the signal is bright; in air that of magnitudes is the square of it.

        Each clip has its own mean, so that a head which lay elsewhere is no noise.

        Args:
            clips: Magnitudes, (frame, height, width) each, 0 where there is no signal and no noise.
            motion: How much each pixel moves, any unit, (height, width).
            frames: Length of a window [frames].

        Raises:
            RecordingError: If nothing changes from frame to frame.
        """
        mean, deviation = _pooled_moments(clips)
        varies = deviation > _LEAST * np.maximum(np.abs(mean), 1)  # and not rounding alone
        if not varies.any():
            raise RecordingError(
                "nothing changes from frame to frame: there is no noise to adapt to"
            )
        still = varies & (motion <= np.quantile(motion[varies], _STILL))
        signal, parts = below_noise(mean, deviation)
        sigma = np.maximum(_strength(parts**2, still), _LEAST)
        signal = _signal(mean, sigma)
        bright = still & (signal > _BRIGHT * parts)
        used = bright if bright.sum() >= _ENOUGH else still
        scale = np.maximum(deviation, _LEAST)
        white = [np.where(used, (clip - clip.mean(0)) / scale, 0) for clip in clips]
        lags = _correlation(white, used, frames)
        if used is still:
            lags = np.where(lags > _SURE, np.sqrt(np.maximum(lags, 0)), 0)
        power = np.maximum(np.fft.fftn(lags).real, 0)
        power *= power.size / power.sum()
        return cls(np.sqrt(power).astype(np.float32), sigma.astype(np.float32), signal)

    def of_clip(self, magnitudes: np.ndarray) -> NoiseModel:
        """The same noise over the signal of one of several clips, (frame, height, width)."""
        return replace(self, signal=_signal(magnitudes.mean(0), self.sigma))

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """One window of complex noise, parts of unit variance, (frame, height, width)."""
        shape = self.spectrum.shape
        white = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
        noise = np.fft.ifftn(self.spectrum * np.fft.fftn(white))
        frames, height, width = (n // 2 for n in shape)  # what wraps around is cut off
        return noise[:frames, :height, :width].astype(np.complex64)

    def magnitudes(self, signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A window with fresh noise.

        Args:
            signal: Clean frames, (frame, height, width) or (height, width); below 0 counts as 0.
            rng: Source of randomness.
        """
        return np.abs(np.maximum(signal, 0) + self.sigma * self.draw(rng)).astype(np.float32)


def _pooled_moments(clips: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean over all frames, and deviation of the frames from the mean of their clip."""
    counts = np.array([len(clip) for clip in clips], float)
    means = np.stack([clip.mean(0) for clip in clips])
    squares = np.stack(
        [((clip - mean) ** 2).sum(0) for clip, mean in zip(clips, means, strict=True)]
    )
    lost = len(clips) if len(clips) > 1 else 0  # a mean follows the noise of a short clip
    mean = (counts[:, None, None] * means).sum(0) / counts.sum()
    return mean, np.sqrt(squares.sum(0) / (counts.sum() - lost))


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
    sigma = np.maximum(deviation / share.clamp(min=0.4).sqrt().numpy(), _LEAST)
    return np.minimum(theta.numpy() * sigma, mean).astype(np.float32), sigma.astype(np.float32)


def _signal(mean: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Signal whose Rician mean is given, 0 below that of noise alone, (height, width)."""
    known = np.linspace(0, 20, 4001)
    table = rician_mean(torch.from_numpy(known), torch.ones(1, dtype=torch.float64)).numpy()
    signal = np.interp(mean / sigma, table, known, left=0.0) * sigma
    return np.where(mean > table[-1] * sigma, mean, signal).astype(np.float32)


def _strength(variance: np.ndarray, still: np.ndarray) -> np.ndarray:
    """Standard deviation around every pixel, from those at rest, (height, width)."""
    smooth = np.full_like(variance, variance[still].mean())
    for width in (_FAR, _NEAR):  # the nearer where there is any
        weight = _smooth(still.astype(float), width)
        mean = _smooth(np.where(still, variance, 0), width) / np.maximum(weight, 1e-9)
        sure = np.clip(weight / 0.2, 0, 1)
        smooth = sure * mean + (1 - sure) * smooth
    return np.sqrt(smooth)


def _smooth(plane: np.ndarray, width: float) -> np.ndarray:
    """Gaussian mean over the pixels that there are."""
    for _ in range(2):
        places = np.arange(len(plane))
        kernel = np.exp(-((places[:, None] - places) ** 2) / (2 * width**2))
        plane = (kernel / kernel.sum(1, keepdims=True) @ plane).T
    return plane


def _correlation(white: list[np.ndarray], used: np.ndarray, frames: int) -> np.ndarray:
    """Correlation by lag, negative ones at the end, (2 frame, 2 height, 2 width)."""
    height, width = used.shape
    shape, axes = (2 * frames, 2 * height, 2 * width), (0, 1, 2)
    together = np.zeros(shape)
    starts = [
        (clip, first)
        for clip in white
        for first in range(0, len(clip) - frames + 1, max(1, frames // 2))
    ]
    for clip, first in starts:
        together += np.abs(np.fft.fftn(clip[first : first + frames], shape, axes)) ** 2
    mask = np.broadcast_to(used, (frames, height, width))
    pairs = np.abs(np.fft.fftn(mask, shape, axes)) ** 2
    sums, counts = np.fft.ifftn(together).real, len(starts) * np.fft.ifftn(pairs).real
    seen = counts > _SEEN * counts.flat[0]
    correlation = np.where(seen, sums / np.maximum(counts, 1e-9), 0)
    y, x = (np.abs(np.fft.fftfreq(n, 1 / n)) for n in shape[1:])
    distance = np.hypot(y[:, None], x)
    return correlation * np.cos(np.pi / 2 * np.clip(distance / _REACH, 0, 1)) ** 2
