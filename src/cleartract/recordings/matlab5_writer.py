"""Writing recordings as MATLAB files of version 5, which SciPy and old programs read."""

from __future__ import annotations

import contextlib
import math
import struct
from fractions import Fraction
from pathlib import Path

import numpy as np

from cleartract.errors import OutputError
from cleartract.recordings.sound import Sound

ENDING = ".v5.mat"  # of names that ask for this version
_LARGEST = (1 << 31) - 1024  # [bytes] of a variable that MATLAB reads
_TEXT = b"MATLAB 5.0 MAT-file, Platform: cleartract"
_INT8, _INT32, _UINT32, _SINGLE, _DOUBLE, _MATRIX = 1, 5, 6, 7, 9, 14  # kinds of element
_KINDS = {"single": (7, _SINGLE, "<f4"), "double": (6, _DOUBLE, "<f8")}  # class, element, type


class Matlab5Writer:
    """A .mat whose frames are written as they come; the variables are those of `MatlabWriter`.

    Args:
        path: Where it is written.
        shape: (frame, height, width) of the whole.
        rate: Frames per second, exact.
        sound: Its sound, and how many samples it has, or None.
        target: What errors call it; by default the path.

    Raises:
        OutputError: If the frames need more than 2 GB, which version 5 cannot hold.
        OSError: If it cannot be written; `write` and `close` likewise.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int, int],
        rate: Fraction,
        sound: tuple[Sound, int] | None = None,
        target: Path | None = None,
    ):
        if 4 * math.prod(shape) > _LARGEST:
            raise OutputError(
                f"{target or path}: too long for version 5 of MATLAB's files; name it .mat"
            )
        self._sound = sound if sound is not None and sound[1] else None
        frames, height, width = shape
        self._file = open(path, "wb")  # noqa: SIM115
        self._file.write(_TEXT.ljust(116) + bytes(8) + b"\x00\x01IM")
        self._array("rate", np.array([[rate.numerator], [rate.denominator]], np.float64).T)
        if self._sound is not None:
            self._array("sample_rate", np.array([[self._sound[0].rate]], np.float64))
        self._left = self._begin("frames", (height, width, frames), "single")

    def write(self, frames: np.ndarray) -> None:
        """Add frames, (frame, height, width)."""
        stored = np.asarray(frames, "<f4").transpose(0, 2, 1)  # rows vary fastest
        self._left -= self._file.write(np.ascontiguousarray(stored).tobytes())

    def close(self) -> None:
        """Write the sound, and finish the file."""
        if self._left:
            raise OSError(f"{self._left} bytes of the frames are missing")
        self._pad()
        if self._sound is not None:
            sound, samples = self._sound
            left = self._begin("audio", (samples, 1), "single")
            for block in sound.blocks():
                stored = np.ascontiguousarray(block, "<f4").tobytes()[:left]
                left -= self._file.write(stored)
            self._file.write(bytes(left))
            self._pad()
        self._file.close()

    def abandon(self) -> None:
        """Let go of the file without finishing it, on a full disk too."""
        with contextlib.suppress(OSError, ValueError):
            self._file.close()

    def _array(self, name: str, values: np.ndarray) -> None:
        self._begin(name, values.shape, "double")
        self._file.write(np.asarray(values, "<f8").tobytes(order="F"))
        self._pad()

    def _begin(self, name: str, shape: tuple[int, ...], kind: str) -> int:
        """The head of a variable; its values follow, as many bytes as are returned."""
        number, element, stored = _KINDS[kind]
        size = np.dtype(stored).itemsize * math.prod(shape)
        parts = [
            _element(_UINT32, struct.pack("<II", number, 0)),
            _element(_INT32, struct.pack(f"<{len(shape)}i", *shape)),
            _element(_INT8, name.encode()),
        ]
        head = b"".join(parts)
        padded = size + -size % 8
        self._file.write(struct.pack("<II", _MATRIX, len(head) + 8 + padded))
        self._file.write(head + struct.pack("<II", element, size))
        return size

    def _pad(self) -> None:
        self._file.write(bytes(-self._file.tell() % 8))


def _element(kind: int, content: bytes) -> bytes:
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)
