"""A folder with one picture a frame: which files belong to it, and in which order."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.errors import RecordingError
from cleartract.recordings import series_notes
from cleartract.recordings.image_pages import (
    bad_page,
    check_sides,
    check_size,
    load_tifffile,
    only_page,
    page_array,
    peak_of,
)

KINDS = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".npy": ".npy"}


class FolderImages:
    """PNG, TIFF or .npy files, (height, width) each; see `image_reader.Images`.

    A folder that ClearTract wrote holds its rate and unit, see `series_notes`: frames are in the
    unit of the recording they come from.

    Args:
        path: The folder. Hidden files and files of other kinds are left aside.

    Raises:
        RecordingError: If there are no pictures, or their names do not form one series.
    """

    slack = 0.0

    def __init__(self, path: Path):
        try:
            found = [p for p in path.iterdir() if not p.name.startswith(".") and p.is_file()]
        except OSError as error:
            raise RecordingError(f"{path}: cannot be read ({error.strerror})") from error
        pictures = [p for p in found if p.suffix.lower() in KINDS]
        if not pictures:
            raise RecordingError(
                f"{path}: is a folder without PNG, TIFF or .npy frames; give the recordings in it"
            )
        self.files, self.warnings = in_order(pictures)
        first = self.files[0]
        self.kind = KINDS[first.suffix.lower()]
        for file in self.files:
            if (kind := KINDS[file.suffix.lower()]) != self.kind:
                raise RecordingError(
                    f"{file}: is {kind} but {first.name} is {self.kind}; "
                    "keep frames of one kind in a folder"
                )
        self.codec, self.count = self.kind.lower().lstrip("."), len(self.files)
        self._load: Callable[[Path], np.ndarray] = {
            "PNG": _png, "TIFF": _tiff, ".npy": _npy,
        }[self.kind]  # fmt: skip
        self._header: Callable[[Path], Header] = {
            "PNG": _png_header, "TIFF": _tiff_header, ".npy": _npy_header,
        }[self.kind]  # fmt: skip
        with bad_page(self.label(0)):
            self.size, self.dtype, deep_colour = self._header(first)
        if deep_colour:
            self.warnings.append("colour of 16 bit is read with 8 bit; save the frames as grey")
        self.peak, self._stored = peak_of(self.dtype), self.dtype
        self._notes = series_notes.read_notes(path)
        self.rate: Fraction | None = None
        if self._notes is not None:
            self.rate, self.peak = self._notes.rate, self._notes.peak
            self.dtype = np.dtype(np.float32)

    def label(self, index: int) -> str:
        """What messages call a frame: its file."""
        return str(self.files[index])

    @contextmanager
    def reading(self) -> Iterator[Callable[[int], np.ndarray]]:
        """A function that reads a frame by its index, (height, width) or (..., channel)."""
        yield self._frame

    def _frame(self, index: int) -> np.ndarray:
        size, _, _ = self._header(self.files[index])
        check_size(self.label(index), size, self.size)
        frame = self._load(self.files[index])
        if self._notes is None:
            return frame
        if frame.dtype != self._stored or frame.ndim != 2:
            raise ValueError(f"not as {series_notes.NAME} says; delete that file")
        levels = frame.astype(np.float64)
        return (levels * self._notes.scale + self._notes.offset).astype(np.float32)


def in_order(files: list[Path]) -> tuple[list[Path], list[str]]:
    """Files of one series by the numbers in their names: frame_2 comes before frame_10.

    Args:
        files: In any order. Their names may differ in numbers only.

    Returns:
        The files in order, and a warning where numbers are missing.

    Raises:
        RecordingError: If names do not form one series, or two have the same number.
    """
    cut = {file: re.split(r"([0-9]+)", file.stem) for file in files}
    numbers = {file: tuple(int(part) for part in parts[1::2]) for file, parts in cut.items()}
    ordered = sorted(files, key=lambda file: (numbers[file], file.name))
    first = ordered[0]
    for file in ordered[1:]:
        if cut[file][::2] != cut[first][::2]:
            raise RecordingError(
                f"{file}: is named unlike {first.name}; keep one series of frames in a folder"
            )
    for before, file in zip(ordered, ordered[1:], strict=False):
        if numbers[before] == numbers[file]:
            raise RecordingError(f"{file}: has the same number as {before.name}; remove one")
    varying = {
        column
        for column in range(len(numbers[first]))
        if len({number[column] for number in numbers.values()}) > 1
    }
    if len(varying) != 1 or len(ordered) < 3:
        return ordered, []
    column = varying.pop()
    steps = np.diff([numbers[file][column] for file in ordered])
    values, times = np.unique(steps, return_counts=True)
    usual = int(values[times.argmax()])
    gaps = np.flatnonzero(steps > usual)
    if not len(gaps):
        return ordered, []
    missing = int((steps[gaps] // usual - 1).clip(1).sum())
    number = "1 number is" if missing == 1 else f"{missing} numbers are"
    return ordered, [
        f"{number} missing in the names of the frames, the first after {ordered[gaps[0]].name}: "
        "the frames that are there are taken to follow each other"
    ]


Header = tuple[tuple[int, int], np.dtype, bool]
"""(height, width), type of the grey levels, and whether it is 16-bit colour."""


def _png_header(file: Path) -> Header:
    from PIL import Image

    with open(file, "rb") as stored:  # before a library takes memory for it
        width, height, bits, colour = struct.unpack(">16x2I2B", stored.read(26))
    check_sides(file, (height, width))
    with Image.open(file, formats=["PNG"]) as image:
        deep = image.mode.startswith("I")
    kind = np.dtype(np.uint16 if deep else np.uint8)
    return (height, width), kind, bits == 16 and colour != 0


def _png(file: Path) -> np.ndarray:
    from PIL import Image

    with Image.open(file, formats=["PNG"]) as image:
        if image.mode.startswith("I"):
            return np.asarray(image).astype(np.uint16)
        return np.asarray(image if image.mode in ("L", "LA", "RGB", "RGBA") else _plain(image))


def _plain(image: Any) -> Any:
    return image.convert("L" if image.mode == "1" else "RGB")


def _tiff_header(file: Path) -> Header:
    with load_tifffile(file).TiffFile(file) as opened:
        page = only_page(file, opened)
        return (page.imagelength, page.imagewidth), page.dtype.newbyteorder("="), False


def _tiff(file: Path) -> np.ndarray:
    with load_tifffile(file).TiffFile(file) as opened:
        return page_array(only_page(file, opened))


def _npy_header(file: Path) -> Header:
    array = np.load(file, mmap_mode="r", allow_pickle=False)
    if array.ndim != 2:
        raise ValueError(f"must be (height, width), got {array.shape}")
    return (array.shape[0], array.shape[1]), array.dtype.newbyteorder("="), False


def _npy(file: Path) -> np.ndarray:
    array = np.load(file, allow_pickle=False)
    return array.astype(array.dtype.newbyteorder("="), copy=False)
