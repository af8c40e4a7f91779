"""Writing pictures: TIFF stacks in the recording's own unit, and small GIFs for talks."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from cleartract.errors import OutputError
from cleartract.recordings.formats import ffmpeg_name
from cleartract.recordings.image_pages import INSTALL

_CLASSIC = 0xF000_0000  # [bytes] of frames that a TIFF with 32-bit offsets holds
_WRONG = 0.02  # of the speed a GIF may be played at


class TiffStack:
    """A TIFF with a float32 page a frame, without sound; ImageJ reads its frame interval.

    Args:
        path: Target.
        shape: (frame, height, width) of the whole. Above 4 GB it becomes a BigTIFF.
        rate: Frames per second, exact; the interval is written in seconds.

    Raises:
        OutputError: If the library tifffile is not installed.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int], rate: Fraction):
        try:
            import tifffile
        except ImportError as error:
            raise OutputError(f"{path}: TIFF needs the library tifffile; {INSTALL}") from error
        frames, height, width = shape
        self._file = tifffile.TiffWriter(path, bigtiff=4 * frames * height * width > _CLASSIC)
        self._described = (
            f"ImageJ=1.54f\nimages={frames}\nframes={frames}\nhyperstack=true\nmode=grayscale\n"
            f"loop=false\nfinterval={float(1 / rate)!r}\n"
        )

    def write(self, frames: np.ndarray) -> None:
        """Add frames, (frame, height, width)."""
        for frame in np.asarray(frames, np.float32):
            self._file.write(
                frame,
                contiguous=True,
                photometric="minisblack",
                description=self._described,
                metadata=None,
                software=False,
            )

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def abandon(self) -> None:
        """Let go of the file without finishing it."""
        self._file.close()


class GifWriter:
    r"""A GIF of 256 grey levels without sound, for slides.

    A GIF shows each picture for a whole number of hundredths of a second, and browsers for 20 ms at
    the least. At 83 frames a second 12 ms would become 10 or 20 ms. So only every n-th frame is
    kept, with the smallest n for which the speed is right within 2 %:

    .. math:: |d / (100 n / f) - 1| \le 0.02, \quad d = \mathrm{round}(100 n / f) \ge 2

    At 83.28 frames a second n is 5 and the delay d 6 hundredths.

    Args:
        path: Target.
        size: (height, width) [pixels].
        rate: Frames per second f of what comes.
    """

    def __init__(self, path: Path, size: tuple[int, int], rate: Fraction):
        self.every, delay = kept_frames(rate)
        self._tick = Fraction(delay, 100)
        self._seen = self._count = 0
        self._container = av.open(ffmpeg_name(path), "w", format="gif")
        stream: Any = self._container.add_stream("gif", rate=1 / self._tick)
        stream.height, stream.width = size
        stream.pix_fmt, stream.codec_context.time_base = "gray", self._tick
        self._stream = stream

    def write(self, levels: np.ndarray) -> None:
        """Add frames, (frame, height, width) uint8."""
        for plane in levels:
            kept, self._seen = self._seen % self.every == 0, self._seen + 1
            if not kept:
                continue
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(plane), "gray")
            picture.pts, picture.time_base = self._count, self._tick
            self._count += 1
            self._container.mux(self._stream.encode(picture))

    def close(self) -> None:
        """Finish the file."""
        try:
            self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    def abandon(self) -> None:
        """Let go of the file without finishing it."""
        self._container.close()


def kept_frames(rate: Fraction) -> tuple[int, int]:
    """Every how many frames one is kept in a GIF [frames], and how long it is shown [10 ms]."""
    every = 1
    while True:
        interval = 100 * every / rate
        delay = round(interval)
        if delay >= 2 and abs(delay / interval - 1) <= _WRONG:
            return every, delay
        every += 1
