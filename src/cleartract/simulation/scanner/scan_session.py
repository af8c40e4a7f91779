"""Coil sensitivities, object phase and off-resonance of a random scan session."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class ScanSession:
    """One subject in the scanner, on a grid of twice the frame's resolution.

    Attributes:
        maps: Coil sensitivities, (coil, 2N, 2N) complex64.
        phase: Phase of the object, (2N, 2N) complex64, unit modulus.
        off_resonance: Field inhomogeneity, (2N, 2N) float32 [Hz].
        delay: Gradient delay for which the reconstruction does not correct [samples].
        map_error: Relative error of the maps the reconstruction uses, (coil, N, N) complex64.
    """

    maps: np.ndarray
    phase: np.ndarray
    off_resonance: np.ndarray
    delay: float
    map_error: np.ndarray

    @property
    def sensitivity(self) -> np.ndarray:
        """Root sum of squares of the coil sensitivities, (2N, 2N)."""
        return np.sqrt((np.abs(self.maps) ** 2).sum(0))

    def low_resolution(self, image: np.ndarray) -> np.ndarray:
        """A smooth complex map (2N, 2N) at the resolution of the frames (N, N)."""
        n = image.shape[-1] // 2
        parts = (cv2.resize(p, (n, n), interpolation=cv2.INTER_AREA) for p in _parts(image))
        real, imaginary = parts
        return (real + 1j * imaginary).astype(np.complex64)

    @property
    def assumed_maps(self) -> np.ndarray:
        """Maps that the reconstruction uses: of unit sum of squares, with their error; (coil, N, N)."""
        low = np.stack([self.low_resolution(m) for m in self.maps]) * (1 + self.map_error)
        return (low / np.sqrt((np.abs(low) ** 2).sum(0))).astype(np.complex64)


def _parts(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.ascontiguousarray(image.real), np.ascontiguousarray(image.imag)


def _smooth_complex(rng: np.random.Generator, shape: tuple[int, ...], width: float) -> np.ndarray:
    planes = []
    for _ in range(shape[0]):
        parts = [cv2.GaussianBlur(rng.normal(0, 1, shape[1:]), (0, 0), width) for _ in range(2)]
        planes.append((parts[0] + 1j * parts[1]) / np.std(parts))
    return np.stack(planes)


def random_scan_session(rng: np.random.Generator, size: int, coils: int) -> ScanSession:
    """Draw coils around the face and neck, phase, off-resonance and imperfections.

    Args:
        rng: Source of all randomness.
        size: Pixels N of the frame; maps are drawn on (2N, 2N).
        coils: Number of receive coils, 2 to 8.
    """
    draw, grid = rng.uniform, 2 * size
    y, x = (np.mgrid[:grid, :grid] + 0.5) / grid * 84  # on a field of view of 84 units
    places = [(3, 9, 20, 34), (4, 10, 42, 56), (12, 22, 4, 16), (20, 32, 66, 78)]
    places += [(36, 48, 70, 82), (48, 72, 20, 50), (30, 50, 2, 10), (60, 78, 50, 78)]
    gains = [1.0, 0.95, 0.75, 0.8, 0.6, draw(0.3, 0.6), draw(0.3, 0.6), draw(0.3, 0.6)]
    maps = []
    for (x0, x1, y0, y1), gain in list(zip(places, gains, strict=True))[:coils]:
        squared = (x - draw(x0, x1)) ** 2 + (y - draw(y0, y1)) ** 2
        magnitude = gain / (1 + squared / draw(32, 60) ** 2) ** 1.5
        slope_x, slope_y, bend = draw(-0.03, 0.03), draw(-0.03, 0.03), draw(-2e-4, 2e-4)
        angle = draw(0, 2 * np.pi) + slope_x * x + slope_y * y + bend * squared
        maps.append(magnitude * np.exp(1j * angle))
    stack = np.stack(maps)
    stack /= np.percentile(np.sqrt((np.abs(stack) ** 2).sum(0)), 97)
    wave = 0.5 * np.sin(x / draw(15, 30) + draw(0, 6))
    phase = np.exp(1j * (draw(-1, 1) + draw(-0.02, 0.02) * x + draw(-0.02, 0.02) * y + wave))
    field = cv2.GaussianBlur(rng.normal(0, 1, (grid, grid)), (0, 0), grid / 12)
    field *= draw(20, 60) / np.abs(field).max()
    nose = np.exp(-((x - draw(12, 22)) ** 2 + (y - draw(16, 26)) ** 2) / (2 * 9**2))
    field += draw(20, 110) * nose * rng.choice([-1, 1])
    error = draw(0.0, 0.12) * _smooth_complex(rng, (coils, size, size), size / 8)
    return ScanSession(
        maps=stack.astype(np.complex64),
        phase=phase.astype(np.complex64),
        off_resonance=field.astype(np.float32),
        delay=float(draw(-0.4, 0.4)),
        map_error=error.astype(np.complex64),
    )
