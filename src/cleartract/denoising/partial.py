"""Finished frames of a run that may be killed, so that it can go on."""

from __future__ import annotations

import importlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.errors import OutputError
from cleartract.files import naming
from cleartract.recordings.formats import stored_at

fcntl: Any = importlib.import_module("fcntl") if os.name == "posix" else None
_STATE, _FRAMES, _SPREAD = "state.json", "frames.f32", "uncertainty.f32"
_LOCK = "lock"
CHUNK = 64  # [frames] read back together


class PartialRun:
    """A folder beside the result: what was finished, and by which settings.

    It is made when a run begins and removed when its results have taken their names. A run that
    was killed leaves it.

    Args:
        target: The result.
        described: Everything that decides the frames; a run goes on only where it is the same.
        size: (height, width) [pixels].
    """

    def __init__(self, target: Path, described: dict[str, Any], size: tuple[int, int]):
        self.target, self.size = target, size
        self.described = json.loads(json.dumps(described, sort_keys=True))
        self.folder = partial_folder(target)
        self.finished, self.batch = 0, 0
        self._files: list[Any] = []
        self._lock: int | None = None

    def begin(self, resume: bool, spread: bool) -> None:
        """Open the folder, anew or where a former run stopped.

        Args:
            resume: Go on where a former run stopped, if there was one.
            spread: Whether uncertainties are kept too.

        Raises:
            OutputError: If a former run is there and `resume` is not given, or it was another one,
                or it is still at work.
        """
        check_partial(self.target, resume)
        names = [_FRAMES, _SPREAD] if spread else [_FRAMES]
        try:
            with naming(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
                self._lock = _locked(self.folder)
                self._read_state()
                for name in names:
                    file = open(self.folder / name, "a+b")  # noqa: SIM115
                    file.truncate(self.finished * self._frame_bytes)
                    self._files.append(file)
                self._write_state()
        except BaseException:
            self.close()
            raise

    @property
    def _frame_bytes(self) -> int:
        return 4 * self.size[0] * self.size[1]

    def _read_state(self) -> None:
        try:
            state = json.loads((self.folder / _STATE).read_text())
            described, finished = state["described"], int(state["finished"])
            batch = int(state["batch"])
        except (OSError, ValueError, KeyError, TypeError):
            return  # killed before anything was finished
        changed = [
            name
            for name in sorted({*described, *self.described})
            if described.get(name) != self.described.get(name)
        ]
        if changed:
            raise OutputError(
                f"{self.folder}: left by a run that differs in: {changed[0]}; delete it to start anew"
            )
        self.finished, self.batch = finished, batch

    def _write_state(self) -> None:
        state = {"described": self.described, "finished": self.finished, "batch": self.batch}
        temporary = self.folder / (_STATE + ".tmp")
        temporary.write_text(json.dumps(state))
        os.replace(temporary, self.folder / _STATE)

    def add(self, frames: np.ndarray, spread: np.ndarray | None) -> None:
        """Keep finished frames (frame, height, width), and their uncertainty."""
        parts = [frames] if spread is None else [frames, spread]
        with naming(self.folder):
            for file, part in zip(self._files, parts, strict=True):
                file.write(np.ascontiguousarray(part, np.float32).tobytes())
                file.flush()
            self.finished += len(frames)
            self._write_state()

    def read(self):
        """What was finished before, in pieces: frames and uncertainty or None."""
        for first in range(0, self.finished, CHUNK):
            count = min(CHUNK, self.finished - first)
            parts = []
            for file in self._files:
                file.seek(first * self._frame_bytes)
                stored = np.frombuffer(file.read(count * self._frame_bytes), np.float32)
                parts.append(stored.reshape(count, *self.size))
            yield parts[0], (parts[1] if len(parts) > 1 else None)
        for file in self._files:
            file.seek(0, os.SEEK_END)

    def close(self) -> None:
        """Let go of the files; the folder stays."""
        for file in self._files:
            file.close()
        self._files = []
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def remove(self) -> None:
        """Nothing is left to go on with."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.close()


def _locked(folder: Path) -> int | None:
    """Keep other runs out; the system lets go of it when the process ends, however that is.

    Raises:
        OutputError: If another run is at work there.
    """
    if fcntl is None:
        return None
    lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise OutputError(
            f"{folder}: another run is at work on this result; wait for it, or choose another -o"
        ) from error
    except OSError:
        pass  # a file system without locks
    return lock


def partial_folder(target: Path) -> Path:
    """Where a run keeps what it has finished."""
    place = stored_at(target)
    return place.with_name(f".{place.name}.partial")


def check_partial(target: Path, resume: bool) -> None:
    """Refuse to start over what a former run has left.

    Raises:
        OutputError: If there is a former run, and it is not to go on.
    """
    folder = partial_folder(target)
    if folder.exists() and not resume:
        with naming(folder):
            if (lock := _locked(folder)) is not None:
                os.close(lock)
        raise OutputError(
            f"{folder}: left by a run that was stopped; give --resume to go on, or delete it"
        )


def finished_frames(target: Path) -> int:
    """How many frames of a result are finished, while its run is at work or after it stopped."""
    try:
        return int(json.loads((partial_folder(target) / _STATE).read_text())["finished"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def finished_frame(target: Path, number: int, size: tuple[int, int]) -> np.ndarray | None:
    """A finished frame (height, width) in the recording's unit, or None where it is not there.

    What is given back is not in it yet: that is known when all frames are finished.

    Args:
        target: The result.
        number: Of the frame [frames].
        size: (height, width) [pixels].
    """
    length = 4 * size[0] * size[1]
    try:
        with open(partial_folder(target) / _FRAMES, "rb") as file:
            file.seek(number * length)
            content = file.read(length)
    except OSError:
        return None
    return np.frombuffer(content, np.float32).reshape(size) if len(content) == length else None


def discard_partial(target: Path) -> None:
    """Delete what a run that was stopped has left."""
    shutil.rmtree(partial_folder(target), ignore_errors=True)
