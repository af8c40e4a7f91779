"""Errors that a user can cause: one line each, with the exit code of the command line."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

    from pydantic import ValidationError


class ClearTractError(Exception):
    """Base of all errors a user can mend; its text is one line that names file, fault and remedy."""

    exit_code = 1


def one_line(text: str) -> str:
    """A text whose control characters are written as escapes: names of files may hold line breaks."""
    return "".join(c if c.isprintable() or c == " " else repr(c)[1:-1] for c in text)


class ClearTractWarning(UserWarning):
    """What Python is told before the work about a recording; the command line prints the same."""


def warn_caller(text: str) -> None:
    """Warn the caller of this package: the line that is named is one that a user can change."""
    frame: FrameType | None = sys._getframe()
    level = 1
    while frame is not None and frame.f_globals.get("__name__", "").startswith("cleartract"):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, ClearTractWarning, stacklevel=level)


def reason_of(error: Exception) -> str:
    """What a library says is wrong, without error numbers, paths and logs."""
    said = getattr(error, "strerror", None) or (str(error).splitlines() or [repr(error)])[0]
    return said.split("; last error log")[0]


def wrong_field(error: ValidationError) -> str:
    """First setting that is out of its range, what is wrong with it, and what was given."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"] if part not in ("int", "float"))
    if first["type"] == "extra_forbidden":
        return f"{name}: there is no such setting"
    fault = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    given = "" if first["type"] == "value_error" else f", not {first.get('input')!r}"
    return f"{name}: {fault[:1].lower()}{fault[1:]}{given}" if name else fault


class UsageError(ClearTractError):
    """Options that contradict each other or lie outside their range (exit code 2)."""

    exit_code = 2


class RecordingError(ClearTractError):
    """A recording that is missing, damaged or of an unsupported kind (exit code 3)."""

    exit_code = 3


class WindowError(ClearTractError):
    """Windows that cannot cover a recording, or overlap-add with a frame left uncovered (exit 4)."""

    exit_code = 4


class WeightsError(ClearTractError):
    """A weights file that is missing, damaged, non-finite or of an unknown version (exit code 5)."""

    exit_code = 5


class OutputError(ClearTractError):
    """A result that may not or cannot be written (exit code 6)."""

    exit_code = 6


class CorpusError(ClearTractError):
    """A corpus, run folder or optional extra that is missing or unusable (exit code 7)."""

    exit_code = 7


class SomeFailedError(ClearTractError):
    """Some of many recordings failed; the others are done (exit code 8)."""

    exit_code = 8
