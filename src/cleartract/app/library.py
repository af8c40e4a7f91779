"""Recordings that the page may choose, by number: those in the folders given at the start."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from cleartract.corpora.layouts import find_recordings
from cleartract.errors import CorpusError, RecordingError
from cleartract.recordings.annotation_finder import companion_annotation
from cleartract.recordings.sidecar import sidecar_of
from cleartract.viewer.player import quickly_opened

MOST = 5000  # recordings that are listed
_NONE = ": no recordings"  # how the error of a folder without any ends


@dataclass(frozen=True)
class Recorded:
    """A recording that may be chosen.

    Attributes:
        number: Its number on the page.
        path: A file, or a folder with one file a frame.
        place: Where its result belongs in a folder like the one that it was found in, without suffix.
        audio: Sound that the folder's layout keeps elsewhere, or None.
        kind: Suffix that decides how it is read.
        top: Folder that it was found in.
    """

    number: int
    path: Path
    place: Path
    audio: Path | None
    kind: str
    top: Path

    @property
    def name(self) -> str:
        """As the page calls it."""
        return str(self.path.relative_to(self.top))


class Library:
    """All recordings in some folders.

    Args:
        folders: Searched with all that is in them; results are left out.
        uploads: Folder of what the page hands over.

    Raises:
        CorpusError: If a folder is missing, or is a file.
    """

    def __init__(self, folders: list[Path], uploads: Path) -> None:
        self.folders, self.uploads = [folder.absolute() for folder in folders], uploads.absolute()
        self._numbers: dict[Path, int] = {}
        self._recorded: dict[int, Recorded] = {}
        self._told: list[str] = []
        self._lock = threading.Lock()
        for folder in self.folders:
            if not folder.is_dir():
                raise CorpusError(f"{folder}: no such folder")
        self.scan()

    def scan(self) -> None:
        """Look again what is there; numbers stay those of before."""
        found: list[Recorded] = []
        told: list[str] = []
        for folder in self._searched():
            try:
                inside = find_recordings((folder,))
            except CorpusError as error:
                if not str(error).endswith(_NONE):
                    told.append(str(error))
                continue
            except OSError as error:
                told.append(f"{error.filename or folder}: cannot be read ({error.strerror})")
                continue
            for one in inside:
                if not self._foreign(folder, one.path) and not sidecar_of(one.path):
                    audio, number = one.audio, self._number(one.path)
                    found.append(Recorded(number, one.path, one.place, audio, one.kind, folder))
        if len(found) > MOST:
            told.append(f"{len(found)} recordings are there, the first {MOST} are listed")
        with self._lock:
            self._recorded, self._told = {one.number: one for one in found[:MOST]}, told

    def _searched(self) -> list[Path]:
        inside = any(self.uploads.is_relative_to(folder) for folder in self.folders)
        there = [self.uploads] if not inside and self.uploads.is_dir() else []
        return [*self.folders, *there]

    def _foreign(self, folder: Path, path: Path) -> bool:
        """Whether a recording also lies in a folder inside this one, which lists it itself."""
        others = [other for other in self.folders if other != folder]
        return any(other.is_relative_to(folder) and path.is_relative_to(other) for other in others)

    def _number(self, path: Path) -> int:
        with self._lock:
            return self._numbers.setdefault(path, len(self._numbers))

    def listed(self) -> dict[str, Any]:
        """For the page: the recordings, and what is wrong with folders."""
        with self._lock:
            recorded, told = list(self._recorded.values()), self._told
        named = [
            {"number": one.number, "name": one.name, "folder": one.top.name or str(one.top)}
            for one in recorded
        ]
        return {"recordings": named, "told": told}

    def __getitem__(self, number: int) -> Recorded:
        with self._lock:
            if number not in self._recorded:
                raise IndexError(number)
            return self._recorded[number]

    def numbered(self, path: Path) -> int:
        """Number of a recording that has been found.

        Raises:
            RecordingError: If it was not, because it lies in none of the folders.
        """
        with self._lock:
            for one in self._recorded.values():
                if one.path == path:
                    return one.number
        raise RecordingError(f"{path.name}: is no recording")


def facts(recorded: Recorded, rate: Fraction | None) -> dict[str, Any]:
    """What a recording is, without reading its frames.

    Raises:
        RecordingError: If it cannot be opened.
    """
    source = quickly_opened(recorded.path, recorded.audio, rate)
    annotation = companion_annotation(recorded.path)
    return {
        "name": recorded.name,
        "path": str(recorded.path),
        "frames": source.count,
        "rate": [source.rate.numerator, source.rate.denominator],
        "size": list(source.size),
        "seconds": float(source.count / source.rate),
        "sound": None if source.sound is None else source.sound.rate,
        "annotation": None if annotation is None else annotation.name,
        "warnings": list(source.provenance.get("warnings", [])),
        "cut": source.provenance.get("cut"),
    }
