"""Kinds of file that are read and written, by suffix, and the only demuxer tried for each.

Forcing the demuxer keeps a text file from posing as a playlist that opens its neighbours.
"""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path

from cleartract.errors import OutputError

VIDEO_SUFFIXES = {
    ".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".avi": "avi", ".mkv": "matroska",
    ".webm": "webm",
}  # fmt: skip
SOUND_SUFFIXES = (".wav", ".flac")
OUTPUT_SUFFIXES = (
    ".mp4", ".mov", ".avi", ".npz", ".mat", ".tif", ".tiff", ".gif", ".nii", ".nii.gz", ".dcm",
)  # fmt: skip
SERIES_SUFFIXES = (".png", ".tif", ".tiff", ".npy")  # of a folder with one file a frame
_SILENT = (".tif", ".tiff", ".gif", ".nii", ".nii.gz", ".dcm")  # hold no sound
_DOUBLE = (".nii.gz", ".ome.tif", ".ome.tiff", ".v5.mat")
_NUMBERED = re.compile(r"[^%]*%(?:0?[1-9])?d[^%]*")
FOLDER = "/"  # stands for a folder with one file a frame

READERS: dict[str, tuple[str, str, bool]] = {
    **dict.fromkeys(VIDEO_SUFFIXES, ("video_reader", "VideoSource", False)),
    **dict.fromkeys((".npz", ".npy"), ("array_reader", "ArraySource", True)),
    ".mat": ("matlab_reader", "MatlabSource", True),
    **dict.fromkeys((".h5", ".hdf5", ".mrd"), ("hdf5_reader", "open_hdf5", True)),
    **dict.fromkeys((".tif", ".tiff", ".gif"), ("image_reader", "ImageSource", True)),
    **dict.fromkeys((".nii", ".nii.gz"), ("nifti_reader", "NiftiSource", True)),
    ".dcm": ("dicom_reader", "DicomSource", True),
    FOLDER: ("image_reader", "open_folder", True),
}
"""Module and class that read a kind of file, and whether the class takes a frame rate."""
RESAMPLED = (*VIDEO_SUFFIXES, ".gif", ".dcm", FOLDER)  # kinds whose rate may be variable

_LIBRARIES = {
    ".tif": ("TIFF", "tifffile"), ".tiff": ("TIFF", "tifffile"), ".nii": ("NIfTI", "nibabel"),
    ".nii.gz": ("NIfTI", "nibabel"), ".dcm": ("DICOM", "pydicom"),
}  # fmt: skip


def known_suffix(path: Path) -> str:
    """The suffix that decides how a file is read: `.nii.gz` is one, a folder has `FOLDER`."""
    return FOLDER if path.is_dir() else output_suffix(path)


def output_suffix(target: Path) -> str:
    """The suffix that decides how a file is written: `.nii.gz` is one."""
    last_two = "".join(target.suffixes[-2:]).lower()
    return last_two if last_two in READERS else target.suffix.lower()


def stem_of(path: Path) -> str:
    """The name of a recording without its suffix: `scan` of `scan.nii.gz`; of a folder the whole."""
    suffix = known_suffix(path)
    if suffix == FOLDER:
        return path.name
    double = next((two for two in _DOUBLE if path.name.lower().endswith(two)), suffix)
    stem = path.name[: len(path.name) - len(double)]
    return stem or path.stem


def is_series(target: Path) -> bool:
    """Whether a result is a folder with one file a frame, as `FOLDER/%05d.png`."""
    return target.suffix.lower() in SERIES_SUFFIXES and bool(_NUMBERED.fullmatch(target.name))


def stored_at(target: Path) -> Path:
    """The file or folder that a result is: FOLDER for `FOLDER/%05d.png`."""
    return target.parent if is_series(target) else target


def holds_no_sound(target: Path) -> bool:
    """Whether a result is of a kind that holds frames alone."""
    return is_series(target) or output_suffix(target) in _SILENT


def ffmpeg_name(path: Path) -> str:
    """A path as FFmpeg takes it: absolute, because `http:` or `file:` would begin a URL."""
    return os.path.abspath(path)


def check_output_kind(target: Path) -> None:
    """Refuse a result whose name asks for a kind of file that is not written.

    Raises:
        OutputError: If its suffix is none of `OUTPUT_SUFFIXES`, or its library is missing; if a
            series has no folder of its own.
    """
    suffix = output_suffix(target)
    if is_series(target):
        if target.parent.name in ("", ".."):
            raise OutputError(
                f"{target}: one file a frame needs a folder of its own; name it FOLDER/{target.name}"
            )
    elif suffix in SERIES_SUFFIXES and suffix not in OUTPUT_SUFFIXES:
        raise OutputError(
            f"{target}: would hold one frame; name a folder of them: {target.stem}/%05d{suffix}"
        )
    elif suffix not in OUTPUT_SUFFIXES:
        raise OutputError(
            f"{target}: unknown kind of output; name it {', '.join(OUTPUT_SUFFIXES)} or FOLDER/%05d.png"
        )
    if suffix in _LIBRARIES and find_spec(_LIBRARIES[suffix][1]) is None:
        kind, library = _LIBRARIES[suffix]
        raise OutputError(
            f"{target}: {kind} needs the library {library}; "
            "install: pip install 'cleartract[formats]'"
        )
