"""Writing recordings: playable previews, lossless masters, comparisons. All writes are atomic."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from cleartract.errors import OutputError
from cleartract.files import atomic
from cleartract.recordings.array_io import write_array
from cleartract.recordings.formats import OUTPUT_SUFFIXES, VIDEO_SUFFIXES
from cleartract.recordings.recording import Recording
from cleartract.types import exact_rate

_COPIED_INTO = {
    ".mp4": ("aac", "mp3", "alac"),
    ".mov": ("aac", "mp3", "alac", "pcm_s16le"),
    ".avi": ("pcm_s16le", "mp3"),
}


def write_recording(
    path: Path, recording: Recording, provenance: dict, sound_from: Path | None = None
) -> None:
    """Write a recording in the format its name asks for.

    Args:
        path: `.mp4` or `.mov` (H.264 preview), `.avi` (uncompressed, as USC-TIMIT; also for MATLAB), `.npz`
            (float32, in the recording's own intensity scale).
        recording: Frames and sound.
        provenance: Kept in a .npz.
        sound_from: File whose audio stream is copied without re-encoding where the container
            allows; otherwise the recording's sound is encoded.

    Raises:
        OutputError: If the kind of file is unknown or cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in OUTPUT_SUFFIXES:
        raise OutputError(f"{path}: unknown output; name it {', '.join(OUTPUT_SUFFIXES)}")
    with atomic(path) as temporary:
        if suffix == ".npz":
            write_array(temporary, recording, provenance)
        else:
            write_video(
                temporary,
                display_levels(recording),
                recording.rate,
                recording.sound,
                sound_from=sound_from,
            )


def display_levels(recording: Recording) -> np.ndarray:
    """Grey levels for 8-bit video, (frame, height, width) uint8.

    8-bit recordings keep their levels; others are scaled so that the 99.9th percentile is 235.
    """
    frames = recording.frames
    if recording.peak != 255:
        frames = frames * (235 / max(float(np.percentile(frames, 99.9)), 1e-12))
    return np.round(frames).clip(0, 255).astype(np.uint8)


def write_master(path: Path, recording: Recording) -> None:
    """Write a lossless FFV1 video of 16 bit grey in AVI, with its sound as PCM.

    8-bit scales are spread over 16 bit (times 257), so that fractions of a grey level survive;
    deeper recordings keep their numbers, arrays without a peak are scaled to their maximum.
    """
    peak = recording.peak or max(float(recording.frames.max()), 1e-12)
    levels = np.round(recording.frames * (65535.0 / peak)).clip(0, 65535).astype(np.uint16)
    with atomic(path) as temporary:
        write_video(temporary, levels, recording.rate, recording.sound, codec="ffv1")


def write_video(
    path: Path,
    frames: np.ndarray,
    rate: Fraction,
    sound: tuple[np.ndarray, int] | None,
    codec: str | None = None,
    sound_from: Path | None = None,
    crf: int = 12,
) -> None:
    """Encode grey frames and sound.

    Args:
        path: Its suffix chooses the container.
        frames: (frame, height, width), uint8, or uint16 for FFV1.
        rate: Frames per second, exact.
        sound: Waveform (sample,) in [-1, 1] and its rate [Hz].
        codec: `libx264`, `rawvideo` or `ffv1`; by default what the container plays best.
        sound_from: File whose audio packets are copied if the container allows.
        crf: Quality of H.264, lower is better.
    """
    suffix = path.suffix.lower()
    codec = codec or ("rawvideo" if suffix == ".avi" else "libx264")
    with av.open(str(path), "w", format=VIDEO_SUFFIXES[suffix]) as container:
        stream = _video_stream(container, codec, frames, rate, crf)
        copied = _copied_stream(container, suffix, sound_from)
        audio = None
        if copied is None and sound is not None:
            name = "aac" if suffix == ".mp4" else "pcm_s16le"
            audio = container.add_stream(name, rate=_encoder_rate(name, sound[1]), layout="mono")
        pictures = _video_packets(stream, codec, frames)
        sounds: Iterator[Any] = iter(())
        if copied is not None:
            sounds = _copied_packets(*copied)
        elif audio is not None and sound is not None:
            sounds = _sound_packets(audio, *sound)
        # interleaved, so that players need not seek
        for packet in heapq.merge(pictures, sounds, key=_decoding_time):
            container.mux(packet)


def _decoding_time(packet: Any) -> Fraction:
    return packet.dts * exact_rate(packet.time_base)


def _video_stream(container: Any, codec: str, frames: np.ndarray, rate: Fraction, crf: int) -> Any:
    options = {
        "libx264": {"crf": str(crf), "preset": "medium", "tune": "grain"},
        "ffv1": {"level": "3", "slicecrc": "1", "slices": "4"},
        "rawvideo": {},
    }[codec]
    stream = container.add_stream(codec, rate=rate, options=options)
    even = codec == "libx264"
    height, width = frames.shape[1:]
    stream.height, stream.width = (height + even * (height % 2), width + even * (width % 2))
    deep = frames.dtype == np.uint16
    formats = {"libx264": "yuv420p", "rawvideo": "bgr24", "ffv1": "gray16le" if deep else "gray"}
    stream.pix_fmt = formats[codec]
    stream.codec_context.time_base = 1 / rate
    if codec == "libx264":
        stream.codec_context.color_range = 2  # full range, tagged
    return stream


def _video_packets(stream: Any, codec: str, frames: np.ndarray) -> Iterator[Any]:
    height, width = stream.height, stream.width
    for index, plane in enumerate(frames):
        pad = ((0, height - plane.shape[0]), (0, width - plane.shape[1]))
        plane = np.pad(plane, pad, mode="edge")
        if codec == "libx264":
            chroma = np.full((height // 2, width), 128, np.uint8)
            picture = av.VideoFrame.from_ndarray(np.concatenate([plane, chroma]), "yuv420p")
            picture.color_range = 2
        elif codec == "rawvideo":
            colours = np.ascontiguousarray(plane[..., None].repeat(3, -1))
            picture = av.VideoFrame.from_ndarray(colours, "bgr24")
        else:
            name = "gray16le" if plane.dtype == np.uint16 else "gray"
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(plane), name)
        picture.pts, picture.time_base = index, stream.codec_context.time_base
        yield from stream.encode(picture)
    yield from stream.encode(None)


def _encoder_rate(codec: str, rate: int) -> int:
    supported = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
    return (
        rate
        if codec != "aac" or rate in supported
        else min(s for s in supported if s >= min(rate, 48000))
    )


def _sound_packets(stream: Any, samples: np.ndarray, rate: int) -> Iterator[Any]:
    block = 8192
    for first in range(0, len(samples), block):
        piece = np.ascontiguousarray(samples[None, first : first + block], np.float32)
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, first, Fraction(1, rate)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _copied_packets(source: Any, template: Any, target: Any) -> Iterator[Any]:
    """Packets of another file's sound; the frames start at 0, so the sound moves with them."""
    with source:
        shown = source.streams.video[0]
        zero = (shown.start_time or 0) * exact_rate(shown.time_base)
        shift = round(zero / exact_rate(template.time_base))
        for packet in source.demux(template):
            if packet.dts is not None:
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = target
                yield packet


def _copied_stream(container: Any, suffix: str, sound_from: Path | None) -> tuple | None:
    """Open the source of the sound, if its codec may be copied into this container."""
    if sound_from is None or sound_from.suffix.lower() not in VIDEO_SUFFIXES:
        return None
    source = av.open(str(sound_from), format=VIDEO_SUFFIXES[sound_from.suffix.lower()])
    if source.streams.audio:
        template = source.streams.audio[0]
        if template.codec_context.codec.canonical_name in _COPIED_INTO.get(suffix, ()):
            return source, template, container.add_stream_from_template(template)
    source.close()
    return None


def side_by_side(panels: list[np.ndarray], zoom: int = 4, gap: int = 4) -> np.ndarray:
    """Panels of one size next to each other, enlarged, (frame, height, width) uint8.

    Args:
        panels: Each (frame, height, width) uint8.
        zoom: Enlargement (bicubic, from pillow).
        gap: White gap [enlarged pixels].
    """
    from PIL import Image

    height, width = (zoom * n for n in panels[0].shape[1:])
    result = np.full((len(panels[0]), height, len(panels) * (width + gap) - gap), 255, np.uint8)
    for column, panel in enumerate(panels):
        left = column * (width + gap)
        for index, frame in enumerate(panel):
            picture = Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC)
            result[index, :, left : left + width] = np.asarray(picture)
    return result
