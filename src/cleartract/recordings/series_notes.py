"""What a folder with one file a frame says of itself: rate, and what its grey levels stand for."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from cleartract.errors import RecordingError
from cleartract.types import exact_rate

NAME = "series.json"  # in the folder
_MADE_BY = "cleartract"
_LARGEST = 1 << 16  # of the file [bytes]


@dataclass(frozen=True)
class SeriesNotes:
    """A value of the recording is level times `scale` plus `offset`.

    Attributes:
        rate: Frames per second, exact.
        peak: Largest value of the recording's unit (255 for 8 bit), or None.
        scale: Unit of one level.
        offset: Value of level 0.
    """

    rate: Fraction
    peak: float | None
    scale: float = 1.0
    offset: float = 0.0

    def write(self, folder: Path) -> None:
        """Write them beside the frames.

        Raises:
            OSError: If they cannot be written.
        """
        content = {
            "made_by": _MADE_BY,
            "rate": [self.rate.numerator, self.rate.denominator],
            "peak": self.peak,
            "scale": self.scale,
            "offset": self.offset,
        }
        (folder / NAME).write_text(json.dumps(content, indent=1) + "\n")


def read_notes(folder: Path) -> SeriesNotes | None:
    """The notes of a series that ClearTract wrote, or None where there are none.

    Raises:
        RecordingError: If they are damaged.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("too large")
        content = json.loads(path.read_text())
        if content.get("made_by") != _MADE_BY:
            return None
        peak = content["peak"]
        notes = SeriesNotes(
            exact_rate(tuple(content["rate"])),
            None if peak is None else float(peak),
            float(content["scale"]),
            float(content["offset"]),
        )
        if not (math.isfinite(notes.scale) and notes.scale > 0 and math.isfinite(notes.offset)):
            raise ValueError("its scale is no number")
        if notes.peak is not None and not (math.isfinite(notes.peak) and notes.peak > 0):
            raise ValueError("its peak is no number")
    except (
        OSError, ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError,
    ) as error:  # fmt: skip
        raise RecordingError(f"{path}: is damaged; delete it, and give --rate") from error
    return notes
