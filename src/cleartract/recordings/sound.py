"""Sound that belongs to frames: read in blocks, whatever holds it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np

from cleartract.errors import RecordingError, reason_of
from cleartract.recordings.formats import SOUND_SUFFIXES, VIDEO_SUFFIXES, ffmpeg_name, stem_of

_BLOCK = 1 << 16  # [samples]
_LOUDEST = 1e9  # that whole numbers saved as real ones reach
_WANTED = ContextVar("companions", default=True)


class Sound(Protocol):
    """Mono sound whose first sample belongs to the beginning of the first frame.

    Attributes:
        rate: Samples per second [Hz].
        path: File that holds it, or None.
    """

    @property
    def rate(self) -> int:
        """Samples per second [Hz]."""
        ...

    @property
    def path(self) -> Path | None:
        """File that holds it, or None."""
        ...

    def blocks(self) -> Iterator[np.ndarray]:
        """The samples from the first on, each block (sample,) float32 in [-1, 1]."""
        ...


@dataclass(frozen=True)
class ArraySound:
    """Sound in memory, (sample,)."""

    samples: np.ndarray
    rate: int
    path: Path | None = None

    def blocks(self) -> Iterator[np.ndarray]:
        """See `Sound.blocks`."""
        for first in range(0, len(self.samples), _BLOCK):
            yield self.samples[first : first + _BLOCK].astype(np.float32)


@dataclass(frozen=True)
class FileSound:
    """A sound file that libsndfile reads; channels are averaged."""

    path: Path
    rate: int

    @classmethod
    def open(cls, path: Path) -> FileSound:
        """Look at the header.

        Raises:
            RecordingError: If it cannot be read or holds no samples.
        """
        import soundfile

        try:
            described = soundfile.info(str(path))
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise RecordingError(f"{path}: not a readable sound file ({error})") from error
        if not described.frames:
            raise RecordingError(f"{path}: holds no samples")
        return cls(path, int(described.samplerate))

    def blocks(self) -> Iterator[np.ndarray]:
        """See `Sound.blocks`."""
        import soundfile

        try:
            for part in soundfile.blocks(str(self.path), _BLOCK, dtype="float32", always_2d=True):
                yield _finite(part.mean(1), self.path)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise RecordingError(f"{self.path}: not a readable sound file ({error})") from error


@dataclass(frozen=True)
class StreamSound:
    """The audio stream of a video file, in time with its first frame.

    Attributes:
        path: The file.
        rate: See `Sound.rate`.
        packets: How many are used of a file that was cut off within one; all where None.
    """

    path: Path
    rate: int
    packets: int | None = None

    @classmethod
    def open(cls, path: Path) -> StreamSound | None:
        """The stream, or None where the file has none.

        Raises:
            RecordingError: If the file is no video or the stream is damaged from the beginning.
        """
        try:
            with av.open(ffmpeg_name(path), format=_demuxer(path)) as container:
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
            with av.open(ffmpeg_name(self.path), format=_demuxer(self.path)) as container:
                for packet in container.demux(container.streams.audio[0]):
                    if packet.pts is not None:
                        return float(packet.pts * packet.time_base) - _video_start(container)
                return 0.0
        except (av.FFmpegError, ValueError) as error:
            raise _damaged(self.path, error) from error

    def up_to_damage(self) -> StreamSound | None:
        """The same without all that follows the first packet that is damaged; None if that is all."""
        whole = 0
        try:
            with av.open(ffmpeg_name(self.path), format=_demuxer(self.path)) as container:
                for packet in self.packets_of(container):
                    for frame in packet.decode():
                        check_samples(frame.to_ndarray(), self.path)
                    whole += 1
        except (av.FFmpegError, ValueError, RecordingError):
            pass
        return replace(self, packets=whole) if whole else None

    def packets_of(self, container: Any) -> Iterator[Any]:
        """Those that are used of the file, opened."""
        return islice(container.demux(container.streams.audio[0]), self.packets)

    def blocks(self) -> Iterator[np.ndarray]:
        """See `Sound.blocks`; silence is put before sound that starts late."""
        try:
            with av.open(ffmpeg_name(self.path), format=_demuxer(self.path)) as container:
                yield from self._blocks(container)
        except (av.FFmpegError, ValueError) as error:
            raise _damaged(self.path, error) from error

    def _blocks(self, container: Any) -> Iterator[np.ndarray]:
        convert = av.AudioResampler(format="fltp", layout="mono", rate=self.rate)
        skipped: int | None = None  # samples before the first frame that are still to be dropped
        for frame in self._frames(container):
            if skipped is None:
                lead = round((float(frame.time or 0) - _video_start(container)) * self.rate)
                skipped = max(0, -lead)
                if lead > 0:
                    yield np.zeros(lead, np.float32)
            for part in convert.resample(frame):
                samples = part.to_ndarray()[0]
                yield _finite(samples[skipped:], self.path)
                skipped = max(0, skipped - len(samples))
        for part in convert.resample(None):
            yield _finite(part.to_ndarray()[0], self.path)

    def _frames(self, container: Any) -> Iterator[Any]:
        for packet in self.packets_of(container):
            yield from packet.decode()
        if self.packets is not None:  # else the last packet was empty, which does this
            yield from container.streams.audio[0].codec_context.decode(None)


def open_sound(path: Path) -> Sound:
    """Sound of a sound file or of a video.

    Raises:
        RecordingError: If the file is missing, of an unknown kind, damaged, or without sound.
    """
    if not path.is_file():
        raise RecordingError(f"{path}: no such sound file")
    if path.suffix.lower() in (".wav", ".flac", ".ogg", ".aiff", ".aif"):
        return FileSound.open(path)
    sound = StreamSound.open(path)
    if sound is None:
        raise RecordingError(f"{path}: holds no sound; give a .wav or .flac file")
    return sound


def companion_sound(path: Path) -> Sound | None:
    """The sound of a .wav or .flac of the same name beside a video, or None."""
    for suffix in SOUND_SUFFIXES if _WANTED.get() else ():
        for kind in (suffix, suffix.upper()):
            for candidate in (path.with_suffix(kind), path.with_name(stem_of(path) + kind)):
                if candidate.is_file():
                    return FileSound.open(candidate)
    return None


def sound_of_usc(path: Path, ending: str) -> Sound | None:
    """`../audio/<name>_audio.wav` of `<kind>/<name>_<kind>.h5` in the USC 75-speaker set, or None.

    Args:
        path: Of the .h5.
        ending: Of its name, `_recon` or `_raw`.
    """
    base = path.stem.removesuffix(ending)
    candidate = path.absolute().parent.parent / "audio" / f"{base}_audio.wav"
    return open_sound(candidate) if candidate.is_file() else None


@contextmanager
def companions_left_out() -> Iterator[None]:
    """Inside, recordings are opened as if no sound file was beside them."""
    token = _WANTED.set(False)
    try:
        yield
    finally:
        _WANTED.reset(token)


def whole(sound: Sound) -> np.ndarray:
    """All samples, (sample,) float32."""
    blocks = list(sound.blocks())
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def as_float(samples: np.ndarray) -> np.ndarray:
    """Samples as float32 in [-1, 1]; whole numbers are divided by the range of their type."""
    if samples.dtype.kind in "iu":
        return (samples / (np.iinfo(samples.dtype).max + 1.0)).astype(np.float32)
    return samples.astype(np.float32)


def length(sound: Sound | None) -> int:
    """How long the sound is, from the beginning of the first frame [samples]; 0 where there is none."""
    return 0 if sound is None else sum(len(block) for block in sound.blocks())


def _video_start(container: Any) -> float:
    shown = container.streams.video[0] if container.streams.video else None
    if shown is None or shown.start_time is None or shown.time_base is None:
        return 0.0
    return float(shown.start_time * shown.time_base)


def _demuxer(path: Path) -> str:
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


def _finite(samples: np.ndarray, path: Path) -> np.ndarray:
    check_samples(samples, path)
    return samples.astype(np.float32)
