"""Windows of consecutive frames with the sound that belongs to them, and overlap-add."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from cleartract.errors import WindowError

Blend = Literal["hann", "triangular", "uniform"]


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
            WindowError: If durations are not positive or the step is longer than the window.
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
    return duration if isinstance(duration, int) else max(1, round(float(duration) * float(rate)))


def blend_weights(frames: int, blend: Blend = "hann") -> np.ndarray:
    r"""Weights of a window's frames, (frame,) float64, strictly positive.

    .. math:: h_k = \sin^2\!\left(\pi \tfrac{k + 1/2}{n}\right) \text{ (Hann)}, \quad
              h_k = 1 - \left|\tfrac{2 k + 1}{n} - 1\right| + \tfrac1n \text{ (triangular)}

    Raises:
        WindowError: If the blend is unknown.
    """
    k = np.arange(frames)
    if blend == "hann":
        return np.sin(np.pi * (k + 0.5) / frames) ** 2
    if blend == "triangular":
        return 1 - np.abs((2 * k + 1) / frames - 1) + 1 / frames
    if blend == "uniform":
        return np.ones(frames)
    raise WindowError(f"unknown blend {blend!r}: choose hann, triangular or uniform")


class OverlapAdd:
    r"""Blends overlapping windows into one video, window by window, in any order.

    .. math:: y_f = \sum_w h_{f-s_w} x_{w,f-s_w} / \sum_w h_{f-s_w}

    Args:
        total: Frames of the result [frames].
        size: (height, width) [pixels].
        blend: Weights.
    """

    def __init__(self, total: int, size: tuple[int, int], blend: Blend = "hann"):
        self.blend: Blend = blend
        self._sum = np.zeros((total, *size), np.float64)
        self._weight = np.zeros(total, np.float64)

    def add(self, window: np.ndarray, first: int) -> None:
        """Add a window (frame, height, width) that starts at a frame; the overhang is dropped."""
        weights = blend_weights(len(window), self.blend)
        low, high = max(first, 0), min(first + len(window), len(self._sum))
        part = slice(low - first, high - first)
        self._sum[low:high] += weights[part, None, None] * window[part]
        self._weight[low:high] += weights[part]

    def result(self) -> np.ndarray:
        """Video (frame, height, width) float32; exact where the windows agree.

        Raises:
            WindowError: If a frame is covered by no window.
        """
        bare = np.flatnonzero(self._weight == 0)
        if len(bare):
            raise WindowError(f"frame {bare[0]} is covered by no window")
        result = np.empty(self._sum.shape, np.float32)
        np.divide(self._sum, self._weight[:, None, None], out=result, casting="same_kind")
        return result


def overlap_add(
    windows: Iterable[np.ndarray], starts: Sequence[int], n_frames: int, blend: Blend = "hann"
) -> np.ndarray:
    """Blend overlapping windows into one video; see `OverlapAdd`.

    Args:
        windows: Restored windows, each (frame, height, width).
        starts: First frame of each window [frames].
        n_frames: Length of the result [frames].
        blend: `hann`, `triangular` or `uniform` weights.

    Returns:
        Video, (frame, height, width).

    Raises:
        WindowError: If a frame is covered by no window or there are no windows.
    """
    total: OverlapAdd | None = None
    for window, first in zip(windows, starts, strict=True):
        if total is None:
            total = OverlapAdd(n_frames, window.shape[1:], blend)
        total.add(window, first)
    if total is None:
        raise WindowError("there are no windows to blend")
    return total.result()
