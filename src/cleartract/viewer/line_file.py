"""Lines across the vocal tract in a file beside the recording, as `--grid-lines` reads them."""

from __future__ import annotations

import json
import math
import threading
from pathlib import Path
from typing import Any

from cleartract.errors import OutputError
from cleartract.files import atomic

MOST_LINES = 32
LARGEST = 65_536  # [bytes] of a file of lines
_LONGEST_NAME = 60
_FARTHEST = 10_000.0  # [mm]

Lines = dict[str, list[list[float]]]
"""Start and end, each (x, y) [mm] from the middle of the upper left pixel, by the line's name."""


def checked_lines(content: Any) -> Lines:
    """Lines of a parsed JSON text.

    Raises:
        ValueError: If it is something else.
    """
    if not isinstance(content, dict) or len(content) > MOST_LINES:
        raise ValueError(f'lines are {{"name": [[x, y], [x, y]]}} in mm, at most {MOST_LINES}')
    lines: Lines = {}
    for name, ends in content.items():
        if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
            raise ValueError(f"a name of a line has 1 to {_LONGEST_NAME} printable characters")
        try:
            (ax, ay), (bx, by) = ends
            numbers = [float(number) for number in (ax, ay, bx, by)]
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name!r} is not two points") from error
        if not all(math.isfinite(n) and abs(n) <= _FARTHEST for n in numbers):
            raise ValueError(f"{name!r} lies outside every picture")
        lines[name] = [numbers[:2], numbers[2:]]
    return lines


class LineFile:
    """Reads and writes the lines of one recording, and nothing else that has their file's name.

    Attributes:
        path: The file.
        lines: As last read or written.
        refused: Why nothing is written, or nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.lines, self.refused = path, Lines(), ""
        self._known: bytes | None = None
        self._lock = threading.Lock()
        try:
            self._known = self._stored()
            if self._known is not None:
                self.lines = checked_lines(json.loads(self._known))
        except (OSError, ValueError) as error:
            self.refused = f"{path.name}: is no file of lines ({error}); it is left as it is"

    def _stored(self) -> bytes | None:
        if not self.path.exists():
            return None
        with open(self.path, "rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ValueError(f"it is larger than {LARGEST} bytes")
        return content

    def save(self, lines: Lines) -> None:
        """Write lines; the file is replaced only if it is the one that was read or written.

        Raises:
            OutputError: If it is another one, or cannot be written.
        """
        with self._lock:
            if self.refused:
                raise OutputError(self.refused)
            try:
                if self._stored() != self._known:
                    raise OutputError(
                        f"{self.path.name}: has changed meanwhile; load the page anew"
                    )
            except (OSError, ValueError) as error:
                raise OutputError(f"{self.path.name}: has changed meanwhile ({error})") from error
            content = (json.dumps(lines, indent=1) + "\n").encode()
            with atomic(self.path) as temporary:
                temporary.write_bytes(content)
            self._known, self.lines = content, lines
