"""The speaker that a generated video shall look like: a recording, one of its frames, or a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.errors import RecordingError, UsageError
from cleartract.recordings.opening import open_recording
from cleartract.recordings.recording import Recording

if TYPE_CHECKING:
    from cleartract.model.model import Model

LONGEST = 2000  # frames of a reference recording that are used
_WIDEST = 512  # [pixels], as --size
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
_AROUND = 16  # frames that are denoised for the sake of one


@dataclass(frozen=True)
class Reference:
    """A reference as it is read, still noisy.

    Attributes:
        path: Its file.
        shown: The part of a recording that is used, or a frame (height, width).
        around: The frames around that frame, where it is one of a recording.
        number: Of the frame among these.
        rate: Frames per second of a recording, or None.
        left_out: Frames of a recording that are not used.
    """

    path: Path
    shown: Recording | np.ndarray
    around: Recording | None = None
    number: int = 0
    rate: str | None = None
    left_out: int = 0

    @classmethod
    def read(cls, path: Path, number: int | None) -> Reference:
        """Read a picture, a recording, or the frame of a recording that has a number.

        Raises:
            RecordingError: If it cannot be read, or there is nothing to see.
            UsageError: If the recording has no such frame.
        """
        if path.suffix.lower() in _PICTURES:
            return cls(path, _seen(path, _picture(path)))
        recording = open_recording(path)
        rate, count = str(recording.rate), len(recording)
        if number is None and recording.audio is not None:
            used = min(count, LONGEST)
            return cls(path, recording.excerpt(0, used), rate=rate, left_out=count - used)
        if not 0 <= (number or 0) < count:
            raise UsageError(f"--reference-frame must lie in 0 to {count - 1}")
        first = max(0, min((number or 0) - _AROUND // 2, count - _AROUND))
        around, at = recording.excerpt(first, min(_AROUND, count)), (number or 0) - first
        _seen(path, around.frames[at])
        shown = around if number is None else around.frames[at]
        return cls(path, shown, around, at, rate)

    def clean(self, model: Model) -> Recording | np.ndarray:
        """The recording or frame without noise; a picture stays as it is."""
        if self.around is not None:
            silent = DenoiseSettings(use_audio=False)
            frames = denoise_recording(self.around, model, silent).recording.frames
            return _seen(self.path, frames[self.number])
        if isinstance(self.shown, Recording):
            return denoise_recording(self.shown, model, DenoiseSettings()).recording
        return self.shown


def _picture(path: Path) -> np.ndarray:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            frame = np.asarray(picture.convert("F"), np.float32)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise RecordingError(f"{path}: not a readable picture") from error
    if max(frame.shape) > _WIDEST:
        raise RecordingError(
            f"{path}: {frame.shape[1]}x{frame.shape[0]} pixels; a reference frame has at most "
            f"{_WIDEST} on a side, resize it to that of a scan"
        )
    return frame


def _seen(path: Path, frame: np.ndarray) -> np.ndarray:
    if min(frame.shape) < 16 or not np.ptp(frame) > 0:
        raise RecordingError(f"{path}: no picture to see in it")
    return frame
