"""Reading recordings: video files through PyAV, arrays, and the sound that belongs to them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from cleartract.errors import RecordingError, reason_of
from cleartract.recordings.array_io import open_array
from cleartract.recordings.audio_io import companion_audio, read_audio
from cleartract.recordings.formats import ARRAY_SUFFIXES, VIDEO_SUFFIXES
from cleartract.recordings.recording import Recording
from cleartract.types import exact_rate

LARGEST = 1024  # pixels along a side; rtMRI of speech has 48 to 256
SMALLEST = 16
_COLOUR_TOLERANCE = 3.0  # grey levels between channels, from chroma rounding
_IRREGULAR = 0.02  # of a frame interval


@dataclass(frozen=True)
class Probe:
    """What a video file holds, without decoding it.

    Attributes:
        frames: Video packets [frames].
        size: (height, width) [pixels].
        rate: Frames per second, exact.
    """

    frames: int
    size: tuple[int, int]
    rate: Fraction


def _open(path: Path) -> Any:
    if path.is_dir():
        raise RecordingError(f"{path}: is a folder; give the recordings in it")
    if not path.is_file():
        raise RecordingError(f"{path}: no such file")
    demuxer = VIDEO_SUFFIXES.get(path.suffix.lower())
    if demuxer is None:
        known = ", ".join([*VIDEO_SUFFIXES, *ARRAY_SUFFIXES])
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


def probe(path: Path) -> Probe:
    """Count frames and read size and rate, without decoding.

    Raises:
        RecordingError: If the file is missing, damaged or of an unsupported kind.
    """
    with _open(path) as container:
        stream = container.streams.video[0]
        try:
            frames = sum(1 for packet in container.demux(stream) if packet.size)
        except av.FFmpegError as error:
            raise RecordingError(f"{path}: damaged ({reason_of(error)}); copy it again") from error
        context = stream.codec_context
        return Probe(frames, (context.height, context.width), _rate(stream))


def _rate(stream: Any) -> Fraction:
    return exact_rate(stream.average_rate or stream.guessed_rate)


def open_recording(path: str | Path, audio: str | Path | None = None) -> Recording:
    """Read a recording with its sound.

    The sound comes from `audio` if given, else from the file's own audio stream, else from a
    .wav or .flac of the same name beside it.

    Args:
        path: .mp4, .m4v, .mov, .avi, .mkv, .npz or .npy.
        audio: A sound file of any length.

    Returns:
        Frames in the file's own grey levels (0 to 255, or 0 to 65535 for deeper formats).

    Raises:
        RecordingError: If a file is missing, damaged, in colour, or of an unsupported kind.
    """
    path = Path(path)
    if path.suffix.lower() in ARRAY_SUFFIXES:
        return open_array(path, audio)
    frames, rate, peak, source = _read_video(path)
    found = Path(audio) if audio else None
    waveform = None
    if found is None:
        waveform = read_audio(path, missing_ok=True)
        found = companion_audio(path) if waveform is None else path
    if waveform is None and found is not None:
        waveform = read_audio(found)
    samples, sample_rate = waveform if waveform is not None else (None, None)
    source["audio"] = str(found) if samples is not None else None
    return Recording(frames, rate, samples, sample_rate, peak, source)


def _read_video(path: Path) -> tuple[np.ndarray, Fraction, float, dict[str, Any]]:
    planes: list[np.ndarray] = []
    stamps: list[Fraction] = []
    warnings: list[str] = []
    with _open(path) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        rate = _rate(stream)
        depth = max((c.bits for c in context.format.components), default=8) if context.format else 8
        try:
            for frame in container.decode(stream):
                if frame.is_corrupt:
                    warnings.append(f"frame {len(planes)} is damaged")
                planes.append(_grey(frame, path, depth))
                if frame.pts is not None:
                    stamps.append(frame.pts * exact_rate(frame.time_base))
        except av.FFmpegError as error:
            raise RecordingError(
                f"{path}: damaged after frame {len(planes)} ({reason_of(error)}); copy it again"
            ) from error
        pixel_format = context.pix_fmt
        codec = context.name
    if not planes:
        raise RecordingError(f"{path}: holds no frames")
    if len({plane.shape for plane in planes}) > 1:
        raise RecordingError(f"{path}: frames change their size; convert it to one size")
    if len(warnings) > 1:
        warnings = [f"{len(warnings)} frames are damaged, the first: {warnings[0]}"]
    rate = _checked_rate(path, rate, stamps, warnings)
    source = {"path": str(path), "codec": codec, "pixel_format": pixel_format}
    source |= {"warnings": warnings}
    frames = np.stack(planes).astype(np.float32, copy=False)
    return frames, rate, 65535.0 if depth > 8 else 255.0, source


def _grey(frame: Any, path: Path, depth: int) -> np.ndarray:
    name = frame.format.name
    if depth > 8:
        # deeper grey is kept; deep colour is checked at 8 bit
        if not name.startswith("gray"):
            _check_colour(frame, path)
        return frame.reformat(format="gray16le").to_ndarray()
    if name.startswith("yuv"):
        chroma = [np.asarray(frame.planes[i]) for i in (1, 2)]
        spread = max(float(np.abs(c.astype(np.float32) - 128).max()) for c in chroma)
        if spread > 4 * _COLOUR_TOLERANCE and _coloured(frame):
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


def _checked_rate(
    path: Path, rate: Fraction, stamps: list[Fraction], warnings: list[str]
) -> Fraction:
    """The rate, after a look at the time stamps: a variable rate is refused."""
    if len(stamps) < 3:
        return rate
    steps = np.diff(np.array([float(s) for s in stamps]))
    middle = float(np.median(steps))
    tolerance = max(_IRREGULAR * middle, 0.0011)  # some containers round to 1 ms
    if middle <= 0 or float(np.abs(steps - middle).max()) > tolerance:
        raise RecordingError(f"{path}: variable frame rate; write it again with a constant one")
    exact = {after - before for before, after in itertools.pairwise(stamps)}
    if len(exact) == 1:  # time stamps without rounding know the rate better than the header
        return 1 / exact.pop()
    measured = (len(stamps) - 1) / float(stamps[-1] - stamps[0])
    if abs(measured - float(rate)) > 0.01 * measured:
        warnings.append(f"rate of the header {float(rate):.4f} is wrong, frames say {measured:.4f}")
        return exact_rate(measured)
    return rate
