"""A recording that is read in chunks, as often as needed, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from cleartract.recordings.recording import Recording
from cleartract.recordings.sound import ArraySound, Sound, whole
from cleartract.recordings.sound_stream import StreamSound

CHUNK = 64  # [frames] handed on together


class FrameSource(Protocol):
    """Frames that can be read from the beginning any number of times.

    Attributes:
        name: What messages call it.
        count: Number of frames as far as the file says without decoding [frames].
        size: (height, width) [pixels].
        rate: Frames per second, exact.
        peak: Largest value the file's format can hold (255 for 8 bit), or None.
        sound: The sound that belongs to the frames, or None.
        provenance: Path, codec, pixel format; `warnings` is complete after all frames were read.
    """

    name: str
    count: int
    size: tuple[int, int]
    rate: Fraction
    peak: float | None
    sound: Sound | None
    provenance: dict[str, Any]

    def chunks(self) -> Iterator[np.ndarray]:
        """All frames in order, (frame, height, width) float32, at most `CHUNK` at a time."""
        ...


class RecordingSource:
    """A recording in memory."""

    def __init__(self, recording: Recording):
        self.recording = recording
        self.name = str(recording.provenance.get("path", "recording"))
        self.count, self.rate, self.peak = len(recording), recording.rate, recording.peak
        self.size = (recording.frames.shape[1], recording.frames.shape[2])
        self.provenance = recording.provenance
        self.sound: Sound | None = None
        if recording.sound is not None:
            self.sound = ArraySound(*recording.sound)

    def chunks(self) -> Iterator[np.ndarray]:
        """See `FrameSource.chunks`."""
        for first in range(0, self.count, CHUNK):
            yield self.recording.frames[first : first + CHUNK]


@dataclass
class FirstFrames:
    """The beginning of a source, with the sound that belongs to it."""

    source: FrameSource
    count: int
    sound: Sound | None = field(init=False)

    def __post_init__(self) -> None:
        self.count = min(self.count, self.source.count)
        self.name, self.size, self.rate = self.source.name, self.source.size, self.source.rate
        self.peak, self.provenance = self.source.peak, self.source.provenance
        self.sound = None
        if (sound := self.source.sound) is not None:
            self.sound = FirstSamples(sound, round(self.count / self.rate * sound.rate))

    def chunks(self) -> Iterator[np.ndarray]:
        """See `FrameSource.chunks`."""
        left = self.count
        for chunk in self.source.chunks():
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                return


@dataclass
class FiniteLost:
    """A source whose lost frames are finite: a value that is none is that of the frame before, or 0."""

    source: FrameSource
    lost: tuple[int, ...]

    def __post_init__(self) -> None:
        self.name, self.count, self.size = self.source.name, self.source.count, self.source.size
        self.rate, self.peak = self.source.rate, self.source.peak
        self.sound, self.provenance = self.source.sound, self.source.provenance

    def chunks(self) -> Iterator[np.ndarray]:
        """See `FrameSource.chunks`."""
        first, before = 0, np.zeros(self.size, np.float32)
        for chunk in self.source.chunks():
            wrong = [n - first for n in self.lost if first <= n < first + len(chunk)]
            wrong = [n for n in wrong if not np.isfinite(chunk[n]).all()]
            if wrong:
                chunk = chunk.copy()
            for n in wrong:
                chunk[n] = np.where(np.isfinite(chunk[n]), chunk[n], chunk[n - 1] if n else before)
            first, before = first + len(chunk), chunk[-1]
            yield chunk


@dataclass(frozen=True)
class FirstSamples:
    """The beginning of a sound; it has no file of its own."""

    sound: Sound
    count: int
    path: None = None

    @property
    def rate(self) -> int:
        """See `Sound.rate`."""
        return self.sound.rate

    def blocks(self) -> Iterator[np.ndarray]:
        """See `Sound.blocks`."""
        left = self.count
        for block in self.sound.blocks():
            yield block[:left]
            left -= len(block)
            if left <= 0:
                return


@dataclass(frozen=True)
class LaterSamples:
    """A sound without its beginning; it has no file of its own."""

    sound: Sound
    skipped: int
    path: None = None

    @property
    def rate(self) -> int:
        """See `Sound.rate`."""
        return self.sound.rate

    def blocks(self) -> Iterator[np.ndarray]:
        """See `Sound.blocks`."""
        left = self.skipped
        for block in self.sound.blocks():
            yield block[left:]
            left = max(0, left - len(block))


def start_of(sound: Sound | None) -> float:
    """How late a sound starts after the first frame in its container [s]; early is negative."""
    if isinstance(sound, FirstSamples):
        sound = sound.sound
    return sound.lead() if isinstance(sound, StreamSound) else 0.0


def in_memory(source: FrameSource) -> Recording:
    """Read all frames and the sound of a source."""
    frames = np.concatenate(list(source.chunks()))
    sound = source.sound
    samples = None if sound is None else whole(sound)
    rate = None if sound is None else sound.rate
    return Recording(frames, source.rate, samples, rate, source.peak, source.provenance)
