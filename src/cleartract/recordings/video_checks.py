"""What is wrong with a video file: cut off, damaged, turned, of variable rate."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.logging
import numpy as np

from cleartract.errors import RecordingError
from cleartract.types import exact_rate

_IRREGULAR = 0.02  # of a frame interval
_COARSE = Fraction(1, 2000)  # ticks as long as this round the time stamps [s]
_REORDERED = 16  # frames that H.264 may decode before those shown earlier [frames]
_MISSING = 2  # frames from which on a file is called cut off; one may be rounding

Spans = dict[int, tuple[float, float]]
"""When the first packet starts and the last one ends [s], by the stream's index."""

_lock = threading.Lock()
_listening = 0
_before: tuple[int | None, bool] = (None, True)


@contextmanager
def heard_errors() -> Iterator[list[tuple[int, str, str]]]:
    """Collect what FFmpeg's decoders complain about in this thread.

    A damaged FFV1 slice is repaired with the last frame's, and only the log tells. The log level
    belongs to the whole process: it is set while any thread listens, and restored afterwards. The
    decoder must use a single thread, or it complains elsewhere.
    """
    global _listening, _before
    with _lock:
        if not _listening:
            _before = (av.logging.get_level(), av.logging.get_skip_repeated())
            av.logging.set_level(max(_before[0] or 0, av.logging.ERROR))
            av.logging.set_skip_repeated(False)
        _listening += 1
    try:
        with av.logging.Capture() as logs:
            yield logs
    finally:
        with _lock:
            _listening -= 1
            if not _listening:
                av.logging.set_level(_before[0])
                av.logging.set_skip_repeated(_before[1])


class VariableRateError(RecordingError):
    """Frames are not evenly spaced in time."""


class WatchedDecoder:
    """Decodes a video, and keeps in mind what was damaged.

    Attributes:
        damaged: Frames the decoder complained about [frames].
        spoiled: Frames that are damaged or rest on damaged ones, up to the next key frame [frames].
        since: The damaged frame that the last frame rests on, or None.
    """

    def __init__(self, container: Any):
        self.container, self.stream = container, container.streams.video[0]
        self.stream.codec_context.thread_count = 1  # see `heard_errors`
        self.damaged: list[int] = []
        self.spoiled = 0
        self.since: int | None = None

    def frames(self) -> Iterator[Any]:
        """All frames in order; where one cannot be decoded, those that are whole come first.

        Raises:
            FFmpegError: Of the frame that cannot be decoded.
        """
        number = 0
        failed: av.FFmpegError | None = None
        stamps: set[int | None] = set()  # of packets that were complained about
        for packet in self.container.demux(self.stream):
            stamp = packet.pts
            with heard_errors() as logs:
                try:
                    frames = packet.decode()
                except av.FFmpegError as error:
                    frames, failed = self._held_back(), error
            if any(level <= av.logging.ERROR for level, *_ in logs):
                stamps.add(stamp)
            for frame in frames:
                if frame.is_corrupt or stamps & {frame.pts, None}:
                    stamps -= {frame.pts, None}
                    self.damaged.append(number)
                    self.since = number if self.since is None else self.since
                elif frame.key_frame:
                    self.since = None
                self.spoiled += self.since is not None
                yield frame
                number += 1
            if failed is not None:
                raise failed

    def _held_back(self) -> list[Any]:
        """Frames that wait in the decoder for those shown before them."""
        try:
            return self.stream.codec_context.decode(None)
        except av.FFmpegError:
            return []

    def whole(self, step: float | None) -> int:
        """How many frames there are before the cut of a file that was cut off.

        The last packet is torn, and frames that are stored after later ones may be missing.

        Args:
            step: From one frame to the next [ticks], or None where that varies.
        """
        number, last = 0, None
        longest = float("inf") if step is None else 1.5 * step
        try:
            for frame in self.frames():
                if None not in (last, frame.pts) and frame.pts - last > longest:
                    break
                number, last = number + 1, frame.pts
        except av.FFmpegError:
            pass
        torn = [frame for frame in self.damaged if frame >= number - _REORDERED]
        return min([number, *torn])

    def warnings(self) -> list[str]:
        """What to say about damaged frames."""
        if not self.damaged:
            return []
        first, many = self.damaged[0], len(self.damaged)
        text = f"frame {first} is damaged"
        if many > 1:
            text = f"{many} frames are damaged, the first is frame {first}"
        if self.spoiled > many:
            text += f"; with those up to the next key frame, {self.spoiled} may be wrong"
        return [text]


def extend(spans: Spans, index: int, start: float, end: float) -> None:
    """Add a packet, from `start` to `end` [s], to the span of its stream."""
    known = spans.get(index)
    if known is None or start < known[0] or end > known[1]:
        known = known or (start, end)
        spans[index] = min(start, known[0]), max(end, known[1])


def cut_warnings(
    container: Any, stream: Any, frames: int, rate: Fraction, spans: Spans
) -> list[str]:
    """Compare what a file holds with what its header promises.

    Args:
        container: Open file.
        stream: Its video.
        frames: Frames found, those that an edit list hides too [frames].
        rate: Frames per second.
        spans: Of the packets of every stream, by its index.
    """
    promised, about = stream.frames - unlisted_frames(container, stream), ""
    if not promised:  # Matroska states a duration, of the video or of the longest stream
        stated, (start, reached) = _stated_duration(stream), spans.get(stream.index, (0.0, 0.0))
        whole = 0 if stated is None else round((stated - start) * float(rate))
        if stated is None and container.duration:
            stated = container.duration / 1e6
            reached = max((end for _, end in spans.values()), default=0.0)
        missing = 0 if stated is None else round((stated - reached) * float(rate))
        promised = max(frames + missing, whole) if missing >= _MISSING else 0
        about = "about "
    if promised <= frames:
        return []
    return [f"the header says {about}{promised} frames, the file holds {frames}: it may be cut off"]


def unlisted_frames(container: Any, stream: Any) -> int:
    """Frames of an MP4 that no packet is made of: its edit list begins or ends far from them."""
    listed = len(stream.index_entries) if "mp4" in container.format.name else 0
    return max(0, stream.frames - listed) if listed else 0


def _stated_duration(stream: Any) -> float | None:
    """Duration in the tags of a Matroska stream [s], or None."""
    for name, value in stream.metadata.items():
        if name.upper().startswith("DURATION"):
            try:
                hours, minutes, seconds = (float(part) for part in value.split(":"))
            except ValueError:
                return None
            return 3600 * hours + 60 * minutes + seconds
    return None


def checked_rate(
    path: Path,
    header: Fraction,
    stamps: list[int],
    tick: Fraction,
    warnings: list[str],
    cut: bool = False,
) -> Fraction:
    """The rate after a look at the time stamps.

    Args:
        path: The file, for messages.
        header: Rate of the header.
        stamps: Time of every frame [ticks], in any order.
        tick: Their unit [s].
        warnings: One is added where the header is wrong.
        cut: Whether the end is missing; then frames may be missing between the last ones.

    Raises:
        VariableRateError: If the rate is variable.
    """
    if len(stamps) < 3:
        return header
    ticks = np.sort(np.array(stamps))
    steps = np.diff(ticks)
    seconds = steps * float(tick)
    middle = float(np.median(seconds))
    tolerance = max(_IRREGULAR * middle, 0.0011)  # some containers round to 1 ms
    irregular = np.flatnonzero(np.abs(seconds - middle) > tolerance)
    if cut and irregular.size and irregular[0] >= max(1, len(steps) - _REORDERED):
        kept = ticks[: irregular[0] + 1].tolist()
        return checked_rate(path, header, kept, tick, warnings)
    if middle <= 0 or irregular.size:
        raise VariableRateError(
            f"{path}: variable frame rate; give --resample to put it onto a constant one"
        )
    if tick >= _COARSE and steps.min() > 2:
        # rounded stamps of a short file are equally spaced by chance: ask the header first
        expected = np.arange(len(ticks)) / (float(header) * float(tick))
        if float(np.abs(ticks - ticks[0] - expected).max()) <= 1:
            return header
    if steps.min() == steps.max():  # time stamps without rounding are better than the header
        return 1 / (int(steps[0]) * tick)
    measured = (len(ticks) - 1) / (float(ticks[-1] - ticks[0]) * float(tick))
    if abs(measured - float(header)) > 0.01 * measured:
        warnings.append(
            f"rate of the header {float(header):.4f} is wrong, frames say {measured:.4f}"
        )
        return exact_rate(measured)
    return header


def aspect_warnings(stream: Any) -> list[str]:
    """What to say about pixels that are not square."""
    aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    if not aspect or aspect == 1:
        return []
    return [
        f"pixels are {aspect.numerator}:{aspect.denominator} (width to height), the result's are "
        "square: it looks stretched"
    ]


def edit_warnings(hidden: int) -> list[str]:
    """What to say about frames that an edit list hides: no player shows them, no decoder gives them."""
    if not hidden:
        return []
    return [f"was trimmed: {hidden} more frames are in the file; its edit list hides them"]


def turn_warnings(frame: Any) -> list[str]:
    """What to say about a frame that players turn."""
    turned = -int(getattr(frame, "rotation", 0)) % 360
    if not turned:
        return []
    return [f"players turn the image by {turned} degrees clockwise, the result is not turned"]
