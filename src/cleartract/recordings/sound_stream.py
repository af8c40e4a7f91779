"""The audio stream of a video file, in time with its frames."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np

from cleartract.errors import RecordingError, reason_of
from cleartract.recordings.formats import VIDEO_SUFFIXES, ffmpeg_name
from cleartract.recordings.sound_clock import SoundClock, silence

_LOUDEST = 1e9  # that whole numbers saved as real ones reach


@dataclass(frozen=True)
class StreamSound:
    """The audio stream of a video file, in time with its first frame.

    Attributes:
        path: The file.
        rate: See `Sound.rate`.
        packets: How many are used of a file that was cut off within one; all where None.
        left_out: Numbers of those that are damaged; silence is in their place.
    """

    path: Path
    rate: int
    packets: int | None = None
    left_out: frozenset[int] = frozenset()

    @classmethod
    def open(cls, path: Path) -> StreamSound | None:
        """The stream, or None where the file has none.

        Raises:
            RecordingError: If the file is no video or the stream is damaged from the beginning.
        """
        try:
            with av.open(ffmpeg_name(path), format=demuxer_of(path)) as container:
                if not container.streams.audio:
                    return None
                stream = container.streams.audio[0]
                if stream.codec_context is None or not stream.codec_context.sample_rate:
                    return None
                if next(iter(container.decode(stream)), None) is None:
                    return None
                return cls(path, int(stream.codec_context.sample_rate))
        except (av.FFmpegError, ValueError) as error:
            raise _damaged(path, error) from error

    def lead(self) -> float:
        """How late the first packet starts after the first frame [s].

        It is negative where the file holds sound from before, even if players leave that out.
        """
        try:
            with av.open(ffmpeg_name(self.path), format=demuxer_of(self.path)) as container:
                for packet in container.demux(container.streams.audio[0]):
                    if packet.pts is not None:
                        return float(packet.pts * packet.time_base) - _video_start(container)
                return 0.0
        except (av.FFmpegError, ValueError) as error:
            raise _damaged(self.path, error) from error

    def has_gaps(self) -> bool:
        """Whether there is time between its packets that none of them fills."""
        try:
            with av.open(ffmpeg_name(self.path), format=demuxer_of(self.path)) as container:
                clock = SoundClock(self.rate, 0.0, str(self.path))
                return any([clock.before(frame) > 0 for frame in self._frames(container)][1:])
        except (av.FFmpegError, ValueError) as error:
            raise _damaged(self.path, error) from error

    def without_damage(self) -> StreamSound | None:
        """The same without packets that are damaged; None if that are all."""
        whole: list[int] = []
        try:
            with av.open(ffmpeg_name(self.path), format=demuxer_of(self.path)) as container:
                for number, packet in enumerate(container.demux(container.streams.audio[0])):
                    if not packet.size:
                        continue
                    with suppress(av.FFmpegError, RecordingError):
                        for frame in packet.decode():
                            check_samples(frame.to_ndarray(), self.path)
                        whole.append(number)
        except (av.FFmpegError, ValueError):
            pass
        if not whole:
            return None
        missing = frozenset(range(whole[-1])) - frozenset(whole)
        return replace(self, packets=whole[-1] + 1, left_out=missing)

    def packets_of(self, container: Any) -> Iterator[Any]:
        """Those that are used of the file, opened."""
        packets = islice(container.demux(container.streams.audio[0]), self.packets)
        return (packet for number, packet in enumerate(packets) if number not in self.left_out)

    def blocks(self) -> Iterator[np.ndarray]:
        """See `Sound.blocks`; silence is put before sound that starts late, and where it pauses."""
        try:
            with av.open(ffmpeg_name(self.path), format=demuxer_of(self.path)) as container:
                yield from self._blocks(container)
        except (av.FFmpegError, ValueError) as error:
            raise _damaged(self.path, error) from error

    def _blocks(self, container: Any) -> Iterator[np.ndarray]:
        convert = av.AudioResampler(format="fltp", layout="mono", rate=self.rate)
        clock = SoundClock(self.rate, _video_start(container), str(self.path))
        skipped = 0  # samples before the first frame that are still to be dropped
        for frame in self._frames(container):
            missing = clock.before(frame)
            skipped += max(0, -missing)
            yield from silence(missing)
            for part in convert.resample(frame):
                samples = part.to_ndarray()[0]
                yield finite(samples[skipped:], self.path)
                skipped = max(0, skipped - len(samples))
        for part in convert.resample(None):
            yield finite(part.to_ndarray()[0], self.path)

    def _frames(self, container: Any) -> Iterator[Any]:
        for packet in self.packets_of(container):
            yield from packet.decode()
        if self.packets is not None:  # else the last packet was empty, which does this
            yield from container.streams.audio[0].codec_context.decode(None)


def _video_start(container: Any) -> float:
    shown = container.streams.video[0] if container.streams.video else None
    if shown is None or shown.start_time is None or shown.time_base is None:
        return 0.0
    return float(shown.start_time * shown.time_base)


def demuxer_of(path: Path) -> str:
    """The name by which FFmpeg knows this kind of video."""
    demuxer = VIDEO_SUFFIXES.get(path.suffix.lower())
    if demuxer is None:
        raise RecordingError(f"{path}: unknown kind of sound file; give a .wav or .flac file")
    return demuxer


def _damaged(path: Path, error: Exception) -> RecordingError:
    return RecordingError(f"{path}: sound is damaged ({reason_of(error)}); give a sound file")


def check_samples(samples: np.ndarray, path: Path) -> None:
    """Refuse samples that are no sound.

    Raises:
        RecordingError: If some are not finite, or far beyond what whole numbers reach.
    """
    if not np.isfinite(samples).all():
        raise RecordingError(f"{path}: sound holds values that are not finite")
    if samples.size and (most := float(np.abs(samples).max())) > 4 * _LOUDEST:
        raise RecordingError(f"{path}: sound reaches {most:.3g}; its samples lie within -1 and 1")


def finite(samples: np.ndarray, path: Path) -> np.ndarray:
    """Samples as float32, checked; see `check_samples`."""
    check_samples(samples, path)
    return samples.astype(np.float32)
