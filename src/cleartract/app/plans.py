"""What the form asks for, as the command line that does it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cleartract.app.library import Recorded


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

    @property
    def command(self) -> str:
        """What to type to repeat it."""
        return shlex.join(["cleartract", "denoise", *self.arguments])


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
