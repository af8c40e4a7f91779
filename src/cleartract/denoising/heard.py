"""The sound that frames are made for, and how long and fast a video is that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np

from cleartract.errors import RecordingError
from cleartract.recordings.formats import VIDEO_SUFFIXES
from cleartract.recordings.opening import open_source
from cleartract.recordings.sound import open_sound, whole


@dataclass(frozen=True)
class Heard:
    """A sound to make frames for.

    Attributes:
        samples: (sample,) float32.
        sample_rate: [Hz].
        rate: Frames per second of the video that the sound belongs to, or None.
        warnings: What to say about it.
    """

    samples: np.ndarray
    sample_rate: int
    rate: Fraction | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path, seconds: float | None = None) -> Heard:
        """Read a sound file, or the sound of a video.

        The sound of a video is cut, or filled with silence, to the length of its frames: frames
        that are made for it at its rate are as many, and belong to the same moments.

        Args:
            path: The file.
            seconds: Length that is wanted [s]; by default all of it.

        Raises:
            RecordingError: If it cannot be read or holds no sound.
        """
        sound = open_sound(path)
        samples, rate, warnings = whole(sound), None, []
        if path.suffix.lower() in VIDEO_SUFFIXES:
            try:
                video = open_source(path)
            except RecordingError as error:  # its frames are not needed
                fault = str(error).removeprefix(f"{path}: ").split(";")[0]
                warnings.append(f"length and frame rate are not taken from the video: {fault}")
            else:
                rate, wanted = video.rate, ceil(video.count / video.rate * sound.rate)
                samples = np.pad(samples[:wanted], (0, max(0, wanted - len(samples))))
        if seconds is not None:
            lasts = len(samples) / sound.rate
            if seconds > lasts + 0.5 / sound.rate:
                warnings.append(
                    f"the sound lasts {lasts:.2f} s, less than the {seconds:g} s asked for"
                )
            samples = samples[: round(seconds * sound.rate)]
        return cls(samples, sound.rate, rate, tuple(warnings))
