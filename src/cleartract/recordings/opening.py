"""Open a recording, whatever its kind."""

from __future__ import annotations

import importlib
from fractions import Fraction
from pathlib import Path

from cleartract.errors import RecordingError
from cleartract.recordings.formats import READERS, RESAMPLED, known_suffix
from cleartract.recordings.recording import Recording
from cleartract.recordings.resampling import resampled
from cleartract.recordings.sound import companions_left_out
from cleartract.recordings.sound_stream import StreamSound
from cleartract.recordings.source import FrameSource, in_memory


def open_source(
    path: str | Path,
    audio: str | Path | None = None,
    rate: Fraction | None = None,
    resample: bool = False,
) -> FrameSource:
    """Look at a recording without reading its frames.

    The sound comes from `audio` if given, else from the file itself, else from a .wav or .flac of
    the same name beside it.

    Args:
        path: A file of one of the kinds in `READERS`, or a folder with one file a frame.
        audio: A sound file of any length, or a video with sound.
        rate: Frames per second, for kinds of file that hold none.
        resample: Whether a variable frame rate is put onto a constant one, see `Resampling`.

    Raises:
        RecordingError: If a file is missing, damaged or of an unsupported kind, or if a rate is
            missing or contradicts the file's.
    """
    if path == "":  # as a `Path` it is this folder
        raise RecordingError("a recording has no name; give a file")
    path, chosen = Path(path), None if audio is None else Path(audio)
    suffix = known_suffix(path)
    module, kind, told = READERS[suffix] if suffix in READERS else READERS[".mp4"]
    reader = getattr(importlib.import_module(f"cleartract.recordings.{module}"), kind)
    options = {"resample": True} if resample and suffix in RESAMPLED else {}
    if told:
        timed: FrameSource = resampled(reader(path, chosen, rate, **options))
        return timed
    source: FrameSource = resampled(reader(path, chosen, **options))
    if rate is not None and rate != source.rate:
        raise RecordingError(
            f"{path}: holds {source.rate} frames a second; leave out the rate {rate}"
        )
    return source


def open_with_usable_sound(
    path: Path, rate: Fraction | None = None, resample: bool = False, salvage: bool = False
) -> tuple[FrameSource, RecordingError | None]:
    """A source whose sound is left out where it is damaged, and what is wrong with it.

    Args:
        path: As `open_source`.
        rate: As `open_source`.
        resample: As `open_source`.
        salvage: Whether what is whole of the sound of a video is kept.

    Raises:
        RecordingError: As `open_source`, but not for a sound file beside the recording.
    """
    try:
        source = open_source(path, None, rate, resample)
    except RecordingError as error:
        with companions_left_out():
            return open_source(path, None, rate, resample), error
    try:
        for _ in source.sound.blocks() if source.sound is not None else ():
            pass
    except RecordingError as error:
        kept = source.sound.without_damage() if isinstance(source.sound, StreamSound) else None
        source.sound = kept if salvage else None
        if source.sound is None:
            source.provenance["audio"] = None
        return source, error
    return source, None


def open_recording(
    path: str | Path,
    audio: str | Path | None = None,
    rate: Fraction | None = None,
    resample: bool = False,
) -> Recording:
    """Read a whole recording with its sound; arguments and errors as `open_source`.

    Returns:
        Frames in the file's own unit: grey levels (0 to 255, or 0 to 65535) or real numbers.

    Raises:
        RecordingError: If a file is missing, damaged, in colour, or of an unsupported kind.
    """
    return in_memory(open_source(path, audio, rate, resample))
