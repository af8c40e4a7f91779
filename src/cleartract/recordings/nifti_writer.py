"""Writing recordings as NIfTI, without holding them in memory."""

from __future__ import annotations

import contextlib
import gzip
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import numpy as np

from cleartract.errors import OutputError

_LONGEST = 32767  # of an axis in NIfTI-1; more needs NIfTI-2


class NiftiWriter:
    """A NIfTI of float32, (x, y, 1, frame), written as frames come; the same content, same bytes.

    x is the column and y the row. The header tells a sagittal slice with the face to the left, so
    that viewers show frames as they are; sizes of pixels are not known and 1. The time between
    frames is `pixdim[4]` [s], and `descrip` holds the exact rate. Sound is not kept.

    Args:
        path: Target.
        shape: (frame, height, width) of the whole.
        rate: Frames per second, exact.
        compressed: Whether it is a .nii.gz.
        target: What errors call it; by default the path.

    Raises:
        OutputError: If nibabel is not installed.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int, int],
        rate: Fraction,
        compressed: bool = False,
        target: Path | None = None,
    ):
        header = _header(target or path, shape, rate)
        self._file: IO[bytes] = open(path, "wb")  # noqa: SIM115
        self._stream: Any = self._file
        if compressed:
            self._stream = gzip.GzipFile("", "wb", 6, self._file, mtime=0)
        self._stream.write(header)

    def write(self, frames: np.ndarray) -> None:
        """Add frames, (frame, height, width)."""
        self._stream.write(np.ascontiguousarray(frames, "<f4").tobytes())

    def close(self) -> None:
        """Finish the file."""
        self._stream.close()
        self._file.close()

    def abandon(self) -> None:
        """Let go of the file without finishing it, on a full disk too."""
        for part in (self._stream, self._file):
            with contextlib.suppress(OSError, ValueError):
                part.close()


def _header(path: Path, shape: tuple[int, int, int], rate: Fraction) -> bytes:
    try:
        import nibabel
    except ImportError as error:
        raise OutputError(f"{path}: install: pip install 'cleartract[formats]'") from error
    frames, height, width = shape
    kind = nibabel.Nifti1Header if max(shape) <= _LONGEST else nibabel.Nifti2Header
    header = kind(endianness="<")
    header.set_data_dtype("<f4")
    header.set_data_shape((width, height, 1, frames))
    header.set_zooms((1.0, 1.0, 1.0, float(1 / rate)))
    header.set_xyzt_units("mm", "sec")
    # Columns run to the back, rows downwards: millimetres to (right, front, top).
    sagittal = np.array([[0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]], float)
    header.set_sform(sagittal, "aligned")
    header.set_qform(sagittal, "aligned")
    header["descrip"] = f"rate {rate.numerator}/{rate.denominator}".encode()
    start = header.sizeof_hdr + 4
    header["vox_offset"] = start
    header["scl_slope"], header["scl_inter"] = 1, 0
    return header.binaryblock + bytes(4)
