"""Progress bars with the time left, on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

_LINE_SECONDS = 30
_FIRST_SECONDS = 2  # until the first line with the time left


class Update(Protocol):
    """Tell a bar how far the work is."""

    def __call__(self, done: float, total: float, note: str = "") -> None:
        """Done, total, and a note behind the bar."""
        ...


@contextmanager
def progress_bar(title: str, unit: str) -> Iterator[Update]:
    """A bar; call the result with done, total and a note.

    Args:
        title: What is being done.
        unit: What is counted.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    if not console.file.isatty():  # notebooks force colours, but cannot draw over a line
        yield _lines(title, unit)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=None, note="")

        def update(done: float, total: float, note: str = "") -> None:
            bar.update(task, completed=done, total=total, note=note)

        yield update


def _lines(title: str, unit: str) -> Update:
    """A line after two seconds and then every half minute, for log files."""
    start = last = time.monotonic()
    wait = float(_FIRST_SECONDS)
    before: float | None = None  # a resumed run does not start at zero

    def update(done: float, total: float, note: str = "") -> None:
        nonlocal start, last, before, wait
        now = time.monotonic()
        if before is None:
            before, start, last = done, now, now
            if done < total:
                print(f"{title}: {done:.0f}/{total:.0f} {unit}", file=sys.stderr, flush=True)
        elif now - last >= wait and done > before:
            last, wait = now, float(_LINE_SECONDS)
            left = (now - start) / (done - before) * (total - done)
            print(
                f"{title}: {done:.0f}/{total:.0f} {unit}, {left:.0f} s left {note}".rstrip(),
                file=sys.stderr,
                flush=True,
            )

    return update
