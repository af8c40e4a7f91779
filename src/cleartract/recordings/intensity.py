"""The intensity scale of a recording."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BRIGHT = 99.5  # percentile of the frames that becomes intensity 1
DARK = 0.1  # percentile that becomes intensity 0


@dataclass(frozen=True)
class Intensity:
    """Affine intensity scale of a whole recording: normalised = (value - offset) / scale."""

    offset: float
    scale: float

    @classmethod
    def of(cls, frames: np.ndarray) -> Intensity:
        """Scale of some frames, from robust percentiles.

        Args:
            frames: (frame, height, width), any unit.
        """
        step = max(1, len(frames) // 200)
        dark, bright = np.percentile(frames[::step], (DARK, BRIGHT))
        return cls(float(dark), max(float(bright - dark), 1e-12))

    def apply(self, frames: np.ndarray) -> np.ndarray:
        """The recording's own unit -> normalised intensity."""
        return ((frames - self.offset) / self.scale).astype(np.float32)

    def undo(self, frames: np.ndarray) -> np.ndarray:
        """Normalised intensity -> the recording's own unit."""
        return (frames * self.scale + self.offset).astype(np.float32)
