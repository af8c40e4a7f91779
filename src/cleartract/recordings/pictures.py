"""Pictures of recordings: strips of frames and kymographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage


def strip(frames: np.ndarray, chosen: np.ndarray, zoom: int = 2) -> np.ndarray:
    """Some frames next to each other, (height, width) uint8.

    Args:
        frames: (frame, height, width) uint8.
        chosen: Which frames.
        zoom: Enlargement without interpolation.
    """
    row = np.concatenate([frames[int(index)] for index in chosen], axis=1)
    return row.repeat(zoom, 0).repeat(zoom, 1)


def kymograph(frames: np.ndarray, column: float, zoom: int = 2) -> np.ndarray:
    """One vertical grid line over time: lines down, time to the right, (height, frames) uint8.

    Args:
        frames: (frame, height, width) uint8.
        column: Position of the grid line as a share of the width, 0 to 1.
        zoom: Enlargement across time and space.
    """
    line = frames[:, :, int(column * (frames.shape[2] - 1))].T
    return line.repeat(zoom, 0).repeat(zoom, 1)


def stacked(rows: list[np.ndarray], gap: int = 4) -> np.ndarray:
    """Rows below each other, padded with white to the widest, (height, width) uint8.

    Args:
        rows: Each (height, width) uint8.
        gap: White pixels between rows.
    """
    width = max(row.shape[1] for row in rows)
    padded = [
        np.pad(row, ((0, gap), (0, width - row.shape[1])), constant_values=255) for row in rows
    ]
    return np.concatenate(padded)[:-gap]


def save_png(path: Path, rows: list[np.ndarray], gap: int = 4) -> None:
    """Write `stacked` rows; atomic."""
    from PIL import Image

    from cleartract.files import atomic

    with atomic(path) as temporary:
        Image.fromarray(stacked(rows, gap)).save(temporary, format="PNG")


def to_levels(frames: np.ndarray) -> np.ndarray:
    """Normalised intensity -> grey levels; 1 is 235. (frame, height, width) uint8."""
    return np.round(frames * 235).clip(0, 255).astype(np.uint8)


def marked(frames: np.ndarray, text: str, bright: float) -> np.ndarray:
    """Frames with a word in their lower left corner, (frame, height, width) float32.

    Args:
        frames: (frame, height, width), any unit.
        text: The word.
        bright: Value of its letters; around them it is dark.
    """
    height, width = frames.shape[1:]
    font = ImageFont.load_default(size=max(7, round(min(height, width) / 10)))
    mask = Image.new("L", (width, height))
    place = (2, height - 2)
    ImageDraw.Draw(mask).text(place, text, fill=255, font=font, anchor="lb", stroke_width=0)
    letters = np.asarray(mask, np.float32) / 255
    around = ndimage.maximum_filter(letters, 3)
    return (frames * (1 - around) + bright * letters).astype(np.float32)
