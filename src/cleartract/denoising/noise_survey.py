"""Noise of a recording and frames with spikes, collected as frames come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LAGS = 4  # [frames]; noise this far apart is taken to be independent
_STILL = 50  # percentile: pixels that change less are at rest
_HIGH = 0.2  # [cycles/pixel], above which anatomy has little power
_LINE, _RARE = 60.0, 300.0  # a spike: power of one frequency over that of its frame, and its usual


@dataclass(frozen=True)
class Noise:
    """Noise of a recording, measured by differences between frames.

    Attributes:
        strength: Standard deviation per pixel in the recording's unit, (height, width); too high
            where things move.
        level: The same where nothing moves, one number.
        in_time: Correlation of the noise 1, 2 and 3 frames apart where nothing moves.
        in_space: Correlation of the noise of neighbours, down and to the right.
    """

    strength: np.ndarray
    level: float
    in_time: tuple[float, ...]
    in_space: tuple[float, float]

    def described(self) -> dict[str, object]:
        """For the sidecar; the map is left out."""
        return {
            "level": round(self.level, 5),
            "correlation_in_time": [round(c, 3) for c in self.in_time],
            "correlation_in_space": [round(c, 3) for c in self.in_space],
        }


class NoisePass:
    """Sums of squared differences between frames up to `LAGS` apart.

    Args:
        size: (height, width) [pixels].
    """

    def __init__(self, size: tuple[int, int]):
        self._squares = np.zeros((LAGS, *size))
        self._pairs = np.zeros(LAGS)
        self._down, self._right = np.zeros(size), np.zeros(size)
        self._last = np.zeros((0, *size), np.float32)
        self._last_seen = np.zeros(0, bool)

    def add(self, frames: np.ndarray, seen: np.ndarray) -> None:
        """Add consecutive frames.

        Args:
            frames: (frame, height, width), the recording's unit.
            seen: False where a frame is lost, (frame,) bool.
        """
        known = len(self._last)
        frames = np.concatenate([self._last, frames])
        seen = np.concatenate([self._last_seen, seen])
        for lag in range(1, LAGS + 1):
            first = max(known, lag)
            if first >= len(frames):
                continue
            pair = seen[first:] & seen[first - lag : len(frames) - lag]
            difference = (frames[first:] - frames[first - lag : len(frames) - lag])[pair]
            self._squares[lag - 1] += np.einsum("fyx,fyx->yx", difference, difference)
            self._pairs[lag - 1] += pair.sum()
            if lag == LAGS:
                d = difference
                self._down[:-1] += np.einsum("fyx,fyx->yx", d[:, :-1], d[:, 1:])
                self._right[:, :-1] += np.einsum("fyx,fyx->yx", d[:, :, :-1], d[:, :, 1:])
        self._last, self._last_seen = frames[-LAGS:], seen[-LAGS:]

    def result(self) -> Noise | None:
        """The noise; None where fewer than two frames of any distance were seen."""
        if not (self._pairs > 0).all():
            return None
        powers = self._squares / self._pairs[:, None, None] / 2  # variance (1 - correlation)
        farthest = powers[-1]
        still = farthest <= np.percentile(farthest, _STILL)
        variance = max(float(farthest[still].mean()), 1e-20)
        in_time = tuple(float(1 - p[still].mean() / variance) for p in powers[:-1])
        inside = still.copy()
        inside[-1], inside[:, -1] = False, False  # these have no neighbour below or to the right
        power = max(float(self._squares[-1][inside].sum()), 1e-20)
        in_space = tuple(float(p[inside].sum() / power) for p in (self._down, self._right))
        strength = np.sqrt(farthest).astype(np.float32)
        return Noise(strength, float(np.sqrt(variance)), in_time, (in_space[0], in_space[1]))


class SpikePass:
    """Finds frames in which one spatial frequency stands out: herringbone of a spike in k-space.

    Args:
        example: Frames that show what is usual, (frame, height, width).
    """

    def __init__(self, example: np.ndarray):
        height, width = example.shape[1:]
        radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
        self._high = radius > _HIGH
        self._usual = np.full(int(self._high.sum()), np.inf)
        if len(example) >= 3:
            self._usual = np.median(self._powers(example), axis=0) + 1e-12
        self._last = np.zeros((0, height, width), np.float32)
        self._seen = 0
        self._scores: dict[int, float] = {}

    def _powers(self, frames: np.ndarray) -> np.ndarray:
        """Power of what neither neighbour shows, (frame - 2, frequency)."""
        alone = frames[1:-1] - (frames[:-2] + frames[2:]) / 2
        spectrum = np.fft.rfft2(alone)[:, self._high]
        return spectrum.real**2 + spectrum.imag**2

    def add(self, frames: np.ndarray) -> None:
        """Add consecutive frames, (frame, height, width)."""
        known = len(self._last)
        frames = np.concatenate([self._last, frames])
        if len(frames) >= 3:
            power = self._powers(frames)
            rare = power / self._usual
            line = power / (power.mean(1, keepdims=True) + 1e-12)
            score = np.where(line > _LINE, rare, 0).max(1)
            for place in np.flatnonzero(score > _RARE):
                self._scores[self._seen - known + int(place) + 1] = float(score[place])
        self._seen += len(frames) - known
        self._last = frames[-2:]

    def result(self) -> tuple[int, ...]:
        """Frames with spikes; neighbours, in which half of a spike appears, are left out."""
        return tuple(
            frame
            for frame, score in sorted(self._scores.items())
            if score >= max(self._scores.get(frame - 1, 0), self._scores.get(frame + 1, 0))
        )
