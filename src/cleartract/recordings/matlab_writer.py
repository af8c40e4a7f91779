"""Writing recordings as MATLAB files of version 7.3, without holding them in memory."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.errors import OutputError
from cleartract.recordings.hdf5_file import INSTALL
from cleartract.recordings.sound import Sound

_USERBLOCK = 512  # before the HDF5 part [bytes]
_TEXT = b"MATLAB 7.3 MAT-file, Platform: cleartract HDF5 schema 1.00 ."
_VERSION = b"\x00\x02IM"  # 0x0200 in little-endian order


class MatlabWriter:
    """A .mat whose frames are written as they come; the same content gives the same bytes.

    In MATLAB: `frames` (row, column, frame) single, `rate` [numerator denominator], and with sound
    `audio` (sample, 1) single and `sample_rate` [Hz].

    Args:
        path: Target.
        shape: (frame, height, width) of the whole.
        rate: Frames per second, exact.
        sound: Its sound, and how many samples it has, or None.

    Raises:
        OSError: If it cannot be written; `write` and `close` likewise.
        OutputError: If h5py is not installed.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int, int],
        rate: Fraction,
        sound: tuple[Sound, int] | None = None,
    ):
        try:
            h5py = importlib.import_module("h5py")
        except ImportError as error:
            raise OutputError(f"a .mat needs h5py; {INSTALL}") from error
        self._path, self._at = path, 0
        self._sound = sound if sound is not None and sound[1] else None
        frames, height, width = shape
        with _as_os_error():
            self._file: Any = h5py.File(
                path, "w", userblock_size=_USERBLOCK, libver=("earliest", "v108")
            )
        with _as_os_error():
            self._frames = self._variable("frames", (frames, width, height), "single")
            exact = np.array([[rate.numerator], [rate.denominator]], np.float64)
            self._variable("rate", exact.shape, "double")[...] = exact

    def write(self, frames: np.ndarray) -> None:
        """Add frames, (frame, height, width)."""
        with _as_os_error():
            last = self._at + len(frames)
            self._frames[self._at : last] = np.asarray(frames, np.float32).transpose(0, 2, 1)
            self._at = last

    def close(self) -> None:
        """Write the sound and MATLAB's header, and finish the file."""
        with _as_os_error():
            if self._sound is not None:
                sound, samples = self._sound
                audio, at = self._variable("audio", (1, samples), "single"), 0
                for block in sound.blocks():
                    block = block[: samples - at]
                    audio[0, at : at + len(block)] = block
                    at += len(block)
                self._variable("sample_rate", (1, 1), "double")[...] = sound.rate
            self._file.close()
        header = _TEXT.ljust(116) + bytes(8) + _VERSION
        with open(self._path, "r+b") as file:
            file.write(header.ljust(_USERBLOCK, b"\0"))

    def abandon(self) -> None:
        """Let go of the file without finishing it, on a full disk too."""
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            self._file.close()

    def _variable(self, name: str, shape: tuple[int, ...], kind: str) -> Any:
        """A variable of MATLAB's class `kind`; `shape` is the reverse of its size there."""
        dtype = {"single": "<f4", "double": "<f8"}[kind]
        variable = self._file.create_dataset(name, shape, dtype, track_times=False)
        variable.attrs["MATLAB_class"] = np.bytes_(kind)
        return variable


@contextlib.contextmanager
def _as_os_error() -> Iterator[None]:
    """HDF5 reports a full disk in several lines, with the time, or as RuntimeError."""
    try:
        yield
    except OSError as error:
        if error.errno:
            raise OSError(error.errno, os.strerror(error.errno)) from error
        raise
    except RuntimeError as error:
        raise OSError(str(error)) from error
