"""The intensity scale of a recording, from a histogram that one pass can fill."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BRIGHT = 99.5  # percentile of the frames that becomes intensity 1
DARK = 0.1  # percentile that becomes intensity 0
_BITS = 20  # of a float32 that tell its bin: numbers up to 2047 have a bin of their own
_SHIFT = 32 - _BITS


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
        dark, bright = np.percentile(frames, (DARK, BRIGHT))
        return cls(float(dark), max(float(bright - dark), 1e-12))

    def apply(self, frames: np.ndarray) -> np.ndarray:
        """The recording's own unit -> normalised intensity."""
        return ((frames - self.offset) / self.scale).astype(np.float32)

    def undo(self, frames: np.ndarray) -> np.ndarray:
        """Normalised intensity -> the recording's own unit."""
        return (frames * self.scale + self.offset).astype(np.float32)


class ValueHistogram:
    """Counts of values, from which percentiles are read; its size does not depend on their number.

    Bins have a relative width of 2^-11, so whole numbers up to 2047 are exact.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(1 << _BITS, np.int64)
        self.minimum, self.maximum = np.inf, -np.inf

    def add(self, values: np.ndarray) -> None:
        """Count some finite values of any shape."""
        flat = np.ascontiguousarray(values, np.float32).ravel() + np.float32(0)  # no negative zero
        self.minimum = min(self.minimum, float(flat.min()))
        self.maximum = max(self.maximum, float(flat.max()))
        bits = flat.view(np.int32)
        # order of the bits = order of the values: negative numbers are mirrored
        ordered = np.where(bits < 0, ~bits & 0x7FFFFFFF, bits | np.int32(-(2**31)))
        bins = ordered.view(np.uint32) >> np.uint32(_SHIFT)
        low = int(bins.min())
        counted = np.bincount(bins - np.uint32(low))
        self._counts[low : low + len(counted)] += counted

    def percentile(self, share: float) -> float:
        """Value below which `share` per cent of the values lie.

        Raises:
            ValueError: If no value was counted.
        """
        ranks = np.cumsum(self._counts)
        if ranks[-1] == 0:
            raise ValueError("a percentile of no values")
        position = share / 100 * (ranks[-1] - 1)
        below, above = (
            self._value(int(np.searchsorted(ranks, rank, side="right")))
            for rank in (np.floor(position), np.ceil(position))
        )
        value = below + (position - np.floor(position)) * (above - below)
        return float(np.clip(value, self.minimum, self.maximum))

    def intensity(self) -> Intensity:
        """Scale of the values counted, from the same percentiles as `Intensity.of`."""
        dark, bright = self.percentile(DARK), self.percentile(BRIGHT)
        return Intensity(dark, max(bright - dark, 1e-12))

    @staticmethod
    def _value(number: int) -> float:
        """Lowest magnitude in a bin: the whole number itself where it has a bin of its own."""
        ordered = np.array([number << _SHIFT], np.uint32)
        positive = number >> (_BITS - 1) == 1
        bits = (
            ordered & np.uint32(0x7FFFFFFF)
            if positive
            else ~ordered & ~np.uint32((1 << _SHIFT) - 1)
        )
        return float(bits.view(np.float32)[0])
