"""What the form asks for, as the command line that does it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cleartract.app.library import Recorded

_PATHS = ("--output", "--opinion-map")
_MADE = "_cleartract"  # in the name of each result


@dataclass(frozen=True)
class Plan:
    """One run of `cleartract denoise`.

    Attributes:
        arguments: Of `cleartract denoise`.
        targets: Files to write, by name; `result` is the recording.
        preview: Length of the beginning that alone is denoised, such as `2s`, or None.
        rate: Frames per second that were told, or None.
        audio: Sound file that was chosen, or None.
    """

    arguments: tuple[str, ...]
    targets: dict[str, Path]
    preview: str | None = None
    rate: str | None = None
    audio: Path | None = None

    def repeated(self, kept: bool = False) -> str:
        """What to type to get the same again: it writes beside results that are there.

        Args:
            kept: Whether finished frames of a stopped run are there, with which it goes on.
        """
        words = list(self.arguments)
        if kept:
            words.append("--resume")
        elif any(path.exists() for path in self.targets.values()):
            words = [self._renamed(word) for word in words]
        return shlex.join(["cleartract", "denoise", *words])

    def _renamed(self, word: str) -> str:
        """An option with a path of a result, under a name that is free."""
        option, _, path = word.partition("=")
        if option not in _PATHS:
            return word
        stem = self.targets["result"].name.split(_MADE)[0]

        def named(result: Path, number: int) -> Path:
            extra = "_again" if number == 1 else f"_again{number}"
            return result.with_name(f"{stem}{extra}{result.name.removeprefix(stem)}")

        number = 1
        while any(named(result, number).exists() for result in self.targets.values()):
            number += 1
        return f"{option}={named(Path(path), number)}"


class Form(Protocol):
    """The options of the command line, for a page."""

    def described(self) -> list[dict[str, Any]]:
        """Name, kind, default, choices and help of each option."""
        ...

    def plan(
        self,
        recorded: Recorded,
        values: dict[str, Any],
        folder: Path | None,
        preview: str | None,
        taken: set[Path],
    ) -> Plan:
        """The run that these values ask for; its results have names of their own.

        Args:
            recorded: The recording.
            values: Options that differ from their defaults, by name.
            folder: Of the results, laid out like the recordings; None puts them beside these.
            preview: Denoise only so much of the beginning, such as `2s`.
            taken: Results of other runs, that may not be there yet.

        Raises:
            UsageError: If an option is unknown, of the wrong type or out of range.
            OutputError: If nothing can be written there.
        """
        ...
