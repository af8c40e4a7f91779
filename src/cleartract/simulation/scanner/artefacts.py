"""Artefacts of spiral rtMRI as seen in public corpora, on complex frames (frame, y, x)."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import correlate1d, gaussian_filter


def _smooth(frames: np.ndarray, width: float) -> np.ndarray:
    """Gaussian blur of each complex frame."""
    return gaussian_filter(frames, (0, width, width), mode="reflect")


def moving_average(frames: np.ndarray, width: int) -> np.ndarray:
    """Mean of `width` successive frames around each, repeated at the ends."""
    return correlate1d(frames, np.full(width, 1 / width), axis=0, mode="nearest")


def truncate(frames: np.ndarray, share: float) -> np.ndarray:
    """Keep the central square of k-space without a taper: lower resolution, Gibbs stripes."""
    spectrum = np.fft.fft2(frames)
    height, width = frames.shape[1:]
    y, x = np.abs(np.fft.fftfreq(height)), np.abs(np.fft.fftfreq(width))
    keep = (y[:, None] <= share / 2) & (x[None] <= share / 2)
    return np.fft.ifft2(spectrum * keep).astype(np.complex64)


def haze(frames: np.ndarray, share: float, width: float, arms: int) -> np.ndarray:
    """Signal leaking out of bright tissue: blurred, and swirled as a spiral's point spread."""
    leaked = _smooth(frames, width)
    if arms:
        height, breadth = frames.shape[1:]
        y, x = np.mgrid[:height, :breadth] - np.array([height, breadth])[:, None, None] / 2
        radius, angle = np.hypot(y, x), np.arctan2(y, x)
        swirl = 1 + 0.8 * np.cos(arms * angle + radius / (0.7 * width))
        leaked = leaked * swirl.astype(np.float32)
    return ((1 - share) * frames + share * leaked).astype(np.complex64)


def streaks(
    rng: np.random.Generator, shape: tuple[int, int], count: int, level: float
) -> np.ndarray:
    """Curved streaks as from signal outside the field of view, complex (y, x)."""
    height, width = shape
    total = np.zeros((height, width), np.complex64)
    corner = rng.uniform(-0.2, 1.2, 2) * (width, height)
    for _ in range(count):
        radius = rng.uniform(0.4, 4.0) * width
        toward = rng.uniform(0, 2 * np.pi)
        passes = corner + rng.normal(0, 0.35, 2) * (width, height)
        centre = passes + radius * np.array([np.cos(toward), np.sin(toward)])
        line = np.zeros((height, width), np.float32)
        middle = tuple(int(v * 16) for v in centre)
        cv2.circle(line, middle, int(radius * 16), 1.0, int(rng.integers(1, 3)), cv2.LINE_AA, 4)
        line = cv2.GaussianBlur(line, (0, 0), rng.uniform(0.4, 1.2))
        fade = cv2.GaussianBlur(rng.random((height, width)), (0, 0), width / 8)
        fade = (fade - fade.min()) / (np.ptp(fade) + 1e-6)
        strength = level * rng.uniform(0.2, 1.0) * np.exp(2j * np.pi * rng.random())
        total += (strength * line * fade).astype(np.complex64)
    return total


def flicker(rng: np.random.Generator, n_frames: int) -> np.ndarray:
    """By how much lasting artefacts change from frame to frame, (frame, 1, 1) about 1."""
    return (1 + 0.3 * moving_average(rng.normal(0, 1, (n_frames, 1, 1)), 3)).astype(np.float32)


def spikes(
    rng: np.random.Generator, shape: tuple[int, ...], share: float, level: float
) -> np.ndarray:
    """Plane waves in some frames: single wrong points of k-space (herringbone)."""
    n_frames, height, width = shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    total = np.zeros(shape, np.complex64)
    for frame in range(n_frames):
        if rng.random() < share:
            for _ in range(int(rng.integers(1, 4))):
                ky, kx = rng.uniform(-np.pi, np.pi, 2)
                wave = np.exp(1j * (ky * y + kx * x + rng.uniform(0, 2 * np.pi)))
                total[frame] += (level * rng.uniform(0.3, 1.0) * wave).astype(np.complex64)
    return total


def coloured_noise(
    rng: np.random.Generator, shape: tuple[int, ...], blur: float, memory: int = 1
) -> np.ndarray:
    """Complex noise, unit variance of each part, correlated in space and time.

    Args:
        rng: Source of randomness.
        shape: (frame, y, x).
        blur: Correlation width in space [pixels].
        memory: Frames averaged [frames].
    """

    def white(count: int) -> np.ndarray:
        parts = rng.standard_normal((2, count, *shape[1:]), dtype=np.float32)
        return parts[0] + 1j * parts[1]

    noise = white(shape[0] + memory - 1)
    if memory > 1:
        total = np.cumsum(np.concatenate([np.zeros_like(noise[:1]), noise]), axis=0)
        noise = (total[memory:] - total[:-memory]) / np.float32(np.sqrt(memory))
    if blur > 0.2:
        noise = _smooth(noise.astype(np.complex64), blur)
        noise = noise / noise.real.std()
    return noise.astype(np.complex64)


def unevenness(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Strength of noise over the picture, as far from some coils, (y, x), root mean square 1."""
    smooth = cv2.GaussianBlur(rng.normal(0, 1, shape), (0, 0), shape[1] / 6)
    gain = np.exp(0.35 * smooth / (smooth.std() + 1e-6))
    return (gain / np.sqrt((gain**2).mean())).astype(np.float32)
