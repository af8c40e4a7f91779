"""The frames that windows still need, read once and forgotten in time."""

from __future__ import annotations

from collections import deque

import numpy as np

from cleartract.denoising.pipeline import read_ahead
from cleartract.denoising.prepared import PreparedRecording
from cleartract.recordings.source import FrameSource


class FramesAround:
    """The frames of a source that windows still need, normalised and as they are.

    Args:
        source: Read from its start.
        prepared: What its survey found.
    """

    def __init__(self, source: FrameSource, prepared: PreparedRecording):
        self._chunks = read_ahead((raw, prepared.normalised(raw)) for raw in source.chunks())
        self._raw: deque[np.ndarray] = deque()
        self._normalised: deque[np.ndarray] = deque()
        self.first = 0

    def _reach(self, frame: int) -> None:
        while self.first + len(self._raw) <= frame:
            raw, normalised = next(self._chunks)
            self._raw.extend(raw)
            self._normalised.extend(normalised)

    def drop_before(self, frame: int) -> None:
        """Forget frames before this one, unread ones too."""
        while self.first < frame:
            self._reach(self.first)
            self._raw.popleft()
            self._normalised.popleft()
            self.first += 1

    def normalised(self, numbers: np.ndarray) -> np.ndarray:
        """(frame, height, width)."""
        self._reach(int(numbers.max()))
        return np.stack([self._normalised[int(n) - self.first] for n in numbers])

    def raw(self, first: int, count: int) -> np.ndarray:
        """(frame, height, width), the recording's own unit."""
        self._reach(first + count - 1)
        return np.stack([self._raw[n - self.first] for n in range(first, first + count)])

    def close(self) -> None:
        """Stop reading."""
        self._chunks.close()  # type: ignore[attr-defined]
