"""TIFF: multi-page files, and what is common to all readers of pictures."""

from __future__ import annotations

import logging
import math
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image

from cleartract.errors import RecordingError, reason_of
from cleartract.recordings.video_reader import LARGEST, SMALLEST
from cleartract.types import exact_rate

INSTALL = "install: pip install 'cleartract[formats]'"
_DAMAGED = (
    Image.DecompressionBombError,
    OSError, ValueError, EOFError, MemoryError, RuntimeError, SyntaxError, TypeError,
    LookupError, ArithmeticError, AttributeError, struct.error, zlib.error,
)  # fmt: skip
_SECONDS = {
    "s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "msec": 1e-3, "us": 1e-6, "µs": 1e-6,
    "min": 60.0,
}  # fmt: skip
_PALETTE, _WHITE_IS_ZERO = 3, 0  # TIFF tag 262


@contextmanager
def bad_page(label: str) -> Iterator[None]:
    """Errors of the libraries inside become one line that names the frame.

    Raises:
        RecordingError: Instead of them.
    """
    try:
        yield
    except RecordingError:
        raise
    except _DAMAGED as error:
        if "imagecodecs" in str(error):
            raise RecordingError(
                f"{label}: its compression needs another library; pip install imagecodecs"
            ) from error
        raise RecordingError(f"{label}: is damaged ({reason_of(error)}); copy it again") from error


def check_sides(path: Path, size: tuple[int, int]) -> None:
    """Refuse pictures that cannot be rtMRI, from their header.

    Args:
        path: Named in the error.
        size: (height, width) [pixels].

    Raises:
        RecordingError: If a side is outside 16 to 1024 pixels.
    """
    if not all(SMALLEST <= side <= LARGEST for side in size):
        raise RecordingError(
            f"{path}: frames of {size[1]}x{size[0]} pixels; "
            f"from {SMALLEST} to {LARGEST} are supported"
        )


def check_size(label: str, size: tuple[int, int], expected: tuple[int, int]) -> None:
    """Refuse a frame of another (height, width) than the first, before it is decoded.

    Raises:
        RecordingError: If they differ.
    """
    if size != expected:
        raise RecordingError(
            f"{label}: is of {size[1]}x{size[0]} pixels, "
            f"the first frame of {expected[1]}x{expected[0]}"
        )


def peak_of(dtype: np.dtype | None) -> float | None:
    """Largest value of grey levels of 8 or 16 bit; None of other types."""
    return {"u1": 255.0, "u2": 65535.0}.get("" if dtype is None else dtype.str[1:])


def load_tifffile(path: Path) -> ModuleType:
    """The library that reads TIFF.

    Raises:
        RecordingError: If it is not installed.
    """
    try:
        import tifffile
    except ImportError as error:
        raise RecordingError(f"{path}: TIFF needs the library tifffile; {INSTALL}") from error
    logging.getLogger("tifffile").addHandler(logging.NullHandler())  # faults come as errors
    return tifffile


def only_page(path: Path, opened: Any) -> Any:
    """The page of a TIFF that holds one frame.

    Raises:
        RecordingError: If it holds several.
    """
    if len(opened.pages) != 1:
        raise RecordingError(
            f"{path}: holds {len(opened.pages)} pages; one frame a file is expected in a folder"
        )
    return opened.pages[0]


def page_array(page: Any) -> np.ndarray:
    """Grey levels of a TIFF page as they are shown, (height, width) or (height, width, channel)."""
    array = page.asarray()
    if page.photometric == _PALETTE and page.colormap is not None:
        return np.moveaxis(page.colormap >> 8, 0, -1).astype(np.uint8)[array]
    if array.ndim == 3 and page.axes[0] == "S":
        array = np.moveaxis(array, 0, -1)
    if page.photometric == _WHITE_IS_ZERO and array.dtype.kind == "u":
        array = np.iinfo(array.dtype).max - array
    return array.astype(array.dtype.newbyteorder("="), copy=False)


class TiffPages:
    """A TIFF with a page a frame, or with all frames in one page; see `image_reader.Images`.

    ImageJ writes files above 4 GB, and others by choice, with one page that all frames follow.

    Args:
        path: .tif or .tiff.

    Raises:
        RecordingError: If it is damaged, or holds several channels or slices besides frames.
    """

    codec = "tiff"

    def __init__(self, path: Path):
        self.path, self._library = path, load_tifffile(path)
        self.warnings: list[str] = []
        with bad_page(str(path)), self._library.TiffFile(path) as opened:
            pages, page = len(opened.pages), opened.pages[0]
            self.size, self.dtype = (page.imagelength, page.imagewidth), page.dtype
            if page.dtype is None:
                raise ValueError("unknown type of pixels")
            self._layout = f"{opened.byteorder}{page.dtype.char}"
            self.dtype = page.dtype.newbyteorder("=")
            self.peak = peak_of(self.dtype)
            told = _described(opened)
            self._inside = page.photometric != 2 and page.axes[1:] == "YX" and len(page.axes) == 3
            self._offset = _raw_offset(page)
            self.count = pages
            images = told.get("images", 0)
            if pages == 1 and self._inside:
                self.count = page.shape[0]
            elif pages == 1 and images > 1 and self._offset is not None and page.axes == "YX":
                frame = page.dtype.itemsize * math.prod(self.size)
                self.count = min(images, (path.stat().st_size - self._offset) // frame)
                self._inside = True
            if images > self.count:
                self.warnings.append(
                    f"the header says {images} frames, the file holds {self.count}: "
                    "it may be cut off"
                )
            if self._inside and pages > 1:
                raise ValueError("several pages of several frames each")
            self._check_axes(told)
        self.rate: Fraction | None = None
        self.slack = 0.0
        if told.get("interval"):
            self.rate = exact_rate(1 / told["interval"])
        elif told.get("fps"):
            self.rate, self.slack = exact_rate(float(told["fps"])), math.inf
            self.warnings.append(
                f"the rate {float(self.rate):g} is the speed ImageJ plays it with (fps); "
                "give --rate if it was recorded with another"
            )

    def _check_axes(self, told: dict[str, Any]) -> None:
        several = [name for name in ("channels", "slices", "frames") if told.get(name, 1) > 1]
        if len(several) > 1:
            raise RecordingError(
                f"{self.path}: holds several {' and '.join(several)}; save one slice over time"
            )

    def label(self, index: int) -> str:
        """What messages call a frame."""
        return f"{self.path}: page {index + 1}"

    @contextmanager
    def reading(self) -> Iterator[Callable[[int], np.ndarray]]:
        """A function that reads a frame by its index, (height, width) or (..., channel)."""
        if self._inside and self._offset is not None:
            with open(self.path, "rb") as file:
                yield lambda index: self._raw(file, index)
            return
        with self._library.TiffFile(self.path) as opened:
            if not self._inside:
                yield lambda index: self._page(opened.pages[index], index)
                return
            with bad_page(str(self.path)):
                array = opened.pages[0].asarray()
            yield lambda index: array[index]

    def _page(self, page: Any, index: int) -> np.ndarray:
        check_size(self.label(index), (page.imagelength, page.imagewidth), self.size)
        return page_array(page)

    def _raw(self, file: Any, index: int) -> np.ndarray:
        layout = np.dtype(self._layout)
        size = layout.itemsize * math.prod(self.size)
        file.seek(self._offset + index * size)
        frame = np.frombuffer(file.read(size), layout).reshape(self.size)
        return frame.astype(self.dtype)


def _raw_offset(page: Any) -> int | None:
    """Where uncompressed grey pixels lie without gaps in a file, or None."""
    places, sizes = page.dataoffsets, page.databytecounts
    if page.compression != 1 or page.is_tiled or page.photometric != 1 or not places:
        return None
    follow = all(a + n == b for a, n, b in zip(places, sizes, places[1:], strict=False))
    return places[0] if follow else None


def _described(opened: Any) -> dict[str, Any]:
    """What ImageJ, OME or tifffile note of a file: numbers of images, and the rate.

    Returns:
        Some of images, channels, slices, frames; interval [s]; fps [frames/s].
    """
    if opened.is_ome:  # read here, because the library would open further files that it names
        text = opened.pages[0].description

        def told(name: str) -> str | None:
            found = re.search(rf'<(?:\w+:)?Pixels\b[^>]*\b{name}="([^"]*)"', text)
            return found.group(1) if found else None

        sizes = {"channels": "SizeC", "slices": "SizeZ", "frames": "SizeT"}
        known: dict[str, Any] = {name: int(told(key) or 1) for name, key in sizes.items()}
        if opened.pages[0].photometric == 2:
            known["channels"] = 1  # red, green and blue: looked at later
        known["interval"] = _seconds(told("TimeIncrement"), told("TimeIncrementUnit") or "s")
        return known
    notes = dict(opened.imagej_metadata or {}) if opened.is_imagej else {}
    if opened.is_shaped and opened.shaped_metadata:
        notes = dict(opened.shaped_metadata[0])
    names = ("images", "channels", "slices", "frames")
    known = {name: int(notes[name]) for name in names if name in notes}
    known["interval"] = _seconds(notes.get("finterval"), str(notes.get("tunit", "sec")))
    fps = notes.get("fps")
    known["fps"] = float(fps) if isinstance(fps, int | float) and 0 < fps < 1e6 else None
    return known


def _seconds(value: Any, unit: str) -> float | None:
    """A time in seconds, or None where it is not known."""
    if value is None or unit not in _SECONDS:
        return None
    interval = float(value) * _SECONDS[unit]
    return interval if 1e-6 < interval < math.inf else None
