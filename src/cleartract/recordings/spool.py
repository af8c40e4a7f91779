"""Rows of numbers on disk, for what grows with the length of a recording."""

from __future__ import annotations

import tempfile
import threading
import weakref

import numpy as np

_IN_MEMORY = 1 << 20  # [bytes], below which nothing is written to disk


class Spool:
    """Append rows once, read any span later; takes no memory beyond the first megabyte.

    Args:
        columns: Numbers in a row; 0 for plain numbers.
        dtype: Of the numbers.
    """

    def __init__(self, columns: int = 0, dtype: str = "float32"):
        self.columns, self.dtype = columns, np.dtype(dtype)
        self._row = self.dtype.itemsize * max(columns, 1)
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
        weakref.finalize(self, self._file.close)  # or Python warns of a file left open
        self._lock = threading.Lock()
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def append(self, rows: np.ndarray) -> None:
        """Add rows at the end, (row, column) or (row,)."""
        with self._lock:
            self._file.seek(self._rows * self._row)
            self._file.write(np.ascontiguousarray(rows, self.dtype).tobytes())
            self._rows += len(rows)

    def span(self, start: int, count: int) -> np.ndarray:
        """Rows from `start`, which may be negative; zeros beyond both ends.

        Returns:
            (count, column) or (count,).
        """
        low, high = max(start, 0), min(start + count, self._rows)
        shape = (count, self.columns) if self.columns else (count,)
        rows = np.zeros(shape, self.dtype)
        if high > low:
            with self._lock:
                self._file.seek(low * self._row)
                stored = self._file.read((high - low) * self._row)
            part = np.frombuffer(stored, self.dtype)
            rows[low - start : high - start] = part.reshape(-1, *shape[1:])
        return rows
