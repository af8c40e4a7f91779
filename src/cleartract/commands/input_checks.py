"""Inputs that are refused before any work."""

from __future__ import annotations

from cleartract.denoising.settings import DenoiseSettings
from cleartract.errors import RecordingError, UsageError
from cleartract.recordings.source import FrameSource
from cleartract.recordings.windows import SlidingWindowTransform

_BYTES = 2500  # of memory for each pixel of the windows at work, measured with the shipped weights
_FACTOR, _APART = 1.5, 1.0  # sound is refused that is longer by the factor, and by so much [s]


def check_memory(source: FrameSource, settings: DenoiseSettings, most: float) -> None:
    """Refuse windows that would need too much memory; a file of few bytes may ask for it.

    Args:
        source: The recording.
        settings: Windows and batch.
        most: What may be used [GB].

    Raises:
        UsageError: If more would be needed.
    """
    cut = SlidingWindowTransform(settings.window_duration, settings.step_duration)
    windows = cut.windows(source.count, source.rate)
    height, width = source.size
    together = min(settings.batch or 1, len(windows))
    needed = _BYTES * height * width * windows[0].frames * together / 1e9
    if needed > most:
        raise UsageError(
            f"{source.name}: {together} window(s) of {windows[0].frames} frames of {width}x{height} "
            f"pixels need about {needed:.1f} GB, more than --max-memory {most:g}; give shorter windows, "
            "a smaller --batch, or more memory"
        )


def check_sound(source: FrameSource, samples: int) -> None:
    """Refuse sound whose length says that it is another recording's.

    Args:
        source: The recording.
        samples: Length of its sound [samples].

    Raises:
        RecordingError: If it is.
    """
    if source.sound is None:
        return
    heard, shown = samples / source.sound.rate, float(source.count / source.rate)
    if abs(heard - shown) > _APART and not 1 / _FACTOR <= heard / shown <= _FACTOR:
        raise RecordingError(
            f"{source.name}: {heard:.2f} s of sound and {shown:.2f} s of frames do not belong together; "
            "give the right --audio, --audio-offset 0 to use it all the same, or --no-audio"
        )
