"""Recordings in a folder of a lab, one entry each, with the sound that its layout keeps elsewhere.

Known layouts: the USC 75-speaker set, USC-TIMIT, ArtSpeech 1 and 2, BIDS. In all other folders every
file of a kind that is read is a recording, and so is a folder with one file a frame.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from cleartract.corpora.entries import OWN
from cleartract.errors import CorpusError
from cleartract.recordings.formats import FOLDER, READERS, SOUND_SUFFIXES, known_suffix, stem_of
from cleartract.recordings.mrd_trajectory import holds_trajectory

_FRAME_SUFFIXES = (".png", ".tif", ".tiff", ".npy", ".dcm")  # perhaps one file a frame
_USC = re.compile(r"(?P<token>(?P<speaker>sub\d+)_.+)_(?P<kind>recon\.h5|video\.mp4|raw\.h5)$")
_USC_KINDS = ("recon.h5", "video.mp4", "raw.h5")  # the first that is there: the MP4 is clipped
_RAW = (".h5", ".mrd", ".hdf5")
_BIDS = re.compile(r"(?P<token>.+)_(?:video|audiovideo|image)\.[A-Za-z0-9.]+$")
_NOT_FRAMES = (
    "NPY_MR",
    "NPY_MR_registered",
    "inference_contours",
)  # of ArtSpeech 2: made from .dcm
_WRITTEN = ("_uncertainty", *OWN)  # ends of the names of results


@dataclass(frozen=True)
class Found:
    """A recording in a folder.

    Attributes:
        path: A file, or a folder with one file a frame.
        place: Where its result belongs in a folder like this one, without the suffix.
        audio: The sound that the layout keeps elsewhere, or None.
        kind: Suffix that decides how it is read.
    """

    path: Path
    place: Path
    audio: Path | None
    kind: str


def find_recordings(inputs: tuple[Path, ...], pattern: str = "*") -> list[Found]:
    """All recordings in folders, and files that are named themselves, in the order of their names.

    Hidden files and folders, results and links to folders are left out.

    Args:
        inputs: Folders and files.
        pattern: Only recordings whose name fits, such as `*_rainbow_*.mp4`; `*` stands for any text.

    Raises:
        CorpusError: If there are none, or a file or folder is missing.
    """
    found: list[Found] = []
    for given in inputs:
        if not given.exists():
            raise CorpusError(f"{given}: no such file or folder")
        inside = given.is_dir() and not _is_series(given, _names(given))
        seen = list(_in_folder(given, given)) if inside else [_single(given)]
        found += [one for one in seen if one.path.match(pattern)]
    if not found:
        named = "" if pattern == "*" else f" named {pattern}"
        raise CorpusError(f"{', '.join(map(str, inputs))}: no recordings{named}")
    return _apart(sorted(set(found), key=lambda one: (one.place, str(one.path))))


def _single(path: Path) -> Found:
    named = Path(os.path.abspath(path))
    return Found(
        path, Path(named.name if path.is_dir() else stem_of(named)), None, known_suffix(path)
    )


def _apart(found: list[Found]) -> list[Found]:
    """Recordings whose results would have one name keep their suffix in it."""
    places = [str(one.place).lower() for one in found]
    result = []
    for one, place in zip(found, places, strict=True):
        if places.count(place) > 1:
            kind = one.path.name[len(stem_of(one.path)) :]
            suffix = "_frames" if one.kind == FOLDER else kind.replace(".", "_")
            one = Found(one.path, Path(f"{one.place}{suffix}"), one.audio, one.kind)
        result.append(one)
    if len({str(one.place).lower() for one in result}) < len(result):
        raise CorpusError(f"{found[0].path}: two recordings have one name; give them one by one")
    return result


def _names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))


def _in_folder(folder: Path, top: Path) -> Iterator[Found]:
    names = _names(folder)
    files = [name for name in names if (folder / name).is_file()]
    if folder != top and _is_series(folder, files):
        yield Found(folder, folder.relative_to(top), _art_speech_sound(folder), FOLDER)
        files = []
    usc = [match for name in files if (match := _USC.fullmatch(name))]
    for match in usc:
        if (best := _best_of_usc(folder, match)) is not None:
            yield Found(
                best, best.relative_to(top).with_suffix(""), _usc_sound(best, match), best.suffix
            )
    for name in files:
        path = folder / name
        kind = known_suffix(path)
        if kind not in READERS or _USC.fullmatch(name) or stem_of(path).endswith(_WRITTEN):
            continue
        beside_raw = kind == ".mat" and any(Path(other).suffix in _RAW for other in files)
        if beside_raw and holds_trajectory(path):
            continue
        if folder.name == "beh" and not _BIDS.fullmatch(name):
            continue
        place = path.relative_to(top).with_name(stem_of(path))
        yield Found(path, place, _sound_elsewhere(path), kind)
    for name in names:
        inside = folder / name
        if inside.is_dir() and not inside.is_symlink() and name not in _NOT_FRAMES:
            yield from _in_folder(inside, top)


def _best_of_usc(folder: Path, match: re.Match) -> Path | None:
    """The file itself, unless the set holds the same recording in a better kind."""
    for kind in _USC_KINDS[: _USC_KINDS.index(match["kind"])]:
        beside = [folder, folder.parent / kind.split(".")[0]]
        if any((place / f"{match['token']}_{kind}").is_file() for place in beside):
            return None
    return folder / match.group()


def _usc_sound(path: Path, match: re.Match) -> Path | None:
    name = f"{match['token']}_audio.wav"
    places = [path.parent / name, path.parent.parent / "audio" / name]
    for above in path.parents:  # the flat layout keeps denoised sound in a folder of its own
        places.append(above / "audios_denoised_16khz" / match["speaker"] / f"{path.stem}.wav")
    return next((place for place in places if place.is_file()), None)


def _sound_elsewhere(path: Path) -> Path | None:
    """Of USC-TIMIT (`avi/` and `wav/`), ArtSpeech 2 (in the speaker's name) and BIDS."""
    stem, folder = stem_of(path), path.parent
    places = []
    if folder.name.lower() == "avi":
        places.append(folder.parent / "wav" / f"{stem}.wav")
    if path.suffix.lower() == ".dcm":
        places.append(folder / f"{folder.parent.name}_{folder.name}.wav")
    if folder.name == "beh" and (match := _BIDS.fullmatch(path.name)) and "_video." in path.name:
        places += [folder / f"{match['token']}_audio{suffix}" for suffix in SOUND_SUFFIXES]
    return next((place for place in places if place.is_file()), None)


def _art_speech_sound(folder: Path) -> Path | None:
    """Of ArtSpeech 1: `P1/DCM_2D/S3` has `P1/OTHER/S3/DENOISED_SOUND_P1_S3.wav`."""
    if folder.parent.name != "DCM_2D":
        return None
    speaker = folder.parent.parent
    sound = speaker / "OTHER" / folder.name / f"DENOISED_SOUND_{speaker.name}_{folder.name}.wav"
    return sound if sound.is_file() else None


def _is_series(folder: Path, files: list[str]) -> bool:
    """Whether a folder holds one recording, one file a frame."""
    for suffix in _FRAME_SUFFIXES:
        alike = [name for name in files if name.lower().endswith(suffix)]
        if len(alike) > 1:
            return _holds_one_frame(folder / alike[0])
    return False


def _holds_one_frame(path: Path) -> bool:
    """Whether a file holds a single frame; files that cannot be read are judged by their kind."""
    suffix = path.suffix.lower()
    try:
        if suffix == ".npy":
            return np.load(path, mmap_mode="r", allow_pickle=False).ndim == 2
        if suffix == ".dcm" and find_spec("pydicom"):
            import pydicom

            header = pydicom.dcmread(path, stop_before_pixels=True)
            return int(header.get("NumberOfFrames") or 1) == 1
        if suffix in (".tif", ".tiff") and find_spec("tifffile"):
            import tifffile

            with tifffile.TiffFile(path) as file:
                return len(file.pages) == 1
    except Exception:
        return suffix == ".dcm"
    return True
