"""A recording: frames, their exact rate, the sound, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from cleartract.errors import RecordingError
from cleartract.types import Frames, Waveform

BRIGHT = 99.5  # percentile of the frames that becomes intensity 1
DARK = 0.1  # percentile that becomes intensity 0


@dataclass(frozen=True)
class Intensity:
    """Affine intensity scale of a whole recording: normalised = (value - offset) / scale."""

    offset: float
    scale: float

    @classmethod
    def of(cls, frames: np.ndarray) -> Intensity:
        """Scale of some frames, from robust percentiles.

        Args:
            frames: (frame, height, width), any unit.
        """
        step = max(1, len(frames) // 200)
        dark, bright = np.percentile(frames[::step], (DARK, BRIGHT))
        return cls(float(dark), max(float(bright - dark), 1e-12))

    def apply(self, frames: np.ndarray) -> np.ndarray:
        """The recording's own unit -> normalised intensity."""
        return ((frames - self.offset) / self.scale).astype(np.float32)

    def undo(self, frames: np.ndarray) -> np.ndarray:
        """Normalised intensity -> the recording's own unit."""
        return (frames * self.scale + self.offset).astype(np.float32)


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
        is heard like a loud one.
        """
        return prepared_audio(*self.sound, sample_rate) if self.sound else None


def prepared_audio(audio: np.ndarray, sample_rate: int, wanted: int) -> np.ndarray:
    """Resample a waveform [Hz] and bring its loud parts to a root mean square of 0.1."""
    import soxr

    resampled = soxr.resample(np.asarray(audio, np.float32), sample_rate, wanted)
    size = max(1, wanted // 50)
    blocks = resampled[: len(resampled) // size * size].reshape(-1, size)
    loud = float(np.percentile(np.sqrt((blocks**2).mean(1)), 90)) if len(blocks) else 0.0
    return resampled * np.float32(0.1 / loud) if loud > 1e-5 else resampled
