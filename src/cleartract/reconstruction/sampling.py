"""Where in k-space each interleaf ("arm") of a scan was sampled."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Sampling(Protocol):
    """What a reconstruction must know of a scan; arms are counted in the order of time."""

    @property
    def size(self) -> int:
        """Pixels N along each side of the square frame."""
        ...

    @property
    def interleaves(self) -> int:
        """Arms that together sample k-space fully."""
        ...

    @property
    def arms_per_frame(self) -> int:
        """New arms from one frame to the next."""
        ...

    def weights(self) -> np.ndarray:
        """Area of k-space that belongs to each sample of an arm, (sample,).

        In units of the whole k-space square, so that the adjoint with these weights over all
        interleaves has unit gain.
        """
        ...

    def points(self, arms: range) -> np.ndarray:
        """Positions kx + i ky of some arms one after the other [rad/pixel]."""
        ...

    def key(self, arms: range) -> Hashable:
        """Equal for arms at the same positions."""
        ...


@dataclass(frozen=True)
class MeasuredSampling:
    """Sampling as a file holds it.

    Attributes:
        size: Pixels N along each side of the square frame.
        interleaves: Arms that together sample k-space fully.
        arms_per_frame: New arms from one frame to the next.
        table: Positions of each distinct arm, (arm, sample) complex64 [rad/pixel].
        played: Row of the table that each arm in time was, (time,).
        density: Weight of each sample of an arm, (sample,), in any unit.
    """

    size: int
    interleaves: int
    arms_per_frame: int
    table: np.ndarray
    played: np.ndarray
    density: np.ndarray

    def weights(self) -> np.ndarray:
        """See `Sampling.weights`; samples that the frame is too coarse for weigh nothing."""
        radius = np.abs(self.table).max(0)
        shown = radius <= np.pi * 1.001  # as written in single precision
        area = radius[shown].max(initial=0.0) ** 2 / (4 * np.pi)
        weights = np.where(shown, np.maximum(self.density, 0), 0).astype(np.float64)
        return (weights / weights.sum() * area / self.interleaves).astype(np.float32)

    def points(self, arms: range) -> np.ndarray:
        """See `Sampling.points`."""
        return self.table[self.played[arms.start : arms.stop]].reshape(-1)

    def key(self, arms: range) -> Hashable:
        """See `Sampling.key`."""
        return tuple(self.played[arms.start : arms.stop].tolist())
