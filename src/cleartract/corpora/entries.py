"""Recordings in a folder: simulated ones, the USC 75-speaker layout, AVI + WAV pairs."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from cleartract.corpora.simulated import SimulatedHeader, kind_of
from cleartract.errors import ClearTractError, CorpusError
from cleartract.recordings.formats import VIDEO_SUFFIXES
from cleartract.recordings.video_reader import probe

OWN = ("_cleartract", "_cleartract_master", "_generated")  # ends of the names of results


@dataclass(frozen=True)
class Entry:
    """One recording of a data set.

    Attributes:
        path: Its file.
        speaker: Who speaks; splits never share a speaker.
        frames: Number of frames [frames].
        size: (height, width) [pixels].
        rate: Frames per second, exact.
        simulated: Whether the file holds the clean truth.
    """

    path: Path
    speaker: str
    frames: int
    size: tuple[int, int]
    rate: Fraction
    simulated: bool


def hashed_split(speaker: str) -> str:
    """Split of a speaker of a real corpus, from a hash of the name: 6/8 train, 1/8, 1/8."""
    bucket = hashlib.sha256(speaker.encode()).digest()[0] % 8
    return {0: "test", 1: "validation"}.get(bucket, "train")


def speaker_of(path: Path) -> str:
    """Speaker of a real recording: a `subXYZ` folder, `f1` or `m1` in the name, else the name up to `_`."""
    named = re.search(r"(?:^|_)([fm]\d+)(?:_|$)", path.stem, re.IGNORECASE)
    for part in reversed(path.parts[:-1]):
        if re.fullmatch(r"sub\d+", part):
            return part
    return named.group(1).upper() if named else path.stem.split("_")[0]


def find_entries(
    folder: Path, split: str, damaged: dict[Path, ClearTractError] | None = None
) -> list[Entry]:
    """Recordings of a split in a folder and all its subfolders.

    Args:
        folder: Where.
        split: `train`, `validation`, `test` or `all`.
        damaged: Takes those that cannot be read, whatever their split, so that they stop nothing.

    Raises:
        CorpusError: If there are none.
        RecordingError: If one is damaged, and `damaged` is not given.
    """
    if not folder.is_dir():
        raise CorpusError(f"{folder}: no such folder of recordings")
    entries, elsewhere = [], 0
    for path in sorted(folder.rglob("*")):
        try:
            found = _entry(path, folder)
        except ClearTractError as error:
            if damaged is None:
                raise
            damaged[path] = error
            continue
        if found is None:
            continue
        entry, own_split = found
        if split in ("all", own_split) and entry.frames > 0:
            entries.append(entry)
        else:
            elsewhere += 1
    if not entries:
        others = f" among {elsewhere}; splits are by speaker, so add speakers" if elsewhere else ""
        raise CorpusError(f"{folder}: no recordings of the split {split!r}{others}")
    return entries


def _entry(path: Path, folder: Path) -> tuple[Entry, str] | None:
    """A recording and its split; None where a file is none."""
    if any(part.startswith(".") for part in path.relative_to(folder).parts):
        return None  # what a killed run has left
    if kind_of(path) == "recording":
        header = SimulatedHeader.load(path)
        simulated = Entry(path, header.speaker, header.frames, header.size, header.rate, True)
        return simulated, header.split
    if path.suffix.lower() in VIDEO_SUFFIXES and not path.stem.endswith(OWN):
        video, speaker = probe(path), speaker_of(path.relative_to(folder.parent))
        real = Entry(path, speaker, video.frames, video.size, video.rate, False)
        return real, hashed_split(speaker)
    return None
