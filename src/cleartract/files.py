"""Results appear whole, and together, or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import av

from cleartract.errors import OutputError, reason_of

_LONGEST_NAME = 100  # [bytes] of a name that is made from another
_STALE = 86_400  # [s] since a temporary file was last written to
_TAKEN = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}
_NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV}


def file_name(text: str) -> str:
    """A text from a file as part of a file's name: `[A-Za-z0-9._-]`, never empty, `.` or `..`."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", text).lstrip(".")[:_LONGEST_NAME]
    return name or "_"


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, or of what `sha256sum *` prints in a folder.

    Files of a folder come in the order of their names; hidden files and folders are left out.
    """
    digest = hashlib.sha256()
    if path.is_dir():
        for inside in sorted(path.iterdir(), key=lambda inside: inside.name):
            if inside.is_file() and not inside.name.startswith("."):
                digest.update(f"{sha256(inside)}  {inside.name}\n".encode())
        return digest.hexdigest()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


class AtomicFiles:
    """Files that take their names together, when all of them are finished.

    Used as a context: `add` makes a temporary file for each target. All are renamed at the end, or
    removed where anything went wrong.

    Args:
        folder: Where the temporary files are, on the same disk; beside each target by default.
        replace: Whether a file that is under a final name by then may be replaced.
    """

    def __init__(self, folder: Path | None = None, replace: bool = True) -> None:
        self.folder, self.replace = folder, replace
        self._places: dict[Path, Path] = {}

    def add(self, target: Path, folder: bool = False) -> Path:
        """The empty temporary file of a target, for the caller to fill.

        Its name cannot be foreseen, and it is new: nothing planted there is written to.

        Args:
            target: Its final name.
            folder: Whether it is a folder.

        Raises:
            OutputError: If it cannot be made.
        """
        with naming(target):
            stem = os.fsencode(target.stem)[:_LONGEST_NAME].decode(errors="ignore")
            name = f".{stem}.{secrets.token_hex(8)}.partial{target.suffix}"
            temporary = (self.folder or target.parent) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if self.folder is None:
                _remove_stale(target, stem)
            if folder:
                temporary.mkdir()
            else:
                os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        self._places[target] = temporary
        return temporary

    def __enter__(self) -> AtomicFiles:
        for leftover in self.folder.glob(".*.partial*") if self.folder is not None else ():
            _remove(leftover)  # of a run that was killed
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._publish()
        finally:
            for temporary in self._places.values():
                with contextlib.suppress(OSError):
                    _remove(temporary)

    def _publish(self) -> None:
        published: list[Path] = []
        aside: dict[Path, Path] = {}  # folders that are replaced
        try:
            for target, temporary in self._places.items():
                with naming(target):
                    folder = temporary.is_dir()
                    if not (any(temporary.iterdir()) if folder else temporary.stat().st_size):
                        raise FileNotFoundError(errno.ENOENT, "nothing was written")
                    if folder and self.replace and target.is_dir():
                        aside[target] = _moved_aside(target)
                    if self.replace and not folder:
                        os.replace(temporary, target)
                        continue
                    _rename_to_new(temporary, target)
                published.append(target)
        except BaseException:
            for target in published:
                _remove(target)
            for target, former in aside.items():
                os.rename(former, target)
            raise
        for former in aside.values():
            shutil.rmtree(former, ignore_errors=True)


def _remove_stale(target: Path, stem: str) -> None:
    """Remove what a run that was killed a day ago or earlier has left of a target."""
    name = re.compile(rf"\.{re.escape(stem)}\.[0-9a-f]{{16}}\.partial{re.escape(target.suffix)}")
    with contextlib.suppress(OSError):
        for entry in os.scandir(target.parent):
            if name.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime > _STALE:
                        _remove(Path(entry.path))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _moved_aside(folder: Path) -> Path:
    former = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}.partial")
    os.rename(folder, former)
    return former


def _rename_to_new(temporary: Path, target: Path) -> None:
    """Rename a file or a folder, but not over another one that holds something.

    Raises:
        OutputError: If there is another one.
    """
    try:
        if temporary.is_dir():
            try:
                os.rename(temporary, target)  # refuses a file, and a folder that is not empty
            except OSError as error:
                if error.errno not in _TAKEN:
                    raise
                raise FileExistsError from error
            return
        try:
            os.link(temporary, target)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            try:
                os.replace(temporary, target)
            except OSError:
                target.unlink()
                raise
    except FileExistsError as error:
        raise OutputError(
            f"{target}: has appeared meanwhile; give --overwrite or another -o"
        ) from error


@contextlib.contextmanager
def naming(target: Path) -> Iterator[None]:
    """Errors of reading and writing inside name the file that failed.

    Raises:
        OutputError: Instead of them.
    """
    try:
        yield
    except (OSError, UnicodeError, av.FFmpegError) as error:
        raise OutputError(f"{target}: cannot be written ({reason_of(error)})") from error


@contextlib.contextmanager
def atomic(target: Path) -> Iterator[Path]:
    """A temporary file beside one target that takes its place only if all goes well.

    Raises:
        OutputError: If it cannot be written.
    """
    with AtomicFiles() as files:
        temporary = files.add(target)
        with naming(target):
            yield temporary
