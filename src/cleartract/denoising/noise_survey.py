"""Noise of a recording and frames with spikes, collected as frames come."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import uniform_filter

LAGS = 4  # [frames]; noise this far apart is taken to be independent
_PERIODS = range(5, 17)  # [frames] after which undersampling may repeat
FACTS = 7  # numbers that describe the noise beside its strength per pixel
_STILL = 50  # percentile: pixels that change less are at rest
_FEW = 24  # differences below which the noise is not told
_AROUND = 7  # [pixels] over which change is averaged, to tell what is at rest
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
        undersampling: Share of the noise that comes back after some frames, as artefacts of a
            repeating trajectory do; 0 for noise of the receiver.
    """

    strength: np.ndarray
    level: float
    in_time: tuple[float, ...]
    in_space: tuple[float, float]
    undersampling: float = 0.0

    def scaled(self, factor: float) -> Noise:
        """The same noise in another unit."""
        return replace(self, strength=self.strength * np.float32(factor), level=self.level * factor)

    @property
    def facts(self) -> tuple[float, ...]:
        """Level and correlations, `FACTS` numbers."""
        return (self.level, *self.in_time, *self.in_space, self.undersampling)

    def described(self) -> dict[str, object]:
        """For the sidecar; the map is left out."""
        return {
            "level": round(self.level, 5),
            "correlation_in_time": [round(c, 3) for c in self.in_time],
            "correlation_in_space": [round(c, 3) for c in self.in_space],
            "undersampling": round(self.undersampling, 3),
        }


class NoisePass:
    """Sums of squared differences between frames up to `LAGS` apart.

    Args:
        size: (height, width) [pixels].
    """

    def __init__(self, size: tuple[int, int]):
        self._squares = np.zeros((_PERIODS.stop - 1, *size))
        self._pairs = np.zeros(_PERIODS.stop - 1)
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
        for lag in range(1, _PERIODS.stop):
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
        reach = _PERIODS.stop - 1
        self._last, self._last_seen = frames[-reach:], seen[-reach:]

    def result(self, still: np.ndarray | None = None) -> Noise | None:
        """The noise; None where too few frames were seen to tell, or nothing changes.

        Args:
            still: Which pixels are at rest, (height, width) bool; by default the half that
                changes least, which is chosen by chance where frames are few.
        """
        if not (self._pairs[:LAGS] > 0).all():
            return None
        # variance (1 - correlation)
        powers = self._squares / np.maximum(self._pairs, 1)[:, None, None] / 2
        farthest = powers[LAGS - 1]
        if still is None:
            if self._pairs[LAGS - 1] < _FEW:
                return None
            still = _at_rest(farthest)
            if not still.any():
                return None
        variance = max(float(farthest[still].mean()), 1e-20)
        at_rest = np.array([p[still].mean() for p in powers])
        in_time = tuple(float(1 - p / variance) for p in at_rest[: LAGS - 1])
        inside = still.copy()
        inside[-1], inside[:, -1] = False, False  # these have no neighbour below or to the right
        power = max(float(self._squares[LAGS - 1][inside].sum()), 1e-20)
        in_space = tuple(float(p[inside].sum() / power) for p in (self._down, self._right))
        return Noise(
            np.sqrt(farthest).astype(np.float32),
            float(np.sqrt(variance)),
            in_time,
            (in_space[0], in_space[1]),
            _repeating(at_rest, self._pairs),
        )


def _at_rest(power: np.ndarray) -> np.ndarray:
    """The half of the pixels around which least changes, those without any image left out."""
    alive = power > 1e-9 * power.max()
    around = uniform_filter(power, _AROUND, mode="nearest")
    return alive & (around <= np.percentile(around[alive], _STILL)) if alive.any() else alive


def _repeating(powers: np.ndarray, pairs: np.ndarray) -> float:
    """By how much frames of one distance are more alike than those a frame nearer and farther.

    Args:
        powers: Half the mean squared difference at distances 1, 2, ... [frames].
        pairs: How many differences each is the mean of.
    """
    shares = [
        1 - 2 * powers[lag - 1] / max(powers[lag - 2] + powers[lag], 1e-20)
        for lag in range(_PERIODS.start, _PERIODS.stop - 1)
        if pairs[lag] > 0
    ]
    return float(np.clip(max(shares, default=0.0), 0, 1))


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
