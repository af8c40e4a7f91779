"""Windows of consecutive frames with the sound that belongs to them, cut from a recording."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cleartract.errors import WindowError

LONGEST = 10_000  # frames of a window; two minutes at 83 frames a second


@dataclass(frozen=True)
class Window:
    """Consecutive frames of a recording.

    Attributes:
        first: First frame [frames].
        frames: Number of frames [frames].
        rate: Frames per second, exact.
    """

    first: int
    frames: int
    rate: Fraction

    @property
    def centre(self) -> Fraction:
        """Middle of the window [s], exact. Frame f lasts from f / rate to (f + 1) / rate."""
        return (self.first + Fraction(self.frames, 2)) / self.rate

    def frame_indices(self, total: int) -> np.ndarray:
        """Frames of the window in a recording of `total` frames, reflected beyond its ends."""
        indices = np.arange(self.first, self.first + self.frames)
        if total == 1:
            return np.zeros_like(indices)
        period = 2 * (total - 1)
        folded = np.abs(indices) % period
        return np.where(folded < total, folded, period - folded)

    def frame_times(self) -> np.ndarray:
        """Middle of each frame relative to the window's centre [s], (frame,)."""
        return (np.arange(self.frames) + 0.5 - self.frames / 2) / float(self.rate)

    def audio_span(self, sample_rate: int, context: float = 0.0) -> tuple[int, int]:
        """First sample and number of samples of the window's sound.

        Args:
            sample_rate: Of the sound [Hz].
            context: Sound before and after the frames [s].

        Returns:
            First sample (may be negative) and count; the same count for all windows of one length.
        """
        extra = Fraction(context).limit_denominator(1_000_000)
        start = (Fraction(self.first) / self.rate - extra) * sample_rate
        count = (Fraction(self.frames) / self.rate + 2 * extra) * sample_rate
        return round(start), round(count)

    def audio(self, waveform: np.ndarray, sample_rate: int, context: float = 0.0) -> np.ndarray:
        """The window's sound, zero beyond the ends of the waveform."""
        start, count = self.audio_span(sample_rate, context)
        result = np.zeros(count, np.float32)
        low, high = max(start, 0), min(start + count, len(waveform))
        if high > low:
            result[low - start : high - start] = waveform[low:high]
        return result

    def audio_start(self, sample_rate: int, context: float = 0.0) -> float:
        """Time of the first sample relative to the window's centre [s]."""
        start, _ = self.audio_span(sample_rate, context)
        return float(Fraction(start, sample_rate) - self.centre)


@dataclass(frozen=True)
class SlidingWindowTransform:
    """Cuts a recording into overlapping windows.

    Attributes:
        window_duration: Length of a window: [frames] if an int, [s] if a float or Fraction.
        step_duration: From one window to the next: [frames] if an int, else [s].
    """

    window_duration: int | float | Fraction = 5
    step_duration: int | float | Fraction = 2

    def window_frames(self, rate: Fraction) -> int:
        """Length of a window at a frame rate [frames]."""
        return _frames(self.window_duration, rate, "window_duration")

    def step_frames(self, rate: Fraction) -> int:
        """Step at a frame rate [frames]."""
        return _frames(self.step_duration, rate, "step_duration")

    def windows(self, total: int, rate: Fraction) -> list[Window]:
        """Windows that cover a recording.

        The last window is shifted to end with the recording. A recording shorter than one window
        gets a single one, whose frames are reflected.

        Args:
            total: Frames of the recording [frames].
            rate: Frames per second.

        Raises:
            WindowError: If durations are not positive, the window is longer than `LONGEST`, or the
                step is longer than the window.
        """
        frames, step = self.window_frames(rate), self.step_frames(rate)
        if step > frames:
            raise WindowError(
                f"step of {step} frames is longer than the window of {frames}: frames would be lost"
            )
        if total < 1:
            raise WindowError("a recording without frames has no windows")
        last = max(total - frames, 0)
        starts = [*range(0, last, step), last]
        return [Window(first, frames, rate) for first in starts]


def _frames(duration: int | float | Fraction, rate: Fraction, name: str) -> int:
    if isinstance(duration, bool) or not float(duration) > 0 or float(duration) == float("inf"):
        raise WindowError(f"{name} must be positive and finite, got {duration}")
    frames = duration if isinstance(duration, int) else float(duration) * float(rate)
    if frames > LONGEST:
        raise WindowError(f"{name} must be {LONGEST} frames at most, not {duration:g}")
    return max(1, round(frames))
