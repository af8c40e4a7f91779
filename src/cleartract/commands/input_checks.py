"""Inputs that are refused before any work."""

from __future__ import annotations

from pathlib import Path

from cleartract.commands.outputs import counted
from cleartract.denoising.settings import DenoiseSettings
from cleartract.errors import RecordingError, UsageError
from cleartract.recordings.opening import open_source
from cleartract.recordings.recording import Recording
from cleartract.recordings.source import FrameSource, in_memory, start_of
from cleartract.recordings.windows import SlidingWindowTransform

_BYTES = 2500  # of memory for each pixel of the windows at work, measured with the shipped weights
_COPIES = 4  # of all frames, where a recording is worked on as a whole
_FACTOR, _APART = 1.5, 0.2  # sound is refused that is longer by the factor, and by so much [s]


def check_memory(source: FrameSource, settings: DenoiseSettings, most: float) -> None:
    """Refuse windows that would need too much memory; a file of few bytes may ask for it.

    Args:
        source: The recording.
        settings: Windows and batch.
        most: What may be used [GB].

    Raises:
        UsageError: If more would be needed.
    """
    _check_limit(most)
    cut = SlidingWindowTransform(settings.window_duration, settings.step_duration)
    windows = cut.windows(source.count, source.rate)
    height, width = source.size
    together = min(settings.batch or 1, len(windows))
    needed = _BYTES * height * width * windows[0].frames * together / 1e9
    if needed > most:
        raise UsageError(
            f"{source.name}: {counted(together, 'window')} of {counted(windows[0].frames, 'frame')} "
            f"of {width}x{height} pixels would take about {needed:.1f} GB, more than --max-memory "
            f"{most:g}; give shorter windows, a smaller --batch, or more memory"
        )


def _check_limit(most: float) -> None:
    if not most > 0:
        raise UsageError(f"--max-memory: a positive number of GB, not {most:g}")


def opened_whole(path: Path, most: float) -> Recording:
    """A recording in memory; arguments and errors as `open_source` and `check_whole`."""
    source = open_source(path)
    check_whole(source, most)
    return in_memory(source)


def check_whole(source: FrameSource, most: float) -> None:
    """Refuse a recording that is worked on as a whole and is too large for that, by its header.

    Args:
        source: The recording.
        most: Memory that may be used [GB].

    Raises:
        UsageError: If more would be needed.
    """
    _check_limit(most)
    height, width = source.size
    needed = 4 * _COPIES * source.count * height * width / 1e9
    if needed > most:
        raise UsageError(
            f"{source.name}: {counted(source.count, 'frame')} of {width}x{height} pixels would take about "
            f"{needed:.1f} GB, more than --max-memory {most:g}; cut the recording, or allow more"
        )


def check_sound(source: FrameSource, samples: int) -> None:
    """Refuse sound whose length says that it is another recording's.

    Args:
        source: The recording.
        samples: Length of its sound, from the beginning of the first frame [samples].

    Raises:
        RecordingError: If it is.
    """
    if source.sound is None:
        return
    end, shown = samples / source.sound.rate, float(source.count / source.rate)
    heard = end - max(0.0, start_of(source.sound))  # silence stands for a late start
    fits = (abs(t - shown) <= _APART or 1 / _FACTOR <= t / shown <= _FACTOR for t in (heard, end))
    if not any(fits):
        raise RecordingError(
            f"{source.name}: {heard:.2f} s of sound and {shown:.2f} s of frames do not belong together; "
            "give the right --audio, --audio-offset 0 to use it all the same, or --no-audio"
        )
