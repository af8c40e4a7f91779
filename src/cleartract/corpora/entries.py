"""Recordings in a folder: simulated ones, the USC 75-speaker layout, AVI + WAV pairs."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from cleartract.errors import CorpusError
from cleartract.recordings.formats import VIDEO_SUFFIXES
from cleartract.recordings.video_io import probe
from cleartract.types import exact_rate

OWN = ("_cleartract", "_cleartract_master", "_generated")  # ends of names that we give


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


def find_entries(folder: Path, split: str) -> list[Entry]:
    """Recordings of a split in a folder and all its subfolders.

    Raises:
        CorpusError: If there are none, or one is damaged.
    """
    if not folder.is_dir():
        raise CorpusError(f"{folder}: no such folder of recordings")
    entries, elsewhere = [], 0
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".npz" and path.name.startswith("recording"):
            entry, own_split = _simulated_entry(path)
        elif path.suffix.lower() in VIDEO_SUFFIXES and not path.stem.endswith(OWN):
            found = probe(path)
            speaker = speaker_of(path.relative_to(folder.parent))
            entry = Entry(path, speaker, found.frames, found.size, found.rate, simulated=False)
            own_split = hashed_split(speaker)
        else:
            continue
        if split in ("all", own_split) and entry.frames > 0:
            entries.append(entry)
        else:
            elsewhere += 1
    if not entries:
        others = f" among {elsewhere}; splits are by speaker, so add speakers" if elsewhere else ""
        raise CorpusError(f"{folder}: no recordings of the split {split!r}{others}")
    return entries


def _simulated_entry(path: Path) -> tuple[Entry, str]:
    """Read the header only: a corpus of hours opens in seconds."""
    try:
        return _read_header(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise CorpusError(f"{path}: not a simulated recording ({error}); remove it") from error


def _read_header(path: Path) -> tuple[Entry, str]:
    with zipfile.ZipFile(path) as archive, archive.open("clean.npy") as member:
        np.lib.format.read_magic(member)
        shape, _, _ = np.lib.format.read_array_header_1_0(member)
    with np.load(path, allow_pickle=False) as file:
        rate = exact_rate(file["rate"])
        parameters = json.loads(str(file["parameters"]))
    entry = Entry(path, parameters["speaker"], shape[0], (shape[1], shape[2]), rate, simulated=True)
    return entry, parameters["split"]
