"""What came of each of many recordings: a table on the terminal, `summary.csv` and `summary.json`."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cleartract.commands.outputs import circumstances, counted, versions
from cleartract.errors import OutputError
from cleartract.files import atomic

_MADE_BY = "cleartract"
_SHOWN = 40  # recordings in the table of the terminal; of more, only those that failed


@dataclass(frozen=True)
class Outcome:
    """What came of one recording.

    Attributes:
        file: The recording.
        output: Its result.
        state: `done`, `there` (already, made by the same settings) or `failed`.
        frames: Of the result [frames].
        seconds: That it took [s].
        warnings: Of the run that made it.
        residual: What was removed: shares of the brightest tissue, see `ResidualSplit`.
        exit_code: As of a command for this recording alone.
        message: What went wrong, or empty.
    """

    file: str
    output: str
    state: str
    frames: int = 0
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    residual: dict[str, float] = field(default_factory=dict)
    exit_code: int = 0
    message: str = ""


class Summary:
    """Files that tell of many recordings.

    Args:
        folder: Of the results.
        shard: Part of the work, such as 3/8: has files of its own.

    Raises:
        OutputError: If one of their names is taken by something else.
    """

    def __init__(self, folder: Path, shard: str | None):
        name = "summary" if shard is None else f"summary_{shard.replace('/', '_of_')}"
        self.table, self.details = folder / f"{name}.csv", folder / f"{name}.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be made ({error.strerror})") from error
        if not os.access(folder, os.W_OK):
            raise OutputError(f"{folder}: cannot be written; choose another --out")
        if (self.table.exists() or self.details.exists()) and not self._is_own():
            raise OutputError(
                f"{self.table}: is not a summary of cleartract; rename it or choose another --out"
            )

    def _is_own(self) -> bool:
        try:
            return json.loads(self.details.read_text()).get("made_by") == _MADE_BY
        except (OSError, ValueError, AttributeError, RecursionError):
            return False

    def write(self, outcomes: list[Outcome], wanted: int) -> None:
        """Write both files; `wanted` recordings there were to do."""
        described: dict[str, Any] = {"made_by": _MADE_BY} | versions() | circumstances()
        states = [outcome.state for outcome in outcomes]
        described["recordings"] = wanted
        described |= {state: states.count(state) for state in ("done", "there", "failed")}
        described["outcomes"] = [asdict(outcome) for outcome in outcomes]
        with atomic(self.details) as place:
            place.write_text(json.dumps(described, indent=1) + "\n")
        with atomic(self.table) as place, open(place, "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(
                ["file", "output", "state", "frames", "seconds", "removed", "repeating", "noise",
                 "warnings", "exit_code", "message"]
            )  # fmt: skip
            for one in outcomes:
                removed = [one.residual.get(name, "") for name in ("removed", "repeating", "noise")]
                rows.writerow(
                    [one.file, one.output, one.state, one.frames, one.seconds, *removed,
                     "; ".join(one.warnings), one.exit_code, one.message]
                )  # fmt: skip


def print_outcomes(outcomes: list[Outcome]) -> None:
    """A table of the recordings, or of those that failed where there are many, and their number."""
    shown = outcomes
    if len(outcomes) > _SHOWN:
        shown = [outcome for outcome in outcomes if outcome.exit_code]
    width = max((len(Path(outcome.file).name) for outcome in shown), default=0)
    for one in shown:
        removed = one.residual.get("removed")
        parts = [counted(one.frames, "frame"), f"{one.seconds:.0f} s"]
        parts += [] if removed is None else [f"removed {100 * removed:.1f} %"]
        parts += [counted(len(one.warnings), "warning")] if one.warnings else []
        text = one.message if one.exit_code else ", ".join(parts)
        print(f"{Path(one.file).name:<{width}}  {one.state:<6}  {text}")
    states = [outcome.state for outcome in outcomes]
    named = {"done": "done", "there": "there already", "failed": "failed"}
    print(", ".join(f"{states.count(state)} {name}" for state, name in named.items()))
