"""Border rows and columns that hold random values instead of image.

Public corpora contain clips whose frames were shifted to correct head motion; the rows that the
shift uncovered are filled with noise, fresh in every frame. They are no image: the denoiser must
not see them, and nothing can be restored there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_WIDEST = 4  # [pixels]
_FRAMES = 400  # looked at [frames]
_STRONG = 0.15  # standard deviation in time, of the intensity range
_ALIKE = 0.25  # correlation above which values are image


@dataclass(frozen=True)
class Borders:
    """Widths without image [pixels]."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def __bool__(self) -> bool:
        return any((self.top, self.bottom, self.left, self.right))

    def inside(self, frames: np.ndarray) -> np.ndarray:
        """View of the image alone."""
        height, width = frames.shape[-2:]
        return frames[..., self.top : height - self.bottom, self.left : width - self.right]

    def replicated(self, frames: np.ndarray) -> np.ndarray:
        """Frames whose empty borders repeat the nearest image row or column."""
        if not self:
            return frames
        pad = ((0, 0), (self.top, self.bottom), (self.left, self.right))
        return np.pad(self.inside(frames), pad, mode="edge")

    def kept(self, restored: np.ndarray, original: np.ndarray) -> np.ndarray:
        """Restored frames with the empty borders of the original, untouched."""
        if not self:
            return restored
        result = original.astype(restored.dtype)
        self.inside(result)[...] = self.inside(restored)
        return result

    def described(self) -> str:
        """For messages: "3 rows at the top, 1 column at the left"."""
        parts = [
            f"{count} {kind}{'s' if count > 1 else ''} at the {side}"
            for side, kind, count in (
                ("top", "row", self.top),
                ("bottom", "row", self.bottom),
                ("left", "column", self.left),
                ("right", "column", self.right),
            )
            if count
        ]
        return ", ".join(parts)


def empty_borders(frames: np.ndarray) -> Borders:
    """Find borders filled with noise that is white along the border and in time.

    Args:
        frames: (frame, height, width), any unit.
    """
    if len(frames) < 8 or min(frames.shape[1:]) < 32:
        return Borders()
    frames = frames[:_FRAMES]
    spread = float(np.percentile(frames, 99.5) - np.percentile(frames, 0.1)) or 1.0
    lines = np.moveaxis(frames, 0, 1) / spread  # (row, frame, column)
    columns = np.moveaxis(frames, 2, 0) / spread
    return Borders(_count(lines), _count(lines[::-1]), _count(columns), _count(columns[::-1]))


def _count(lines: np.ndarray) -> int:
    count = 0
    while count < _WIDEST and _is_noise(lines[count]):
        count += 1
    return count


def _is_noise(line: np.ndarray) -> bool:
    """Whether one border line over time, (frame, position), is strong white noise."""
    values = line - line.mean(0)
    variance = float((values**2).mean())
    if np.sqrt(variance) < _STRONG:
        return False
    in_time = float((values[1:] * values[:-1]).mean()) / variance
    in_space = float((values[:, 1:] * values[:, :-1]).mean()) / variance
    return abs(in_time) < _ALIKE and abs(in_space) < _ALIKE
