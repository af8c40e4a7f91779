"""A recording: frames, their exact rate, the sound, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from cleartract.errors import RecordingError
from cleartract.recordings.waveform import prepared_audio
from cleartract.types import Frames, Waveform


@dataclass(frozen=True)
class Recording:
    """Real-time MRI video with its sound.

    Attributes:
        frames: (frame, height, width) float32, in the file's own unit.
        rate: Frames per second, exact.
        audio: Mono sound, (sample,) float32 in [-1, 1], or None.
        sample_rate: Of the sound [Hz], or None.
        peak: Largest value the file's format can hold (255 for 8 bit), or None.
        provenance: Where it comes from: path, codec, pixel format, warnings.
    """

    frames: Frames
    rate: Fraction
    audio: Waveform | None = None
    sample_rate: int | None = None
    peak: float | None = None
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        name = self.provenance.get("path", "recording")
        if self.frames.ndim != 3 or 0 in self.frames.shape:
            shape = self.frames.shape
            raise RecordingError(f"{name}: frames must be (frame, height, width), got {shape}")
        if not np.isfinite(self.frames).all():
            raise RecordingError(
                f"{name}: frames hold values that are not finite; repair them first"
            )
        if (self.audio is None) != (self.sample_rate is None):
            raise RecordingError(f"{name}: audio and sample_rate must be given together")

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def duration(self) -> float:
        """Length of the video [s]."""
        return float(len(self.frames) / self.rate)

    @property
    def sound(self) -> tuple[np.ndarray, int] | None:
        """Waveform and its sample rate [Hz], or None."""
        if self.audio is None or self.sample_rate is None:
            return None
        return self.audio, self.sample_rate

    def excerpt(self, first: int, frames: int) -> Recording:
        """Some consecutive frames with the sound that belongs to them."""
        audio = self.audio
        if audio is not None and self.sample_rate is not None:
            start = round(first / self.rate * self.sample_rate)
            audio = audio[start : start + round(frames / self.rate * self.sample_rate)]
        return replace(self, frames=self.frames[first : first + frames], audio=audio)

    def audio_at(self, sample_rate: int) -> np.ndarray | None:
        """The sound at another rate [Hz], at a common loudness, or None.

        The loudest tenth of the sound gets a root mean square of 0.1, so that a quiet recording
        sounds like a loud one.
        """
        return prepared_audio(*self.sound, sample_rate) if self.sound else None
