"""Results appear whole, and together, or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import av

from cleartract.errors import OutputError, reason_of


class AtomicFiles:
    """Files that take their names together, when all of them are finished.

    Used as a context: `add` gives a temporary name for each target. All are renamed at the end, or
    removed where anything went wrong.

    Args:
        folder: Where the temporary names are, on the same disk; beside each target by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._places: dict[Path, Path] = {}

    def add(self, target: Path) -> Path:
        """A temporary name for a target.

        Raises:
            OutputError: If its folder cannot be made.
        """
        temporary = target.with_name(f".{target.stem}.{os.getpid()}.partial{target.suffix}")
        if self.folder is not None:
            temporary = self.folder / target.name
        with naming(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        self._places[target] = temporary
        return temporary

    def __enter__(self) -> AtomicFiles:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                for target, temporary in self._places.items():
                    with naming(target):
                        os.replace(temporary, target)
        finally:
            for temporary in self._places.values():
                with contextlib.suppress(OSError):
                    temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def naming(target: Path) -> Iterator[None]:
    """Errors of reading and writing inside name the file that failed.

    Raises:
        OutputError: Instead of them.
    """
    try:
        yield
    except (OSError, av.FFmpegError) as error:
        raise OutputError(f"{target}: cannot be written ({reason_of(error)})") from error


@contextlib.contextmanager
def atomic(target: Path) -> Iterator[Path]:
    """A temporary name beside one target that takes its place only if all goes well.

    Raises:
        OutputError: If it cannot be written.
    """
    with AtomicFiles() as files:
        temporary = files.add(target)
        with naming(target):
            yield temporary
