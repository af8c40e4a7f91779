"""Open a recording, whatever its kind."""

from __future__ import annotations

from pathlib import Path

from cleartract.recordings.array_reader import ArraySource
from cleartract.recordings.formats import ARRAY_SUFFIXES
from cleartract.recordings.recording import Recording
from cleartract.recordings.source import FrameSource, in_memory
from cleartract.recordings.video_reader import VideoSource


def open_source(path: str | Path, audio: str | Path | None = None) -> FrameSource:
    """Look at a recording without reading its frames.

    The sound comes from `audio` if given, else from the file itself, else from a .wav or .flac of
    the same name beside it.

    Args:
        path: .mp4, .m4v, .mov, .avi, .mkv, .npz or .npy.
        audio: A sound file of any length, or a video with sound.

    Raises:
        RecordingError: If a file is missing, damaged or of an unsupported kind.
    """
    path, chosen = Path(path), None if audio is None else Path(audio)
    kind = ArraySource if path.suffix.lower() in ARRAY_SUFFIXES else VideoSource
    return kind(path, chosen)


def open_recording(path: str | Path, audio: str | Path | None = None) -> Recording:
    """Read a whole recording with its sound; arguments and errors as `open_source`.

    Returns:
        Frames in the file's own grey levels (0 to 255, or 0 to 65535 for deeper formats).

    Raises:
        RecordingError: If a file is missing, damaged, in colour, or of an unsupported kind.
    """
    return in_memory(open_source(path, audio))
