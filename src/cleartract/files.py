"""Results appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import av

from cleartract.errors import OutputError, reason_of


@contextlib.contextmanager
def atomic(target: Path) -> Iterator[Path]:
    """A temporary name beside `target` that takes its place only if all goes well.

    Raises:
        OutputError: If the folder cannot be written.
    """
    temporary = target.with_name(f".{target.stem}.{os.getpid()}.partial{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, target)
    except (OSError, av.FFmpegError) as error:
        raise OutputError(f"{target}: cannot be written ({reason_of(error)})") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
