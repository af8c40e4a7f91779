"""Video files, read in chunks through PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from cleartract.errors import RecordingError, reason_of
from cleartract.recordings.formats import FOLDER, READERS, VIDEO_SUFFIXES, ffmpeg_name
from cleartract.recordings.resampling import Resampling
from cleartract.recordings.sound import Sound, companion_sound, open_sound
from cleartract.recordings.sound_stream import StreamSound
from cleartract.recordings.source import CHUNK
from cleartract.recordings.video_checks import (
    Spans,
    VariableRateError,
    WatchedDecoder,
    aspect_warnings,
    checked_rate,
    cut_warnings,
    edit_warnings,
    extend,
    turn_warnings,
    unlisted_frames,
)
from cleartract.recordings.video_index import indexed_stamps
from cleartract.recordings.video_levels import GreyLevels
from cleartract.types import exact_rate

LARGEST = 1024  # pixels along a side; rtMRI of speech has 48 to 256
SMALLEST = 16
_LONGEST_COMMENT = 500


def _open(path: Path) -> Any:
    if path.is_dir():
        raise RecordingError(f"{path}: is a folder; give the recordings in it")
    if not path.is_file():
        raise RecordingError(f"{path}: no such file")
    demuxer = VIDEO_SUFFIXES.get(path.suffix.lower())
    if demuxer is None:
        known = ", ".join(suffix for suffix in READERS if suffix != FOLDER)
        raise RecordingError(f"{path}: unknown kind of file; give one of {known}")
    try:
        container = av.open(ffmpeg_name(path), format=demuxer)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise RecordingError(
            f"{path}: not a readable {path.suffix} file ({reason_of(error)}); convert or copy it again"
        ) from error
    if not container.streams.video:
        container.close()
        raise RecordingError(f"{path}: holds no video")
    stream = container.streams.video[0]
    if stream.codec_context is None:
        container.close()
        raise RecordingError(f"{path}: its video codec is unknown; convert it")
    height, width = stream.codec_context.height, stream.codec_context.width
    if not (SMALLEST <= height <= LARGEST and SMALLEST <= width <= LARGEST):
        container.close()
        raise RecordingError(
            f"{path}: frames of {width}x{height} pixels; from {SMALLEST} to {LARGEST} are supported"
        )
    if not (stream.average_rate or stream.guessed_rate):
        container.close()
        raise RecordingError(f"{path}: no frame rate; write it again with a constant rate")
    return container


@dataclass(frozen=True)
class Probe:
    """What a video file holds, without decoding it.

    Attributes:
        frames: Video packets, but those that an edit list hides [frames].
        size: (height, width) [pixels].
        rate: Frames per second, exact; from the time stamps where they are exact.
        peak: 255, or 65535 for deeper formats.
        provenance: Path, codec, pixel format, what tells that the file was cut off or None,
            warnings about the header.
        stamps: Time stamps of the packets in the order of showing [ticks], where each has one.
        grid: How frames of a variable rate are put onto a constant one, where that is wanted.
    """

    frames: int
    size: tuple[int, int]
    rate: Fraction
    peak: float
    provenance: dict[str, Any]
    stamps: np.ndarray
    grid: Resampling | None = None


def probe(path: Path, quick: bool = False, resample: bool = False) -> Probe:
    """Read the packets of a video: number, size, rate.

    Args:
        path: The file.
        quick: Whether the file's index may be believed where the video is long.
        resample: Whether a variable rate is put onto a constant one, see `Resampling`.

    Raises:
        RecordingError: If the file is missing, damaged, of an unsupported kind or, unless it is to
            be resampled, of a variable rate.
    """
    with _open(path) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        stamps = (indexed_stamps(path, container) if quick else None) or []
        frames, hidden, spans, indexed = len(stamps), 0, Spans(), bool(stamps)
        # a film of an hour has 400,000 packets: exact fractions for each would take seconds
        units = [float(any_stream.time_base or 0) for any_stream in container.streams]
        shown = stream.index
        try:
            for packet in () if indexed else container.demux():
                if not packet.size:
                    continue
                index, stamp = packet.stream_index, packet.pts
                if index == shown and packet.is_discard:
                    hidden += 1
                elif index == shown:
                    frames += 1
                    if stamp is not None:
                        stamps.append(stamp)
                if stamp is not None and units[index]:
                    start = stamp * units[index]
                    extend(spans, index, start, start + (packet.duration or 0) * units[index])
        except av.FFmpegError as error:
            raise RecordingError(f"{path}: damaged ({reason_of(error)}); copy it again") from error
        if not frames:
            raise RecordingError(f"{path}: holds no frames")
        described = context.format
        depth = max((c.bits for c in described.components), default=8) if described else 8
        header = exact_rate(stream.average_rate or stream.guessed_rate)
        warnings = cut_warnings(container, stream, frames + hidden, header, spans)
        tick, cut = exact_rate(stream.time_base), bool(warnings)
        order = np.sort(np.array(stamps, np.int64))
        grid: Resampling | None = None
        try:
            rate = checked_rate(path, header, stamps, tick, warnings, cut)
        except VariableRateError:
            if not resample:
                raise
            if len(stamps) != frames:
                raise RecordingError(
                    f"{path}: {frames - len(stamps)} of {frames} frames have no time; write it again"
                ) from None
            grid = Resampling.of(str(path), order, tick)
            rate = grid.rate
        source: dict[str, Any] = {"path": str(path), "codec": context.name}
        source["comment"] = str(container.metadata.get("comment", ""))[:_LONGEST_COMMENT]
        source |= {"pixel_format": context.pix_fmt, "cut": warnings[0] if cut else None}
        hidden += unlisted_frames(container, stream)
        warnings += aspect_warnings(stream) + edit_warnings(hidden)
        peak = 65535.0 if depth > 8 else 255.0
        size = (context.height, context.width)
        return Probe(frames, size, rate, peak, {**source, "warnings": warnings}, order, grid)


class VideoSource:
    """Frames of a video file in the file's own grey levels; see `FrameSource`.

    Args:
        path: .mp4, .m4v, .mov, .avi or .mkv.
        audio: A sound file instead of the video's own stream or a .wav or .flac beside it.
        quick: See `probe`.
        resample: See `probe`; the frames stay those of the file, see `ResampledSource`.

    Attributes:
        grid: See `Probe`.

    Raises:
        RecordingError: If a file is missing, damaged or of an unsupported kind.
    """

    def __init__(
        self, path: Path, audio: Path | None = None, quick: bool = False, resample: bool = False
    ):
        probed = probe(path, quick, resample)
        self.grid = probed.grid
        self.path, self.name = path, str(path)
        self.count, self.size, self.rate = probed.frames, probed.size, probed.rate
        self.peak: float | None = probed.peak
        self.provenance, self.stamps = probed.provenance, probed.stamps
        self.sound: Sound | None = (
            open_sound(audio) if audio else StreamSound.open(path) or companion_sound(path)
        )
        self.provenance["audio"] = str(self.sound.path) if self.sound else None
        self._header_warnings = list(self.provenance["warnings"])
        self._ends_at_cut = False

    def end_at_cut(self) -> None:
        """Let a file that was cut off end with the last frame that is whole; `count` is right then.

        Raises:
            RecordingError: If no frame is whole.
        """
        with _open(self.path) as container:
            tick = exact_rate(container.streams.video[0].time_base)
            step = None if self.grid is not None else float(1 / (self.rate * tick))
            self.count = WatchedDecoder(container).whole(step)
        if not self.count:
            why = "; ".join(self._header_warnings)
            raise RecordingError(f"{self.path}: holds no whole frame ({why}); copy it again")
        self._ends_at_cut = True

    def chunks(self) -> Iterator[np.ndarray]:
        """See `FrameSource.chunks`.

        Raises:
            RecordingError: If a frame cannot be decoded, is in colour or of another size.
        """
        planes: list[np.ndarray] = []
        turned: list[str] = []
        number, grey = 0, GreyLevels(self.path, self.peak == 65535.0)
        with _open(self.path) as container:
            watched = WatchedDecoder(container)
            try:
                for frame in watched.frames():
                    plane = grey.plane(frame, watched.since)
                    turned = turned or turn_warnings(frame)
                    if plane.shape != self.size:
                        raise RecordingError(
                            f"{self.path}: frames change their size; convert it to one size"
                        )
                    planes.append(plane)
                    number += 1
                    if self._ends_at_cut and number == self.count:
                        break
                    if len(planes) == CHUNK:
                        yield np.stack(planes).astype(np.float32, copy=False)
                        planes = []
            except av.FFmpegError as error:
                why = "; ".join([reason_of(error), *self._header_warnings])
                raise RecordingError(
                    f"{self.path}: damaged after frame {number} ({why}); copy it again"
                ) from error
        if planes:
            yield np.stack(planes).astype(np.float32, copy=False)
        if not number:
            raise RecordingError(f"{self.path}: holds no frames")
        self.provenance["warnings"] = self._header_warnings + turned + watched.warnings()
