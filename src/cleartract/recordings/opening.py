"""Open a recording, whatever its kind."""

from __future__ import annotations

import importlib
from fractions import Fraction
from pathlib import Path

from cleartract.errors import RecordingError
from cleartract.recordings.formats import READERS, known_suffix
from cleartract.recordings.recording import Recording
from cleartract.recordings.source import FrameSource, in_memory


def open_source(
    path: str | Path, audio: str | Path | None = None, rate: Fraction | None = None
) -> FrameSource:
    """Look at a recording without reading its frames.

    The sound comes from `audio` if given, else from the file itself, else from a .wav or .flac of
    the same name beside it.

    Args:
        path: A file of one of the kinds in `READERS`, or a folder with one file a frame.
        audio: A sound file of any length, or a video with sound.
        rate: Frames per second, for kinds of file that hold none.

    Raises:
        RecordingError: If a file is missing, damaged or of an unsupported kind, or if a rate is
            missing or contradicts the file's.
    """
    path, chosen = Path(path), None if audio is None else Path(audio)
    suffix = known_suffix(path)
    module, kind, told = READERS[suffix] if suffix in READERS else READERS[".mp4"]
    reader = getattr(importlib.import_module(f"cleartract.recordings.{module}"), kind)
    if told:
        return reader(path, chosen, rate)
    source = reader(path, chosen)
    if rate is not None and rate != source.rate:
        raise RecordingError(
            f"{path}: holds {source.rate} frames a second; leave out the rate {rate}"
        )
    return source


def open_recording(
    path: str | Path, audio: str | Path | None = None, rate: Fraction | None = None
) -> Recording:
    """Read a whole recording with its sound; arguments and errors as `open_source`.

    Returns:
        Frames in the file's own unit: grey levels (0 to 255, or 0 to 65535) or real numbers.

    Raises:
        RecordingError: If a file is missing, damaged, in colour, or of an unsupported kind.
    """
    return in_memory(open_source(path, audio, rate))
