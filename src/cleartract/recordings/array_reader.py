"""Recordings as NumPy arrays, read in chunks: .npz with frames, rate and sound; .npy with frames."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np

from cleartract.errors import RecordingError, reason_of
from cleartract.recordings.image_pages import check_sides
from cleartract.recordings.sound import (
    ArraySound,
    Sound,
    as_float,
    companion_sound,
    open_sound,
)
from cleartract.recordings.sound_stream import check_samples
from cleartract.recordings.source import CHUNK
from cleartract.types import exact_rate

_DAMAGED = (
    TokenError, SyntaxError,  # of the text before an array's numbers
    OSError, ValueError, EOFError, MemoryError, RuntimeError, KeyError, zlib.error,
    zipfile.BadZipFile,
)  # fmt: skip
UNCERTAINTY = "standard deviation"  # what such a file says its frames are
_ASSUMED_RATE = Fraction(65040, 781)
_LOCAL_HEADER = 30  # [bytes] before a member of a .zip, without its name
_CHANNELS = 8  # of sound, at most
_SMALL = ("rate", "fps", "audio", "sample_rate", "kind")


class ArraySource:
    """`frames` (frame, height, width), `rate` or `fps`, `audio`, `sample_rate`; see `FrameSource`.

    A .npy holds the frames alone; where no rate is told, it is taken to be 65040/781 and a warning
    kept. Of complex frames the magnitude is read, of several channels of sound the mean.

    Args:
        path: .npz or .npy.
        audio: A sound file instead of the file's own sound or a .wav or .flac beside it.
        rate: Frames per second, where the file does not say.
        uncertainty: Whether the uncertainty of a recording is wanted, which is no recording.

    Raises:
        RecordingError: If the file is missing, damaged, or lacks frames or a rate, or the rate
            contradicts it.
    """

    def __init__(
        self,
        path: Path,
        audio: Path | None = None,
        rate: Fraction | None = None,
        uncertainty: bool = False,
    ):
        if not path.is_file():
            raise RecordingError(f"{path}: no such file")
        self.path, self.name = path, str(path)
        content: dict[str, np.ndarray] = {}
        try:
            if path.suffix.lower() == ".npz":
                with np.load(path, allow_pickle=False) as file:
                    content = {name: file[name] for name in _SMALL if name in file.files}
                    if "frames" not in file.files:
                        raise RecordingError(
                            f"{path}: holds no array named frames (frame, height, width)"
                        )
            with self._stream() as (file, shape, dtype, fortran):
                wanted, held = math.prod(shape) * dtype.itemsize, self._bytes() - file.tell()
        except _DAMAGED as error:
            raise RecordingError(f"{path}: not a readable array file ({_reason(error)})") from error
        if str(content.get("kind")) == UNCERTAINTY and not uncertainty:
            raise RecordingError(
                f"{path}: holds the uncertainty of a recording; give the recording"
            )
        if dtype.kind not in "uifc" or len(shape) != 3:
            raise RecordingError(
                f"{path}: frames must be numbers (frame, height, width), got {dtype} {shape}"
            )
        if 0 in shape:
            raise RecordingError(f"{path}: holds no frames, its shape is {shape}")
        check_sides(path, (shape[1], shape[2]))
        if held < wanted:
            raise RecordingError(
                f"{path}: damaged or cut off; its header asks for {wanted} bytes and it holds {held}; "
                "copy it again"
            )
        self._whole = fortran  # stored in another order: nothing to read in chunks
        self.count, self.size = shape[0], (shape[1], shape[2])
        self.peak = float(np.iinfo(dtype).max) if dtype.kind in "ui" else None
        self.rate, warnings = self._rate(content, rate)
        self.sound = self._sound(audio, content)
        heard_from = None
        if self.sound is not None:
            heard_from = str(self.sound.path or path)
        self.provenance: dict[str, Any] = {
            "path": str(path), "codec": path.suffix[1:], "pixel_format": str(dtype),
            "warnings": warnings, "audio": heard_from,
        }  # fmt: skip

    def chunks(self) -> Iterator[np.ndarray]:
        """See `FrameSource.chunks`."""
        if self._whole:
            yield from self._unordered()
            return
        try:
            with self._stream() as (file, shape, dtype, _):
                size = dtype.itemsize * shape[1] * shape[2]
                for first in range(0, shape[0], CHUNK):
                    count = min(CHUNK, shape[0] - first)
                    stored = file.read(count * size)
                    chunk = np.frombuffer(stored, dtype).reshape(count, *shape[1:])
                    yield _real(chunk)
        except _DAMAGED as error:
            raise RecordingError(
                f"{self.path}: not a readable array file ({_reason(error)})"
            ) from error

    def place(self) -> tuple[int, np.dtype] | None:
        """Where the frames lie in the file [bytes] and their type; None if not one after another.

        Raises:
            RecordingError: If the file cannot be read any more.
        """
        try:
            with open(self.path, "rb") as file:
                if self.path.suffix.lower() == ".npz":
                    with zipfile.ZipFile(self.path) as archive:
                        member = archive.getinfo("frames.npy")
                    if member.compress_type != zipfile.ZIP_STORED:
                        return None
                    file.seek(member.header_offset)
                    local = file.read(_LOCAL_HEADER)  # ends with the lengths of what follows it
                    name, extra = (int.from_bytes(local[at : at + 2], "little") for at in (26, 28))
                    file.seek(name + extra, 1)
                _, dtype, fortran = _header(file)
                return None if fortran or dtype.kind == "c" else (file.tell(), dtype)
        except _DAMAGED as error:
            raise RecordingError(
                f"{self.path}: not a readable array file ({_reason(error)})"
            ) from error

    def _unordered(self) -> Iterator[np.ndarray]:
        loaded = np.load(self.path, allow_pickle=False)
        frames = loaded if isinstance(loaded, np.ndarray) else loaded["frames"]
        for first in range(0, self.count, CHUNK):
            yield np.ascontiguousarray(_real(frames[first : first + CHUNK]))

    @contextmanager
    def _stream(self) -> Iterator[tuple[IO[bytes], tuple[int, ...], np.dtype, bool]]:
        """The file at its first frame, with shape, type and whether the order is Fortran's."""
        if self.path.suffix.lower() == ".npy":
            with open(self.path, "rb") as file:
                yield (file, *_header(file))
            return
        with zipfile.ZipFile(self.path) as archive, archive.open("frames.npy") as member:
            yield (member, *_header(member))

    def _bytes(self) -> int:
        """How long the file of the frames is, header included, without unpacking it."""
        if self.path.suffix.lower() == ".npy":
            return self.path.stat().st_size
        with zipfile.ZipFile(self.path) as archive:
            return archive.getinfo("frames.npy").file_size

    def _rate(
        self, content: dict[str, np.ndarray], told: Fraction | None
    ) -> tuple[Fraction, list[str]]:
        stored = content.get("rate", content.get("fps"))
        if stored is None:
            if told is not None:
                return told, []
            if self.path.suffix.lower() == ".npz":
                raise RecordingError(
                    f"{self.path}: holds no rate or fps; add it, as [numerator, denominator], or "
                    "give --rate"
                )
            return _ASSUMED_RATE, ["no frame rate in the file: 65040/781 assumed"]
        held = self._stored_rate(stored)
        if told not in (None, held):
            raise RecordingError(
                f"{self.path}: holds {held} frames a second; leave out the rate {told}"
            )
        return held, []

    def _stored_rate(self, stored: np.ndarray) -> Fraction:
        try:
            if stored.ndim == 0:
                return exact_rate(stored.item())
            top, bottom = stored.tolist()
            whole = float(top).is_integer() and float(bottom).is_integer()
            return exact_rate((int(top), int(bottom)) if whole else float(top) / float(bottom))
        except (ValueError, ZeroDivisionError, TypeError, OverflowError) as error:
            raise RecordingError(f"{self.path}: unusable frame rate ({error})") from error

    def _sound(self, audio: Path | None, content: dict[str, np.ndarray]) -> Sound | None:
        if audio is not None:
            return open_sound(audio)
        if "audio" not in content or not content["audio"].size:
            return companion_sound(self.path)
        if "sample_rate" not in content:
            raise RecordingError(f"{self.path}: holds audio but no sample_rate [Hz]")
        if any(content[name].dtype.kind not in "uif" for name in ("audio", "sample_rate")):
            raise RecordingError(f"{self.path}: audio and sample_rate must be real numbers")
        samples = as_float(content["audio"])
        if samples.ndim == 2 and min(samples.shape) <= _CHANNELS:
            samples = samples.mean(int(np.argmin(samples.shape)), dtype=np.float32)
        if samples.ndim != 1:
            raise RecordingError(
                f"{self.path}: audio must be (sample,) or (sample, channel), got {samples.shape}"
            )
        if not np.isfinite(samples).all():
            raise RecordingError(f"{self.path}: audio holds values that are not finite")
        check_samples(samples, self.path)
        rate = content["sample_rate"]
        if rate.size != 1 or not 1000 <= float(rate.item()) <= 1_000_000:
            raise RecordingError(
                f"{self.path}: sample_rate must be one number from 1e3 to 1e6 [Hz]"
            )
        return ArraySound(samples, int(rate.item()))


def _real(frames: np.ndarray) -> np.ndarray:
    return (np.abs(frames) if frames.dtype.kind == "c" else frames).astype(np.float32)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype, bool]:
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"array file of version {version}")
    shape, fortran, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("array of objects")
    return shape, dtype, fortran


def _reason(error: Exception) -> str:
    """What is wrong; NumPy would advise to run what the file holds."""
    return (
        "holds Python objects, or is damaged" if "allow_pickle" in str(error) else reason_of(error)
    )
