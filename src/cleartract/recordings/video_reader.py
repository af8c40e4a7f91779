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
from cleartract.recordings.formats import FOLDER, READERS, VIDEO_SUFFIXES
from cleartract.recordings.sound import Sound, StreamSound, companion_sound, open_sound
from cleartract.recordings.source import CHUNK
from cleartract.types import exact_rate

LARGEST = 1024  # pixels along a side; rtMRI of speech has 48 to 256
SMALLEST = 16
_COLOUR_TOLERANCE = 3.0  # grey levels between channels, from chroma rounding
_IRREGULAR = 0.02  # of a frame interval
_CHECKED = 10  # every so many frames are checked for colour


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
        container = av.open(str(path), format=demuxer)
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
        frames: Video packets [frames].
        size: (height, width) [pixels].
        rate: Frames per second, exact; from the time stamps where they are exact.
        peak: 255, or 65535 for deeper formats.
        provenance: Path, codec, pixel format, warnings about the header.
    """

    frames: int
    size: tuple[int, int]
    rate: Fraction
    peak: float
    provenance: dict[str, Any]


def probe(path: Path) -> Probe:
    """Read the packets of a video: number, size, rate.

    Raises:
        RecordingError: If the file is missing, damaged, of an unsupported kind or a variable rate.
    """
    with _open(path) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        stamps: list[int] = []
        frames = 0
        try:
            for packet in container.demux(stream):
                if packet.size:
                    frames += 1
                    if packet.pts is not None:
                        stamps.append(packet.pts)
        except av.FFmpegError as error:
            raise RecordingError(f"{path}: damaged ({reason_of(error)}); copy it again") from error
        if not frames:
            raise RecordingError(f"{path}: holds no frames")
        described = context.format
        depth = max((c.bits for c in described.components), default=8) if described else 8
        header = exact_rate(stream.average_rate or stream.guessed_rate)
        warnings: list[str] = []
        if stream.frames > frames:
            warnings.append(
                f"the header says {stream.frames} frames, the file holds {frames}: it may be cut off"
            )
        rate = _checked_rate(path, header, stamps, exact_rate(stream.time_base), warnings)
        source = {"path": str(path), "codec": context.name, "pixel_format": context.pix_fmt}
        peak = 65535.0 if depth > 8 else 255.0
        size = (context.height, context.width)
        return Probe(frames, size, rate, peak, {**source, "warnings": warnings})


def _checked_rate(
    path: Path, header: Fraction, stamps: list[int], tick: Fraction, warnings: list[str]
) -> Fraction:
    """The rate after a look at the time stamps: a variable rate is refused."""
    if len(stamps) < 3:
        return header
    ticks = np.sort(np.array(stamps))
    steps = np.diff(ticks)
    seconds = steps * float(tick)
    middle = float(np.median(seconds))
    tolerance = max(_IRREGULAR * middle, 0.0011)  # some containers round to 1 ms
    if middle <= 0 or float(np.abs(seconds - middle).max()) > tolerance:
        raise RecordingError(f"{path}: variable frame rate; write it again with a constant one")
    if steps.min() == steps.max():  # time stamps without rounding are better than the header
        return 1 / (int(steps[0]) * tick)
    measured = (len(ticks) - 1) / (float(ticks[-1] - ticks[0]) * float(tick))
    if abs(measured - float(header)) > 0.01 * measured:
        warnings.append(
            f"rate of the header {float(header):.4f} is wrong, frames say {measured:.4f}"
        )
        return exact_rate(measured)
    return header


class VideoSource:
    """Frames of a video file in the file's own grey levels; see `FrameSource`.

    Args:
        path: .mp4, .m4v, .mov, .avi or .mkv.
        audio: A sound file instead of the video's own stream or a .wav or .flac beside it.

    Raises:
        RecordingError: If a file is missing, damaged or of an unsupported kind.
    """

    def __init__(self, path: Path, audio: Path | None = None):
        probed = probe(path)
        self.path, self.name = path, str(path)
        self.count, self.size, self.rate = probed.frames, probed.size, probed.rate
        self.peak: float | None = probed.peak
        self.provenance = probed.provenance
        self.sound: Sound | None = (
            open_sound(audio) if audio else StreamSound.open(path) or companion_sound(path)
        )
        self.provenance["audio"] = str(self.sound.path) if self.sound else None
        self._header_warnings = list(self.provenance["warnings"])

    def chunks(self) -> Iterator[np.ndarray]:
        """See `FrameSource.chunks`.

        Raises:
            RecordingError: If a frame cannot be decoded, is in colour or of another size.
        """
        planes: list[np.ndarray] = []
        damaged: list[int] = []
        number = 0
        with _open(self.path) as container:
            try:
                for frame in container.decode(container.streams.video[0]):
                    if frame.is_corrupt:
                        damaged.append(number)
                    depth = 16 if self.peak == 65535.0 else 8
                    plane = _grey(frame, self.path, depth, number % _CHECKED == 0)
                    if plane.shape != self.size:
                        raise RecordingError(
                            f"{self.path}: frames change their size; convert it to one size"
                        )
                    planes.append(plane)
                    number += 1
                    if len(planes) == CHUNK:
                        yield np.stack(planes).astype(np.float32, copy=False)
                        planes = []
            except av.FFmpegError as error:
                raise RecordingError(
                    f"{self.path}: damaged after frame {number} ({reason_of(error)}); copy it again"
                ) from error
        if planes:
            yield np.stack(planes).astype(np.float32, copy=False)
        if not number:
            raise RecordingError(f"{self.path}: holds no frames")
        first = f"frame {damaged[0]} is damaged" if damaged else ""
        many = f"{len(damaged)} frames are damaged, the first: {first}"
        fresh = [] if not damaged else [first if len(damaged) == 1 else many]
        self.provenance["warnings"] = self._header_warnings + fresh


def _grey(frame: Any, path: Path, depth: int, check: bool) -> np.ndarray:
    """Grey levels of a frame, (height, width); `check` looks for colour where that costs time."""
    name = frame.format.name
    if depth > 8:
        # deeper grey is kept; deep colour is checked at 8 bit
        if not name.startswith("gray"):
            _check_colour(frame, path)
        return frame.reformat(format="gray16le").to_ndarray()
    if name.startswith("yuv"):
        chroma = [np.asarray(frame.planes[i]) for i in (1, 2)]
        spread = max(float(np.abs(c.astype(np.float32) - 128).max()) for c in chroma)
        if check and spread > 4 * _COLOUR_TOLERANCE and _coloured(frame):
            raise _colour_error(path)
        return _luma(frame)
    if name.startswith("gray"):
        return frame.to_ndarray(format="gray")
    return _check_colour(frame, path)[..., 1]


def _luma(frame: Any) -> np.ndarray:
    plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    luma = rows[: frame.height, : frame.width].astype(np.float32)
    full = frame.format.name.startswith("yuvj") or int(frame.color_range) == 2
    return luma if full else np.round((luma - 16) * (255 / 219)).clip(0, 255)


def _coloured(frame: Any) -> bool:
    rgb = frame.to_ndarray(format="rgb24").astype(np.int16)
    return float(np.percentile(rgb.max(-1) - rgb.min(-1), 99)) > 4 * _COLOUR_TOLERANCE


def _check_colour(frame: Any, path: Path) -> np.ndarray:
    rgb = frame.to_ndarray(format="rgb24")
    spread = rgb.max(-1).astype(np.int16) - rgb.min(-1)
    if float(np.percentile(spread, 99)) > _COLOUR_TOLERANCE:
        raise _colour_error(path)
    return rgb


def _colour_error(path: Path) -> RecordingError:
    return RecordingError(f"{path}: is in colour; rtMRI is grey, convert it to grey first")
