"""Kinds of file that are read and written, by suffix, and the only demuxer tried for each.

Forcing the demuxer keeps a text file from posing as a playlist that opens its neighbours.
"""

from pathlib import Path

from cleartract.errors import OutputError

VIDEO_SUFFIXES = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".avi": "avi", ".mkv": "matroska"}
ARRAY_SUFFIXES = (".npz", ".npy")
SOUND_SUFFIXES = (".wav", ".flac")
OUTPUT_SUFFIXES = (".mp4", ".mov", ".avi", ".npz")


def check_output_kind(target: Path) -> None:
    """Refuse a result whose name asks for a kind of file that is not written.

    Raises:
        OutputError: If its suffix is none of `OUTPUT_SUFFIXES`.
    """
    if target.suffix.lower() not in OUTPUT_SUFFIXES:
        raise OutputError(f"{target}: unknown kind of output; name it {', '.join(OUTPUT_SUFFIXES)}")
