"""Grey levels of decoded video frames, and what colour in them means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cleartract.errors import RecordingError

_COLOUR_TOLERANCE = 3.0  # grey levels between channels, from chroma rounding
_CHECKED = 10  # every so many frames are checked for colour


class GreyLevels:
    """Frames -> grey levels, in order; refuses colour.

    Damaged H.264 shows colours that grey video never had. So colour is believed where nothing was
    damaged since the last key frame, and no frame before was grey.

    Args:
        path: The file, for messages.
        deep: Whether grey levels have 16 bit.
    """

    def __init__(self, path: Path, deep: bool):
        self.path, self.deep = path, deep
        self._number = 0
        self._grey_so_far = False

    def plane(self, frame: Any, damaged: int | None) -> np.ndarray:
        """Grey levels, (height, width).

        Args:
            frame: From the decoder.
            damaged: The damaged frame it rests on, or None.

        Raises:
            RecordingError: If it is in colour.
        """
        number = self._number
        self._number += 1
        levels, coloured = self._levels(frame, number % _CHECKED == 0)
        if coloured and damaged is None:
            raise self._colour_error(number)
        if coloured and not self._grey_so_far:
            raise RecordingError(f"{self.path}: damaged from frame {damaged} on; copy it again")
        self._grey_so_far |= coloured is False and damaged is None
        return levels

    def _levels(self, frame: Any, check: bool) -> tuple[np.ndarray, bool | None]:
        """Grey levels, and whether there is colour; None where that was not looked at."""
        name = frame.format.name
        if name.startswith("gray"):
            kind = "gray16le" if self.deep else "gray"
            return frame.reformat(format=kind).to_ndarray(), False
        if name.startswith("yuv"):
            return _luma(frame, self.deep), _chroma(frame) if check else None
        rgb = frame.to_ndarray(format="rgb24")
        coloured = _spread(rgb) > _COLOUR_TOLERANCE
        if self.deep:
            return frame.reformat(format="gray16le").to_ndarray(), coloured
        return rgb[..., 1], coloured

    def _colour_error(self, number: int) -> RecordingError:
        if self._grey_so_far:
            return RecordingError(
                f"{self.path}: frame {number} is in colour, frames before it are grey: damaged, or "
                "not grey throughout; copy it again, or convert it to grey"
            )
        return RecordingError(f"{self.path}: is in colour; rtMRI is grey, convert it to grey first")


def _samples(frame: Any, index: int) -> tuple[np.ndarray, int]:
    """A plane of YUV with its padding, (row, column), and its depth [bits]."""
    plane, bits = frame.planes[index], frame.format.components[index].bits
    order = ">" if frame.format.name.endswith("be") else "<"
    values = np.frombuffer(plane, np.uint8 if bits <= 8 else np.dtype(f"{order}u2"))
    return values.reshape(plane.height, -1)[:, : plane.width], bits


def _luma(frame: Any, deep: bool) -> np.ndarray:
    stored, bits = _samples(frame, 0)
    luma, peak = stored.astype(np.float32), 65535 if deep else 255
    full = frame.format.name.startswith("yuvj") or int(frame.color_range) == 2
    if full:
        return luma if bits == 8 else np.round(luma * (peak / (2**bits - 1)))
    unit = 2 ** (bits - 8)  # limited range: 16 to 235 at 8 bit
    return np.round((luma - 16 * unit) * (peak / (219 * unit))).clip(0, peak)


def _chroma(frame: Any) -> bool:
    """Whether a frame of YUV is in colour; chroma of lossy grey is not quite neutral."""
    for index in (1, 2):
        stored, bits = _samples(frame, index)
        off = np.abs(stored.astype(np.float32) - 2 ** (bits - 1)).max() / 2 ** (bits - 8)
        if off > 4 * _COLOUR_TOLERANCE:
            return _spread(frame.to_ndarray(format="rgb24")) > 4 * _COLOUR_TOLERANCE
    return False


def _spread(rgb: np.ndarray) -> float:
    return float(np.percentile(rgb.max(-1).astype(np.int16) - rgb.min(-1), 99))
