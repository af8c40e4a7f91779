"""Results of commands: where they may be written, and what their sidecars say."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from cleartract.errors import OutputError, one_line


def check_targets(targets: dict[str, Path], sources: list[Path], overwrite: bool) -> None:
    """Refuse results that cannot be written, would replace an input, or exist.

    Args:
        targets: Files to write; `result` is the recording.
        sources: Files that are read.
        overwrite: Whether results that exist may be replaced.

    Raises:
        OutputError: In one line.
    """
    from cleartract.recordings.formats import check_output_kind, is_series, stored_at
    from cleartract.recordings.series_writer import check_folder

    check_output_kind(targets["result"])
    if len({stored_at(path).resolve() for path in targets.values()}) < len(targets):
        raise OutputError(f"{targets['result']}: two results have one name; choose others")
    for target in targets.values():
        check_place(stored_at(target), sources)
        if is_series(target):
            check_folder(target, overwrite)
            continue
        if target.is_dir():
            raise OutputError(f"{target}: is a folder; choose another -o")
        if target.exists() and not overwrite:
            raise OutputError(f"{target}: exists; give --overwrite or another -o")


def check_place(target: Path, sources: list[Path]) -> None:
    """Refuse a file or folder that is an input, lies in one, or cannot be written.

    Raises:
        OutputError: In one line.
    """
    read, place = [path.resolve() for path in sources], target.resolve()
    there = [path for path in sources if path.exists()]  # perhaps linked to the target
    if place in read or any(target.exists() and target.samefile(path) for path in there):
        raise OutputError(f"{target}: is the input; choose another -o")
    if any(path.is_dir() and path in place.parents for path in read):
        raise OutputError(f"{target}: lies in the folder that is read; choose another -o")
    folder = next(path for path in place.parents if path.exists())
    if not folder.is_dir():
        raise OutputError(f"{target}: {folder} is a file, not a folder; choose another -o")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"{target}: cannot be written in {folder}; choose another -o")


def beside(path: Path, name: str) -> Path:
    """A file beside another one.

    Raises:
        OutputError: If the other one is `.` or `/`, which have no name.
    """
    if not path.name:
        raise OutputError(f"{path}: is a folder; give the name of a file")
    return path.with_name(name)


def versions() -> dict[str, str]:
    """Versions that decide a result."""
    packages = ("cleartract", "torch", "numpy", "av")
    return {"python": sys.version.split()[0]} | {p: metadata.version(p) for p in packages}


def circumstances() -> dict[str, str | int]:
    """When, where and by what a result was made; nothing of it decides the result."""
    import torch

    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": called(sys.argv),
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
    }


def called(words: list[str]) -> str:
    """The command line, as it can be typed again; empty where a program of another kind ran.

    Args:
        words: As Python has them: of `python -m cleartract` the first is a file of the package.
    """
    program = Path(words[0])
    if program.stem == "cleartract":  # cleartract.exe on Windows
        return shlex.join(["cleartract", *words[1:]])
    if program.name == "__main__.py" and program.parent.name == "cleartract":
        return shlex.join(["python", "-m", "cleartract", *words[1:]])
    return ""


def described_file(path: Path) -> dict[str, str]:
    """A file that was read, for a sidecar: its absolute path and SHA-256 sum."""
    from cleartract.files import sha256

    return {"path": os.path.abspath(path), "sha256": sha256(path)}


def counted(number: int, thing: str) -> str:
    """`1 frame`, `2 frames`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def warn(name: str | Path, text: str) -> None:
    """One line on standard error."""
    print(f"cleartract: {one_line(f'{name}: {text}')}", file=sys.stderr)
