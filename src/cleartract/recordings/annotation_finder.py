"""Find the annotation that belongs to a recording, where labs put it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from cleartract.errors import RecordingError
from cleartract.recordings.annotation_reader import ANNOTATION_SUFFIXES, read_annotation
from cleartract.recordings.annotations import Annotation
from cleartract.recordings.formats import FOLDER, known_suffix, stem_of

_RESULT = "_cleartract"  # the end of a result's name; its annotation has the recording's
_MADE_FROM = ("NPY_MR", "NPY_MR_registered")  # of ArtSpeech 2: frames inside the recording's folder
_VERSIONS = ("adjusted", "denoised", "original")  # of ArtSpeech 2, the best first


def companion_annotation(path: Path) -> Path | None:
    """The annotation file of a recording, or None.

    It has the recording's name, is the only one in a folder that holds one file a frame, or lies
    where ArtSpeech 1 and 2 keep it.
    """
    return next(_candidates(Path(os.path.abspath(path))), None)


def annotation_for(
    recordings: Iterable[Path], named: Path | None = None
) -> tuple[Annotation | None, str | None]:
    """The annotation of the first recording that has one, and what is wrong with it.

    Args:
        recordings: Recordings of the same frames.
        named: The file to read instead.

    Returns:
        The annotation, or None; and a warning, or None, where the file found cannot be read.

    Raises:
        RecordingError: If the file that was named cannot be read.
    """
    if named is not None:
        return read_annotation(named), None
    found = next((file for path in recordings if (file := companion_annotation(path))), None)
    if found is None:
        return None, None
    try:
        return read_annotation(found), None
    except RecordingError as error:
        return None, f"{error}; words and phones are left out"


def _candidates(path: Path) -> Iterator[Path]:
    suffix = known_suffix(path)
    stem = stem_of(path)
    yield from _files(path.parent, re.escape(stem))
    if stem.endswith(_RESULT):
        yield from _files(path.parent, re.escape(stem.removesuffix(_RESULT)))
    folder = path if suffix == FOLDER else path.parent
    if folder.name in _MADE_FROM:
        folder = folder.parent
    if folder.parent.name == "DCM_2D":
        yield from _files(folder.parents[1] / "OTHER" / folder.name, "text_alignment_.*")
    if re.fullmatch(r"S\d+", folder.name):
        for version in _VERSIONS:
            yield from _files(folder, f".*_{version}")
    if suffix == FOLDER and len(inside := list(_files(path, ".*"))) == 1:
        yield from inside


def _files(folder: Path, stem: str) -> Iterator[Path]:
    """Annotation files whose name without suffix fits, those of Praat first."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for suffix in ANNOTATION_SUFFIXES:
        for name in names:
            fits = re.fullmatch(stem + re.escape(suffix), name, re.IGNORECASE)
            if fits and not name.startswith(".") and (folder / name).is_file():
                yield folder / name
