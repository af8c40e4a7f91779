"""Frames of a video in any order, each found by its exact time stamp."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import av
import numpy as np

from cleartract.recordings.formats import VIDEO_SUFFIXES, ffmpeg_name
from cleartract.recordings.video_levels import GreyLevels
from cleartract.recordings.video_reader import VideoSource

_FARTHEST = 4096  # [frames] decoded from a key frame on before seeking is given up
_BACK = 64  # [frames] earlier, where a seek lands too late; eight times more each time
_THREADS = 2
_NEAR = 512  # [frames] ahead that are decoded rather than sought


class SeekError(Exception):
    """Frames that cannot be found by their time stamps."""


def can_seek(source: VideoSource) -> bool:
    """Whether the time stamps tell the number of each frame."""
    stamps = source.stamps
    if source.provenance["warnings"] or len(stamps) != source.count:
        return False
    if np.any(np.diff(stamps) <= 0):
        return False
    decoder = VideoDecoder(source)
    try:
        decoder.frames(0, 1)
    except SeekError:
        return False
    finally:
        decoder.close()
    return True


class VideoDecoder:
    """Decodes spans of a video; goes on where it stopped if that is where the next span begins.

    Args:
        source: A video; each of its frames has a time stamp of its own.
    """

    def __init__(self, source: VideoSource):
        self._source, self._stamps = source, source.stamps
        steps = np.diff(self._stamps)
        self._tolerance = int(steps.min()) // 4 if len(steps) else 0  # an index may be rounded
        self._levels = GreyLevels(source.path, source.peak == 65535.0)
        self._container: Any = None
        self._decoded: Iterator[Any] = iter(())
        self._next = -1  # number of the frame that comes next, -1 where unknown

    def frames(self, first: int, count: int) -> np.ndarray:
        """Grey levels (frame, height, width).

        Raises:
            SeekError: If one of the frames does not come out of the decoder.
            RecordingError: If a frame is in colour.
        """
        wanted = np.zeros((count, *self._source.size), np.float32)
        if not count:
            return wanted
        if not 0 <= first - self._next <= _NEAR or self._next < 0:
            self._seek(first)
        back, filled = _BACK, 0
        try:
            while filled < count:
                frame = next(self._decoded, None)
                if frame is None:
                    raise SeekError("the video ends before")
                number = self._number(frame.pts)
                if number > first + filled and not filled and first:
                    self._seek(max(0, first - back))
                    back *= 8
                    if back > 8 * _FARTHEST:
                        raise SeekError("no key frame before")
                    continue
                if number < first:
                    if first - number > _FARTHEST:
                        raise SeekError("key frames are too far apart")
                    continue
                if number != first + filled:
                    raise SeekError("a frame is missing")
                plane = self._levels.plane(frame, None)
                if plane.shape != self._source.size:
                    raise SeekError("frames change their size")
                wanted[filled] = plane
                filled += 1
        except (av.FFmpegError, OSError) as error:
            raise SeekError(str(error)) from error
        finally:
            self._next = first + filled if filled == count else -1
        return wanted

    def _number(self, stamp: int | None) -> int:
        """Number of the frame that is shown at a time [ticks]."""
        if stamp is None:
            raise SeekError("a frame without a time stamp")
        place = int(np.searchsorted(self._stamps, stamp - self._tolerance))
        if place >= len(self._stamps) or abs(self._stamps[place] - stamp) > self._tolerance:
            raise SeekError("a time stamp that no packet has")
        return place

    def _rest(self) -> None:
        """Let the decoder's threads finish the frames that they are at.

        Seeking and closing wait for them without letting go of the interpreter, which they need in
        turn to complain while another thread listens (`heard_errors`): both would wait for ever.
        """
        with contextlib.suppress(av.FFmpegError, OSError):
            self._container.streams.video[0].codec_context.decode(None)

    def _seek(self, number: int) -> None:
        if self._container is not None:
            self._rest()
        else:
            suffix = VIDEO_SUFFIXES[self._source.path.suffix.lower()]
            self._container = av.open(ffmpeg_name(self._source.path), format=suffix)
            context = self._container.streams.video[0].codec_context
            context.thread_type, context.thread_count = "FRAME", _THREADS
        stream = self._container.streams.video[0]
        try:
            self._container.seek(int(self._stamps[number]), stream=stream, backward=True)
        except av.FFmpegError as error:
            raise SeekError(str(error)) from error
        self._decoded = iter(self._container.decode(stream))

    def close(self) -> None:
        """Close the file."""
        self._decoded = iter(())
        if self._container is not None:
            self._rest()
            self._container.close()
            self._container = None
