"""Where the samples of an audio stream belong in time: it may start late, and packets may be missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from cleartract.errors import RecordingError

_GAP = 0.015  # [s] without a sample that no rounding of time stamps makes; a packet of AAC has 0.02
_LONGEST = 3600.0  # [s] of silence; more is a wrong time stamp
_BLOCK = 1 << 16  # [samples]


class SoundClock:
    """Counts the samples of a stream, and says where silence belongs between them.

    Args:
        rate: Samples per second [Hz].
        zero: Time stamp of the first frame of the video [s].
        name: What messages call the file.
    """

    def __init__(self, rate: int, zero: float, name: str):
        self.rate, self.zero, self.name = rate, zero, name
        self._next: int | None = None  # sample that the next frame of sound begins with

    def before(self, frame: Any) -> int:
        """Samples of silence before a decoded frame; of the first one negative if it is early.

        Raises:
            RecordingError: If there are hours of silence.
        """
        first = self._next is None
        due = self._next or 0
        start = due if frame.time is None else round((frame.time - self.zero) * self.rate)
        missing = start - due
        if not first and missing <= _GAP * self.rate:
            missing = 0  # sound that overlaps is kept whole
        if missing > _LONGEST * self.rate:
            raise RecordingError(
                f"{self.name}: its sound pauses or begins late by {missing / self.rate:.0f} s; "
                "give a sound file, or --no-audio"
            )
        held = round(frame.samples * self.rate / (frame.sample_rate or self.rate))
        self._next = due + missing + held
        return missing


def silence(samples: int) -> Iterator[np.ndarray]:
    """So many samples in blocks, each (sample,); none where the number is negative."""
    for first in range(0, samples, _BLOCK):
        yield np.zeros(min(_BLOCK, samples - first), np.float32)
