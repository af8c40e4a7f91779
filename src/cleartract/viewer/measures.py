"""Constriction degrees over time, from a table of `cleartract measure`."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cleartract.errors import RecordingError
from cleartract.recordings.formats import stem_of

MOST_LINES = 32
_UNIT = " [mm]"
_LARGEST = 1 << 30  # [bytes] of a table


@dataclass(frozen=True)
class Measures:
    """Constriction degrees of every frame.

    Attributes:
        path: The table.
        names: Of the lines.
        degrees: (line, frame) [mm], float32; NaN where nothing was measured.
    """

    path: Path
    names: tuple[str, ...]
    degrees: np.ndarray

    @property
    def highest(self) -> float:
        """Largest degree [mm]."""
        finite = self.degrees[np.isfinite(self.degrees)]
        return float(finite.max()) if finite.size else 1.0


def measures_for(
    recordings: Iterable[Path], count: int, named: Path | None = None
) -> tuple[Measures | None, str | None]:
    """The table of the first recording that has one, and what is wrong with it.

    Args:
        recordings: Recordings of the same frames, the best first.
        count: Their frames [frames].
        named: The table to read instead.

    Returns:
        The table, or None; and a warning, or None, where the one found cannot be read.

    Raises:
        RecordingError: If the table that was named cannot be read.
    """
    if named is not None:
        return read_measures(named, count), None
    beside = (path.resolve() for path in recordings)
    tables = (path.with_name(f"{stem_of(path)}_degrees.csv") for path in beside)
    found = next((table for table in tables if table.is_file()), None)
    if found is None:
        return None, None
    try:
        return read_measures(found, count), None
    except RecordingError as error:
        return None, f"{error}; constriction degrees are left out"


def read_measures(path: Path, count: int) -> Measures:
    """Read a table: a row a frame, and a column `NAME [mm]` a line.

    Raises:
        RecordingError: If it is missing, something else, or of another recording.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise RecordingError(f"{path}: is too large for a table of constriction degrees")
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            head = next(rows, [])
            columns = [n for n, name in enumerate(head) if name.endswith(_UNIT)][:MOST_LINES]
            if head[:1] != ["frame"] or not columns:
                raise RecordingError(
                    f"{path}: is no table of constriction degrees; make one by cleartract measure"
                )
            values = [[row[0], *(row[n] for n in columns)] for row in rows if row]
        table = np.array(values, np.float32).reshape(-1, 1 + len(columns))
    except (OSError, UnicodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "no text"
        raise RecordingError(f"{path}: cannot be read ({reason})") from error
    except (ValueError, IndexError) as error:
        raise RecordingError(f"{path}: holds rows without numbers; measure again") from error
    if len(table) != count or not np.array_equal(table[:, 0], np.arange(count, dtype=np.float32)):
        raise RecordingError(
            f"{path}: holds {len(table)} frames, the recording {count}; give the table made from it"
        )
    names = tuple(head[n].removesuffix(_UNIT) for n in columns)
    return Measures(path, names, np.ascontiguousarray(table[:, 1:].T))
