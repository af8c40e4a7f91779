"""GIF, read picture by picture."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.errors import RecordingError
from cleartract.recordings.image_pages import bad_page, check_sides
from cleartract.recordings.resampling import Resampling

_CENTISECOND = 0.01  # unit of the delays of a GIF [s]


class GifFrames:
    """A GIF with a grey picture a frame; see `image_reader.Images`.

    Its delays are whole hundredths of a second, so that its rate is rough: a rate that is given
    is kept where it rounds to them.

    Args:
        path: .gif.
        resample: Whether unequal times are put onto a constant rate.

    Raises:
        RecordingError: If it is damaged or its frames are shown for unequal times; the last one
            may stay longer.
    """

    codec, dtype, slack = "gif", np.dtype(np.uint8), _CENTISECOND / 2
    peak: float | None = 255.0

    grid: Resampling | None = None

    def __init__(self, path: Path, resample: bool = False):
        self.path = path
        self.warnings: list[str] = []
        delays: list[int] = []  # [ms]
        with bad_page(str(path)):
            with open(path, "rb") as file:  # before a library takes memory for it
                width, height = struct.unpack("<6x2H", file.read(10))
            self.size = (height, width)
            check_sides(path, self.size)
        with bad_page(str(path)), self._open() as image:
            self.count = image.n_frames
            for index in range(self.count):
                image.seek(index)
                delays.append(round(image.info.get("duration", 0)))
        shown = set(delays[:-1] or delays)
        if len(shown) > 1 and resample:
            stamps = np.cumsum([0, *delays[:-1]]) // 10
            self.grid = Resampling.of(str(path), stamps, Fraction(1, 100))
            self.rate: Fraction | None = self.grid.rate
            return
        if len(shown) > 1:
            raise RecordingError(
                f"{path}: frames are shown for {min(shown)} to {max(shown)} ms; "
                "give --resample to put it onto a constant rate"
            )
        delay = shown.pop()
        self.rate = Fraction(1000, delay) if delay > 0 else None

    def label(self, index: int) -> str:
        """What messages call a frame."""
        return f"{self.path}: frame {index + 1}"

    @contextmanager
    def reading(self) -> Iterator[Callable[[int], np.ndarray]]:
        """A function that reads a frame by its index, (height, width, channel)."""
        with bad_page(str(self.path)), self._open() as image:

            def read(index: int) -> np.ndarray:
                image.seek(index)
                return np.asarray(image.convert("RGB"))

            yield read

    def _open(self) -> Any:
        from PIL import Image

        return Image.open(self.path, formats=["GIF"])
