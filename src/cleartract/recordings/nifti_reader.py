"""NIfTI images of one slice over time, read in chunks."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.errors import RecordingError, reason_of
from cleartract.recordings.sound import companion_sound, open_sound
from cleartract.recordings.source import CHUNK
from cleartract.recordings.stored import magnitude

_UNITS = {"sec": Fraction(1), "msec": Fraction(1, 10**3), "usec": Fraction(1, 10**6)}  # [s]
_SAME_RATE = 1e-4  # relative difference of two statements of one rate


class NiftiSource:
    """A .nii or .nii.gz of (x, y, 1, frame) or (x, y, frame) as a `FrameSource`.

    Frames are in the unit of the file: its slope and intercept are applied. A slice that the
    header calls sagittal is shown with the head upright and the face to the left; of any other, x
    is the column from the left and y the row from the top, as they are stored.

    Args:
        path: The file.
        audio: A sound file instead of a .wav or .flac of the same name.
        rate: Frames per second, if the file tells none.

    Raises:
        RecordingError: If the file is missing, damaged, in colour, or holds several slices; if no
            rate is known, or two that differ by more than 1e-4; if nibabel is not installed.
    """

    def __init__(self, path: Path, audio: Path | None = None, rate: Fraction | None = None):
        if not path.is_file():
            raise RecordingError(f"{path}: no such file")
        self.path, self.name = path, str(path)
        with _reading(path) as nibabel:
            image = self._image(nibabel)
            header, kind = image.header, image.header.get_data_dtype()
            self._axes = _plane(path, image.shape)
            self._order, self._flips, shown = _orientation(nibabel, image, self._axes)
            needed = image.dataobj.offset + kind.itemsize * np.prod(image.shape, dtype=float)
            scaled = image.dataobj.slope != 1 or image.dataobj.inter != 0
        if kind.kind not in "uifc":
            raise RecordingError(f"{path}: frames must be numbers, not {kind}")
        if path.suffix.lower() == ".nii" and path.stat().st_size < needed:
            raise RecordingError(f"{path}: not a readable NIfTI file (it ends too early)")
        self.count = image.shape[-1]
        height, width = (image.shape[self._axes[axis]] for axis in self._order)
        self.size = (height, width)
        self.peak = float(np.iinfo(kind).max) if kind.kind in "ui" and not scaled else None
        warnings: list[str] = []
        self.rate = _chosen(path, _stated_rate(header, warnings), rate)
        # clip.nii.gz belongs to clip.wav
        named = path.with_suffix("") if path.suffix.lower() == ".gz" else path
        self.sound = companion_sound(named) if audio is None else open_sound(audio)
        self.provenance: dict[str, Any] = {
            "path": str(path), "codec": "nifti", "pixel_format": str(kind),
            "orientation": shown, "warnings": warnings,
            "audio": None if self.sound is None else str(self.sound.path),
        }  # fmt: skip

    def chunks(self) -> Iterator[np.ndarray]:
        """See `FrameSource.chunks`."""
        with _reading(self.path) as nibabel:
            stored = self._image(nibabel).dataobj
        for first in range(0, self.count, CHUNK):
            with _reading(self.path):
                part = np.asarray(stored[..., first : first + CHUNK])
            part = magnitude([part])
            planes = part.reshape(*(part.shape[axis] for axis in self._axes), part.shape[-1])
            planes = planes.transpose(2, *self._order)
            planes = planes[:, :: self._flips[0], :: self._flips[1]]
            yield np.ascontiguousarray(planes, np.float32)

    def _image(self, nibabel: Any) -> Any:
        """The file, opened anew; it stays open, so that a .nii.gz is decompressed only once."""
        image = nibabel.load(self.path, mmap=False, keep_file_open=True)
        if not isinstance(image, nibabel.Nifti1Image):
            raise RecordingError(f"{self.path}: holds {type(image).__name__}, not a NIfTI image")
        return image


@contextmanager
def _reading(path: Path) -> Iterator[Any]:
    """The library; its errors inside name the file."""
    try:
        import nibabel
        from nibabel.filebasedimages import ImageFileError
        from nibabel.spatialimages import HeaderDataError
        from nibabel.wrapstruct import WrapStructError
    except ImportError as error:
        raise RecordingError(f"{path}: install: pip install 'cleartract[formats]'") from error
    damaged = (
        OSError, ValueError, EOFError, MemoryError, KeyError, TypeError, OverflowError, zlib.error,
        ImageFileError, HeaderDataError, WrapStructError,
    )  # fmt: skip
    try:
        yield nibabel
    except damaged as error:
        reason = reason_of(error).replace(str(path), "file")
        raise RecordingError(f"{path}: not a readable NIfTI file ({reason})") from error


def _plane(path: Path, shape: tuple[int, ...]) -> tuple[int, int]:
    """The two axes of the slice; the last axis is time."""
    if len(shape) not in (3, 4) or 0 in shape:
        raise RecordingError(f"{path}: must be (x, y, 1, frame) or (x, y, frame), got {shape}")
    if len(shape) == 3:
        return 0, 1
    for flat, plane in ((2, (0, 1)), (0, (1, 2)), (1, (0, 2))):
        if shape[flat] == 1:
            return plane
    raise RecordingError(f"{path}: holds {shape[2]} slices; extract one")


def _orientation(
    nibabel: Any, image: Any, axes: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int], str]:
    """Which of the two axes is (row, column), their steps 1 or -1, and a name for this."""
    header = image.header
    if int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0:
        towards = nibabel.aff2axcodes(image.affine)
        ends = (towards[axes[0]], towards[axes[1]])
        for row, column in ((0, 1), (1, 0)):
            if ends[row] in ("S", "I") and ends[column] in ("A", "P"):
                steps = (1 if ends[row] == "I" else -1, 1 if ends[column] == "P" else -1)
                return (row, column), steps, "sagittal, face to the left"
    return (1, 0), (1, 1), "as stored"


def _stated_rate(header: Any, warnings: list[str]) -> Fraction | None:
    """Frames per second as the header tells; exact where our writer noted it."""
    step = header["pixdim"][4]
    if not (np.isfinite(step) and step > 0):
        return None
    try:
        unit = header.get_xyzt_units()[1]
    except KeyError:
        unit = "unknown"
    if unit == "unknown" and step < 1:  # 1 is what stands there where nothing was set
        warnings.append(f"no unit of time in the file: {step} s a frame assumed")
        unit = "sec"
    if unit not in _UNITS:
        return None
    rate = rate_of_step(step) / _UNITS[unit]
    note = re.fullmatch(rb"rate ([1-9]\d{0,11})/([1-9]\d{0,11})", header["descrip"].item())
    if note:
        exact = Fraction(int(note[1]), int(note[2]))
        if abs(exact / rate - 1) < 1e-6:
            return exact
    return rate


def rate_of_step(step: np.floating) -> Fraction:
    """Steps per unit of time, one over a step that was rounded to a float.

    A step of few decimal digits is taken as it reads: 0.012008 gives 125000/1501. Otherwise it is
    the simplest fraction that rounds to this step: 0.041666668 gives 24.
    """
    text = np.format_float_positional(step, unique=True, trim="-")
    if len(text.replace(".", "").strip("0")) <= 6:
        return 1 / Fraction(text)
    error = Fraction(float(np.finfo(step.dtype).eps)) / 2
    exact = Fraction(float(step))
    return _simplest(1 / (exact * (1 + error)), 1 / (exact * (1 - error)))


def _simplest(low: Fraction, high: Fraction) -> Fraction:
    """Fraction of the smallest denominator in [low, high], 0 < low < high."""
    whole = floor(low)
    if whole == low:
        return Fraction(whole)
    if whole + 1 <= high:
        return Fraction(whole + 1)
    return whole + 1 / _simplest(1 / (high - whole), 1 / (low - whole))


def _chosen(path: Path, stated: Fraction | None, given: Fraction | None) -> Fraction:
    if stated is None:
        if given is None:
            raise RecordingError(f"{path}: holds no frame rate; give --rate")
        return given
    if given is not None and abs(given / stated - 1) > _SAME_RATE:
        raise RecordingError(
            f"{path}: holds {float(stated):.6g} frames a second; leave out the rate {given}"
        )
    return stated
