"""Sound that belongs to frames: read in blocks, whatever holds it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from cleartract.errors import RecordingError
from cleartract.recordings.formats import SOUND_SUFFIXES, stem_of
from cleartract.recordings.sound_stream import StreamSound, finite

_BLOCK = 1 << 16  # [samples]
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
                yield finite(part.mean(1), self.path)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise RecordingError(f"{self.path}: not a readable sound file ({error})") from error


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
