"""Writing video: playable previews, lossless masters, comparisons; frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from cleartract.recordings.formats import VIDEO_SUFFIXES, ffmpeg_name
from cleartract.recordings.sound import ArraySound, Sound
from cleartract.recordings.sound_stream import StreamSound
from cleartract.types import exact_rate

_COPIED_INTO = {
    ".mp4": ("aac", "mp3", "alac"),
    ".mov": ("aac", "mp3", "alac", "pcm_s16le"),
    ".avi": ("pcm_s16le", "mp3"),
}
_TOGETHER = (".avi",)  # containers whose streams all start at once
_EDITED = (".mp4", ".mov")  # those that keep starts, by default rounded to 1 ms
_AT_ONCE = 0.001  # apart from that [s]


@dataclass(frozen=True)
class VideoFormat:
    """What a video file is made of.

    Attributes:
        size: (height, width) [pixels].
        rate: Frames per second, exact.
        codec: `libx264`, `rawvideo` or `ffv1`.
        deep: Whether grey levels have 16 bit (FFV1).
        crf: Quality of H.264, lower is better.
    """

    size: tuple[int, int]
    rate: Fraction
    codec: str = "libx264"
    deep: bool = False
    crf: int = 12
    comment: str = ""


class VideoWriter:
    """Encodes grey frames as they come, with their sound in step.

    Args:
        path: Its suffix chooses the container.
        video: Size, rate and codec.
        sound: Copied bit for bit where it is the audio stream of a file and the container allows
            its codec and its start, encoded otherwise.
    """

    def __init__(self, path: Path, video: VideoFormat, sound: Sound | None = None):
        self.video, suffix = video, path.suffix.lower()
        options = (
            {"movie_timescale": str(sound.rate)} if sound is not None and suffix in _EDITED else {}
        )
        self._container = av.open(
            ffmpeg_name(path), "w", format=VIDEO_SUFFIXES[suffix], options=options
        )
        if video.comment:
            self._container.metadata["comment"] = video.comment
        self._stream = _video_stream(self._container, video)
        self._sound: Iterator[Any] = iter(())
        copied = _copied_stream(self._container, suffix, sound)
        if copied is not None:
            self._sound = _copied_packets(*copied)
        elif sound is not None:
            name = "aac" if suffix == ".mp4" else "pcm_s16le"
            rate = _encoder_rate(name, sound.rate)
            audio = self._container.add_stream(name, rate=rate, layout="mono")
            self._sound = _sound_packets(audio, sound)
        self._waiting: Any = None  # packet of sound that comes after the pictures so far
        self._count = 0

    def write(self, levels: np.ndarray) -> None:
        """Add frames, (frame, height, width) uint8, or uint16 for deep FFV1."""
        for plane in levels:
            picture = self._picture(plane)
            picture.pts, picture.time_base = self._count, self._stream.codec_context.time_base
            self._count += 1
            for packet in self._stream.encode(picture):
                self._mux(packet)

    def close(self) -> None:
        """Finish the file."""
        try:
            for packet in self._stream.encode(None):
                self._mux(packet)
            self._mux_sound(None)
        finally:
            self._container.close()

    def abandon(self) -> None:
        """Let go of the file without finishing it."""
        self._container.close()

    def _mux(self, packet: Any) -> None:
        self._mux_sound(_decoding_time(packet))
        self._container.mux(packet)

    def _mux_sound(self, until: Fraction | None) -> None:
        """Sound goes between the pictures, so that players need not seek."""
        while True:
            if self._waiting is None:
                self._waiting = next(self._sound, None)
            if self._waiting is None:
                return
            if until is not None and _decoding_time(self._waiting) >= until:
                return
            self._container.mux(self._waiting)
            self._waiting = None

    def _picture(self, plane: np.ndarray) -> Any:
        height, width = self._stream.height, self._stream.width
        pad = ((0, height - plane.shape[0]), (0, width - plane.shape[1]))
        plane = np.pad(plane, pad, mode="edge")
        if self.video.codec == "libx264":
            chroma = np.full((height // 2, width), 128, np.uint8)
            picture = av.VideoFrame.from_ndarray(np.concatenate([plane, chroma]), "yuv420p")
            picture.color_range = 2
            return picture
        if self.video.codec == "rawvideo":
            colours = np.ascontiguousarray(plane[..., None].repeat(3, -1))
            return av.VideoFrame.from_ndarray(colours, "bgr24")
        name = "gray16le" if plane.dtype == np.uint16 else "gray"
        return av.VideoFrame.from_ndarray(np.ascontiguousarray(plane), name)


def write_video(
    path: Path,
    frames: np.ndarray,
    rate: Fraction,
    sound: Sound | tuple[np.ndarray, int] | None,
    codec: str | None = None,
) -> None:
    """Encode grey frames and sound in one go.

    Args:
        path: Its suffix chooses the container.
        frames: (frame, height, width), uint8, or uint16 for FFV1.
        rate: Frames per second, exact.
        sound: Sound, or a waveform (sample,) in [-1, 1] and its rate [Hz].
        codec: As `VideoFormat`; by default what the container plays best.
    """
    if isinstance(sound, tuple):
        sound = ArraySound(*sound)
    codec = codec or preferred_codec(path)
    size = (frames.shape[1], frames.shape[2])
    writer = VideoWriter(path, VideoFormat(size, rate, codec, frames.dtype == np.uint16), sound)
    try:
        writer.write(frames)
    except BaseException:
        writer.abandon()
        raise
    writer.close()


def preferred_codec(path: Path) -> str:
    """What players read best in this container."""
    return "rawvideo" if path.suffix.lower() == ".avi" else "libx264"


def _decoding_time(packet: Any) -> Fraction:
    return packet.dts * exact_rate(packet.time_base)


def _video_stream(container: Any, video: VideoFormat) -> Any:
    codec, rate = video.codec, video.rate
    options = {
        "libx264": {"crf": str(video.crf), "preset": "medium", "tune": "grain"},
        "ffv1": {"level": "3", "slicecrc": "1", "slices": "4"},
        "rawvideo": {},
    }[codec]
    stream = container.add_stream(codec, rate=rate, options=options)
    even = codec == "libx264"
    height, width = video.size
    stream.height, stream.width = (height + even * (height % 2), width + even * (width % 2))
    formats = {
        "libx264": "yuv420p",
        "rawvideo": "bgr24",
        "ffv1": "gray16le" if video.deep else "gray",
    }
    stream.pix_fmt = formats[codec]
    stream.codec_context.time_base = 1 / rate
    if codec == "libx264":
        stream.codec_context.color_range = 2  # full range, tagged
    return stream


def _encoder_rate(codec: str, rate: int) -> int:
    supported = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
    return (
        rate
        if codec != "aac" or rate in supported
        else min(s for s in supported if s >= min(rate, 48000))
    )


def _sound_packets(stream: Any, sound: Sound) -> Iterator[Any]:
    position, rate = 0, sound.rate
    for block in sound.blocks():
        for first in range(0, len(block), 8192):
            piece = np.ascontiguousarray(block[None, first : first + 8192], np.float32)
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, position, Fraction(1, rate)
            position += piece.shape[1]
            yield from stream.encode(frame)
    yield from stream.encode(None)


def _copied_packets(source: Any, sound: StreamSound, target: Any) -> Iterator[Any]:
    """Packets of another file's sound; the frames start at 0, so the sound moves with them."""
    with source:
        shown = source.streams.video[0]
        zero = (shown.start_time or 0) * exact_rate(shown.time_base)
        shift = round(zero / exact_rate(source.streams.audio[0].time_base))
        for packet in sound.packets_of(source):
            if packet.dts is not None:
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = target
                yield packet


def _copied_stream(container: Any, suffix: str, sound: Sound | None) -> tuple | None:
    """Open the source of the sound, if it may be copied into this container."""
    if not isinstance(sound, StreamSound):
        return None
    if suffix in _TOGETHER and abs(sound.lead()) > _AT_ONCE:
        return None  # encoded with the silence before it, or without what comes too early
    source = av.open(ffmpeg_name(sound.path), format=VIDEO_SUFFIXES[sound.path.suffix.lower()])
    if source.streams.audio:
        template = source.streams.audio[0]
        name = template.codec_context.codec.canonical_name
        timeless = suffix in _TOGETHER or name.startswith("pcm_")  # packets follow each other there
        fits = name in _COPIED_INTO.get(suffix, ())
        if fits and not (timeless and sound.has_gaps()):
            return source, sound, container.add_stream_from_template(template)
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
