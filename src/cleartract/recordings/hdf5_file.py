"""Open an HDF5 file that may come from anywhere: nothing outside the file is ever read."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cleartract.errors import ClearTractError, RecordingError, reason_of
from cleartract.recordings.stored import is_number

INSTALL = "install: pip install 'cleartract[formats]'"
_CACHE = 64 << 20  # of decompressed pieces [bytes]
_LARGEST_PIECE = 1 << 30  # that is decompressed at once [bytes]
_MOST_PACKED = 2000  # times that an array is larger than what a file holds of it; zlib reaches 1032


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Whatever a library raises on a damaged file becomes one line.

    Raises:
        RecordingError: Instead of any other error.
    """
    try:
        yield
    except ClearTractError:
        raise
    except Exception as error:  # libraries raise errors of any type on damaged bytes
        reason = next(iter(reason_of(error).splitlines()), "").removesuffix(".")
        raise RecordingError(f"{path}: not a readable {kind} file ({reason})") from error


@contextmanager
def opened(path: Path, kind: str = "HDF5") -> Iterator[Any]:
    """An open `h5py.File`.

    Raises:
        RecordingError: If h5py is not installed, or for any error while the file is read.
    """
    try:
        h5py = importlib.import_module("h5py")
    except ImportError as error:
        raise RecordingError(f"{path}: needs h5py; {INSTALL}") from error
    with (
        reading(path, kind),
        h5py.File(path, "r", locking="best-effort", rdcc_nbytes=_CACHE) as file,
    ):
        yield file


def datasets(file: Any, path: Path) -> dict[str, Any]:
    """Arrays of numbers at the top of an open file, by name.

    Raises:
        RecordingError: If a link or an array there leads to another file.
    """
    h5py = importlib.import_module("h5py")
    found = {}
    for name in file:
        item = inside(file, name, path)
        if not isinstance(item, h5py.Dataset) or item.shape is None or not _readable(item):
            continue
        check_pieces(item, name, path)
        found[name] = item
    return found


def inside(file: Any, name: str, path: Path) -> Any:
    """What an open file or group holds under a name: an array, a group, or None.

    Args:
        file: Open file or group.
        name: Of one item in it, without `/`.
        path: Named in errors.

    Raises:
        RecordingError: If the link or the array leads to another file.
    """
    h5py = importlib.import_module("h5py")
    _stay_inside(h5py, file, name, path)
    item = file.get(name)
    if isinstance(item, h5py.Dataset) and (item.is_virtual or item.external):
        raise RecordingError(
            f"{path}: {name!a} takes its data from another file; copy them into this file"
        )
    return item


def check_pieces(item: Any, name: str, path: Path) -> None:
    """Refuse an array whose smallest readable piece is huge, or whose size is only declared.

    What was never written is read as zeros: a file of few bytes may ask for terabytes.

    Raises:
        RecordingError: If so.
    """
    if math.prod(item.chunks or ()) * item.dtype.itemsize > _LARGEST_PIECE:
        raise RecordingError(f"{path}: {name!a} is stored in pieces of over 1 GiB")
    asked, held = item.size * item.dtype.itemsize, item.id.get_storage_size()
    if asked > max(_MOST_PACKED * held, _LARGEST_PIECE):
        raise RecordingError(
            f"{path}: {name!a} asks for {asked} bytes and holds {held}; write it again"
        )


def _stay_inside(h5py: Any, file: Any, name: str, path: Path) -> None:
    """Refuse a link whose way leads out of the file, or through more than one soft link."""
    link = file.get(name, getlink=True)
    steps = [name]
    if isinstance(link, h5py.SoftLink):
        steps = [step for step in link.path.split("/") if step not in ("", ".")]
    place = file
    for step in steps:
        link = place.get(step, getlink=True) if hasattr(place, "keys") else None
        if link is not None and not isinstance(link, h5py.HardLink):
            raise RecordingError(
                f"{path}: {name!a} is a link to another place; copy the data into this file"
            )
        if link is None:
            return  # leads nowhere
        place = place[step]


def _readable(dataset: Any) -> bool:
    try:
        return is_number(dataset.dtype)
    except (TypeError, ValueError):  # a type that NumPy does not have
        return False
