"""Recordings as pictures: a folder with one a frame, multi-page TIFF, GIF; read in chunks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cleartract.errors import RecordingError
from cleartract.recordings.formats import SOUND_SUFFIXES
from cleartract.recordings.image_gif import GifFrames
from cleartract.recordings.image_pages import TiffPages, bad_page, check_sides, check_size
from cleartract.recordings.image_series import FolderImages
from cleartract.recordings.resampling import Resampling
from cleartract.recordings.sound import FileSound, Sound, companion_sound, open_sound
from cleartract.recordings.source import CHUNK, FrameSource
from cleartract.recordings.stored import magnitude

MOST = 1_000_000  # [frames]
_COLOUR_TOLERANCE = 3.0 / 255  # of the largest value, between channels
_ROUNDED = 1e-3  # rates that differ by less are one rate, written with fewer digits


class Images(Protocol):
    """Pictures that follow each other, read one by one.

    Attributes:
        count: Number of frames [frames].
        size: (height, width) of the first [pixels].
        dtype: Type of its grey levels.
        peak: Largest value of their unit (255 for 8 bit), or None.
        codec: What the frames are stored as.
        rate: Frames per second as stored, or None.
        slack: How far the stored frame interval may be from the true one [s].
        warnings: What is unusual.
    """

    count: int
    size: tuple[int, int]
    dtype: np.dtype
    peak: float | None
    codec: str
    rate: Fraction | None
    slack: float
    warnings: list[str]

    def label(self, index: int) -> str:
        """What messages call a frame."""
        ...

    def reading(self) -> AbstractContextManager[Callable[[int], np.ndarray]]:
        """A function that reads a frame by its index, (height, width) or (..., channel)."""
        ...


class ImageSource:
    """Frames of a folder, a multi-page TIFF or a GIF in their own grey levels; see `FrameSource`.

    Grey of 8 or 16 bit (`peak` 255 or 65535), other whole or real numbers (`peak` None), and grey
    that is stored as colour with equal channels.

    Args:
        path: A folder, .tif, .tiff or .gif.
        audio: A sound file instead of a .wav or .flac beside it, or the only one in a folder.
        rate: Frames per second, where the file holds none. A rate that agrees with the file's to
            its rounding (0.1 %; 5 ms a frame in a GIF) replaces it.
        resample: Whether a GIF of a variable rate is put onto a constant one.

    Raises:
        RecordingError: If a file is missing, damaged or has no grey pixels; if there are more
            than 1e6 frames, or sides outside 16 to 1024 pixels; if the rate is missing or
            contradicts the file's.
    """

    def __init__(
        self,
        path: Path,
        audio: Path | None = None,
        rate: Fraction | None = None,
        resample: bool = False,
    ):
        self.path, self.name = path, str(path)
        self._images = images = _images(path, resample)
        self.grid: Resampling | None = getattr(images, "grid", None)
        rate = None if self.grid is not None else rate
        self.count, self.size = images.count, images.size
        check_sides(path, images.size)
        if not 1 <= images.count <= MOST:
            raise RecordingError(f"{path}: {images.count} frames; from 1 to {MOST} are supported")
        if images.dtype.kind not in "uifc":
            raise RecordingError(f"{path}: pixels must be numbers, got {images.dtype}")
        self.peak = images.peak
        self.rate = _agreed(path, images, rate)
        warnings = list(images.warnings)
        self.sound: Sound | None = _sound(path, audio, warnings)
        self.provenance: dict[str, Any] = {
            "path": str(path), "codec": images.codec, "pixel_format": str(images.dtype),
            "warnings": warnings, "audio": str(self.sound.path) if self.sound else None,
        }  # fmt: skip

    def chunks(self) -> Iterator[np.ndarray]:
        """See `FrameSource.chunks`.

        Raises:
            RecordingError: If a frame is damaged, in colour, or unlike the first; it is named.
        """
        with self._images.reading() as read:
            for first in range(0, self.count, CHUNK):
                numbers = range(first, min(first + CHUNK, self.count))
                yield np.stack([self._frame(read, number) for number in numbers])

    def _frame(self, read: Callable[[int], np.ndarray], number: int) -> np.ndarray:
        label = self._images.label(number)
        with bad_page(label):
            frame = read(number)
        if frame.ndim not in (2, 3):
            raise RecordingError(f"{label}: is no picture, its shape is {frame.shape}")
        check_size(label, (frame.shape[0], frame.shape[1]), self.size)
        if frame.dtype != self._images.dtype:
            raise RecordingError(
                f"{label}: holds {frame.dtype}, the first frame {self._images.dtype}"
            )
        if frame.ndim == 3:
            frame = self._grey(frame, label)
        return magnitude([frame])

    def _grey(self, frame: np.ndarray, label: str) -> np.ndarray:
        if frame.shape[-1] < 3:  # grey, and how opaque it is
            return frame[..., 0]
        colours = frame[..., :3].astype(np.float64)
        spread = colours.max(-1) - colours.min(-1)
        if float(np.percentile(spread, 99)) > _COLOUR_TOLERANCE * (self.peak or 0.0):
            raise RecordingError(f"{label}: is in colour; rtMRI is grey, convert it to grey first")
        return frame[..., 1]


def open_folder(
    path: Path, audio: Path | None = None, rate: Fraction | None = None, resample: bool = False
) -> FrameSource:
    """A folder with one file a frame: pictures, or DICOM where it holds .dcm files.

    Args:
        path: The folder.
        audio: As `ImageSource`.
        rate: As `ImageSource`.
        resample: As `DicomSource`.

    Raises:
        RecordingError: As `ImageSource`.
    """
    try:
        dicom = any(entry.name.lower().endswith(".dcm") for entry in os.scandir(path))
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read ({error.strerror})") from error
    if dicom:
        from cleartract.recordings.dicom_reader import DicomSource

        return DicomSource(path, audio, rate, resample)
    return ImageSource(path, audio, rate)


def _images(path: Path, resample: bool) -> Images:
    if path.is_dir():
        return FolderImages(path)
    if not path.is_file():
        raise RecordingError(f"{path}: no such file")
    gif = path.suffix.lower() == ".gif"
    return GifFrames(path, resample) if gif else TiffPages(path)


def _agreed(path: Path, images: Images, given: Fraction | None) -> Fraction:
    """The rate, from the file or as given; the given one is exact where both agree."""
    stored = images.rate
    if stored is None:
        if given is None:
            raise RecordingError(f"{path}: holds no frame rate; give --rate")
        return given
    if given is None:
        return stored
    apart, rounding = abs(1 / given - 1 / stored), float(_ROUNDED / stored)
    if float(apart) > max(images.slack, rounding):
        raise RecordingError(
            f"{path}: holds {float(stored):g} frames a second; leave out the rate {float(given):g}"
        )
    return given


def _sound(path: Path, audio: Path | None, warnings: list[str]) -> Sound | None:
    if audio is not None:
        return open_sound(audio)
    if not path.is_dir():
        return companion_sound(path)
    folder = Path(os.path.abspath(path))  # `.` and `..` have a name too
    for suffix in (*SOUND_SUFFIXES, *(suffix.upper() for suffix in SOUND_SUFFIXES)):
        beside = folder.with_name(folder.name + suffix)
        if beside.is_file():
            return FileSound.open(beside)
    inside = sorted(
        p
        for p in path.iterdir()
        if p.suffix.lower() in SOUND_SUFFIXES and not p.name.startswith(".")
    )
    if len(inside) > 1:
        warnings.append(f"{len(inside)} sound files in the folder, none is used; give --audio")
    return FileSound.open(inside[0]) if len(inside) == 1 else None
