"""Posture of a recording: the leading components of how its frames change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

COMPONENTS = 24
_SIDE = 24  # [pixels] to which frames are reduced, about


@dataclass(frozen=True)
class Posture:
    """Directions in which the frames of a recording change most.

    Attributes:
        mean: Mean of the reduced frames, (pixel,).
        directions: Of the leading components, in units of their standard deviation,
            (pixel, component).
        block: Side of the squares of pixels whose mean is taken.
    """

    mean: np.ndarray
    directions: np.ndarray
    block: int

    def of(self, frames: np.ndarray) -> np.ndarray:
        """Posture in standard units, (frame, component), of frames (frame, height, width)."""
        return ((reduced(frames, self.block) - self.mean) @ self.directions).astype(np.float32)


class PosturePass:
    """Collects the covariance of reduced frames, as they come.

    Args:
        size: (height, width) [pixels].
    """

    def __init__(self, size: tuple[int, int]):
        self._block = max(1, round(max(size) / _SIDE))
        pixels = reduced(np.zeros((1, *size), np.float32), self._block).shape[1]
        self._sum, self._products = np.zeros(pixels), np.zeros((pixels, pixels))
        self._count = 0

    def add(self, frames: np.ndarray) -> None:
        """Add frames, (frame, height, width)."""
        small = reduced(frames, self._block)
        self._sum += small.sum(0)
        self._products += small.T @ small
        self._count += len(small)

    def result(self) -> Posture | None:
        """The posture; None where nothing moves."""
        mean = self._sum / max(self._count, 1)
        covariance = self._products / max(self._count, 1) - np.outer(mean, mean)
        values, vectors = np.linalg.eigh(covariance)
        values, vectors = values[::-1], vectors[:, ::-1]
        count = min(COMPONENTS, self._count // 8, len(values))
        usual = float((mean**2).mean()) + 1e-30
        kept = values[:count] > max(1e-9 * float(values[0]), 1e-12 * usual)
        if not kept.any():
            return None
        directions = vectors[:, :count][:, kept] / np.sqrt(values[:count][kept])
        return Posture(mean, directions, self._block)


def reduced(frames: np.ndarray, block: int) -> np.ndarray:
    """Means over squares of pixels, (frame, pixel) float64; a rest at the edges is left out."""
    count, height, width = frames.shape
    rows, columns = height // block, width // block
    part = frames[:, : rows * block, : columns * block].reshape(count, rows, block, columns, block)
    return part.mean((2, 4), dtype=np.float64).reshape(count, rows * columns)
