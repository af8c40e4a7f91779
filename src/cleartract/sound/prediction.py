"""Frames predicted from the sound, by a regression learned within the recording.

Articulation estimated from the sound is related to the frames by linear regression, over this
recording alone. Every frame is predicted by a regression learned without it and its neighbours, so
the prediction hardly depends on the frame's own noise. Its measured skill, pixel by pixel, decides
how far a prediction leaves the mean frame: sound that does not belong to the recording changes
nothing. All of it is computed from sums over frames, which one pass collects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
import torch
from scipy.ndimage import uniform_filter

RIDGE = 20.0  # [frames], weight of the penalty on coefficients of standard features
RIDGES = (5.0, 20.0, 60.0, 200.0)  # of which the recording chooses
DRIFT = 3.0  # [s], half the shortest period that counts as slow drift
_DRIFTS = 12  # cosines at most
_DRIFT_RIDGE = 30.0  # [frames], so that drift is not extrapolated into long gaps
_SLOW_FRAMES = 50  # [frames] of the shortest half period at least
FOLD, MARGIN = 0.4, 0.1  # [s] predicted together, and left out on both sides
LEAST = 30  # [frames] that must be observed
_FOLDS = 24  # at most: long recordings stay cheap
MOVING = 0.2  # share of the pixels, those of the greatest variance, that count as moving
_AREA = 7  # [pixels], side of the square over which the skill is pooled


@dataclass(frozen=True)
class Moments:
    """Sums over frames that fix a regression; those of parts of a recording can be subtracted.

    Attributes:
        gram: Of the features and a constant, (feature + 1, feature + 1).
        cross: Of the features and a constant with the pixels, (feature + 1, height, width).
        ridge: Weight of the penalty on coefficients of the features [frames].
    """

    gram: np.ndarray
    cross: np.ndarray
    ridge: float = RIDGE

    @classmethod
    def of(cls, features: np.ndarray, frames: np.ndarray) -> Moments:
        """Sums over some frames.

        Args:
            features: In standard units, (frame, feature).
            frames: (frame, height, width).
        """
        a = _with_constant(features)
        return cls(a.T @ a, _product(a.T, frames.astype(np.float32, copy=False)))

    def __add__(self, other: Moments) -> Moments:
        return replace(self, gram=self.gram + other.gram, cross=self.cross + other.cross)

    def __sub__(self, other: Moments) -> Moments:
        return replace(self, gram=self.gram - other.gram, cross=self.cross - other.cross)

    def scaled(self, offset: float, scale: float) -> Moments:
        """Of the frames (value - offset) / scale."""
        constant = (self.gram[:, -1] * offset)[:, None, None]
        cross = ((self.cross - constant) / scale).astype(self.cross.dtype)
        return replace(self, cross=cross)

    @property
    def frames(self) -> int:
        """How many frames were summed."""
        return round(float(self.gram[-1, -1]))

    def mean(self) -> np.ndarray:
        """Mean frame, (height, width)."""
        return (self.cross[-1] / self.frames).astype(np.float32)

    def regression(self) -> np.ndarray:
        """Pixels per unit of each feature, and their value where all features are 0, last;
        (feature + 1, height, width)."""
        return np.tensordot(self._inverse(), self.cross, 1).astype(np.float32)

    def predict(self, features: np.ndarray) -> np.ndarray:
        r"""Frames by ridge regression, (frame, height, width).

        .. math:: W = (A^T A + \lambda I)^{-1} A^T Y

        where the constant is not penalised.
        """
        weights = (_with_constant(features) @ self._inverse()).astype(np.float32)
        return _product(weights, self.cross.astype(np.float32, copy=False))

    def _inverse(self) -> np.ndarray:
        penalty = np.full(len(self.gram), self.ridge)
        penalty[-1] = 1e-6
        return np.linalg.inv(self.gram.astype(np.float64) + np.diag(penalty))


def _product(weights: np.ndarray, planes: np.ndarray) -> np.ndarray:
    """Weighted sums of planes, (sum, plane) and (plane, height, width) -> (sum, height, width).

    By torch: NumPy's own threads would go on spinning beside those of the network, which then takes
    a fifth longer.
    """
    flat = torch.from_numpy(np.ascontiguousarray(planes.reshape(len(planes), -1)))
    sums = torch.from_numpy(np.ascontiguousarray(weights)) @ flat
    return sums.numpy().reshape(len(weights), *planes.shape[1:])


def _with_constant(features: np.ndarray) -> np.ndarray:
    ones = np.ones((len(features), 1), np.float32)
    return np.concatenate([features.astype(np.float32), ones], 1)


@dataclass(frozen=True)
class Folds:
    """Parts of a recording that are predicted together.

    Attributes:
        length: Of a fold [frames].
        margin: Left out on both sides of it as well [frames].
        count: Number of folds.
        frames: Of the recording [frames].
        drifts: Cosines over the recording that tell slow drift, as of a head that moves.
    """

    length: int
    margin: int
    count: int
    frames: int = 0
    drifts: int = 0

    @classmethod
    def of(cls, frames: int, rate: Fraction, most: int = _FOLDS) -> Folds:
        """At most so many folds of a recording of so many frames at a rate [frames/s]."""
        length = max(2, round(FOLD * float(rate)), -(-frames // most))
        margin, drifts = max(1, round(MARGIN * float(rate))), int(frames / float(rate) / DRIFT)
        if drifts < 2 or DRIFT * float(rate) < _SLOW_FRAMES:
            drifts = 0
        return cls(length, margin, -(-frames // length), frames, min(drifts, _DRIFTS))

    def drift(self, numbers: np.ndarray) -> np.ndarray:
        """What changes slowly, in some frames, (frame, drift)."""
        order = np.arange(1, self.drifts + 1)
        place = (np.asarray(numbers)[:, None] + 0.5) / max(self.frames, 1)
        return (np.sqrt(2) * np.cos(np.pi * order * place)).astype(np.float32)

    def first(self, fold: int) -> int:
        """First frame of a fold."""
        return fold * self.length


class MomentsPass:
    """Collects the sums of a recording, fold by fold, as its frames come.

    Args:
        folds: How the recording is cut.
        features: Number of features.
        size: (height, width) [pixels].
    """

    def __init__(self, folds: Folds, features: int, size: tuple[int, int]):
        self.folds = folds
        rows = features + folds.drifts + 1
        empty = Moments(np.zeros((rows, rows)), np.zeros((rows, *size), np.float32))
        self.total = replace(empty, cross=empty.cross.astype(np.float64))
        self.own = [empty] * folds.count
        self.left_out = [empty] * folds.count
        self.squares = np.zeros(size)

    def add(self, first: int, features: np.ndarray, frames: np.ndarray, seen: np.ndarray) -> None:
        """Add consecutive frames.

        Args:
            first: Number of the first of them [frames].
            features: (frame, feature).
            frames: (frame, height, width), any unit.
            seen: False where a frame is lost, (frame,) bool.
        """
        numbers = np.arange(first, first + len(frames))
        features = np.concatenate([features, self.folds.drift(numbers)], 1)
        self.squares += np.einsum("fyx,fyx->yx", frames[seen], frames[seen], dtype=np.float64)

        def sums(low: int, high: int) -> Moments | None:
            chosen = seen & (numbers >= low) & (numbers < high)
            if not chosen.any():
                return None
            return Moments.of(features[chosen], frames[chosen])

        length, margin = self.folds.length, self.folds.margin
        if (part := sums(0, first + len(frames))) is not None:
            self.total = self.total + part
        reach = range(
            max(0, (first - margin) // length),
            min(self.folds.count, (first + len(frames) + margin) // length + 1),
        )
        for fold in reach:
            start = self.folds.first(fold)
            if (part := sums(start, start + length)) is not None:
                self.own[fold] = self.own[fold] + part
            if (part := sums(start - margin, start + length + margin)) is not None:
                self.left_out[fold] = self.left_out[fold] + part


class Slow:
    """Mean and slow drift of features and frames, fitted to a whole recording.

    Args:
        total: Sums over all observed frames; the last features are the drift.
        drifts: How many these are.
    """

    def __init__(self, total: Moments, drifts: int):
        self._first = len(total.gram) - 1 - drifts
        rows = slice(self._first, None)
        gram, cross = total.gram[rows, rows], total.cross[rows]
        penalty = np.full(drifts + 1, _DRIFT_RIDGE)
        penalty[-1] = 1e-6
        inverse = np.linalg.inv(gram + np.diag(penalty))
        self.of_features = inverse @ total.gram[rows, : self._first]
        self.of_frames = np.tensordot(inverse, cross, 1)
        fitted = np.tensordot(gram, self.of_frames, 1)
        self.power = np.einsum("kyx,kyx->yx", self.of_frames, 2 * cross - fitted)

    def without(self, part: Moments) -> Moments:
        """Sums of what is left of features and frames; there is a constant, but no drift."""
        fast, slow = slice(None, self._first), slice(self._first, None)
        left, gram = np.eye(len(part.gram)), part.gram.astype(np.float64)
        left[fast, slow] = -self.of_features.T
        kept = np.r_[0 : self._first, len(gram) - 1]
        gram = (left @ gram)[kept]
        own = _product(left[kept].astype(np.float32), part.cross.astype(np.float32, copy=False))
        fitted = _product(gram[:, slow].astype(np.float32), self.of_frames.astype(np.float32))
        return Moments((gram @ left.T)[:, kept], own - fitted, part.ridge)


class SoundPrediction:
    """Regression of the frames of a recording on the articulation in its sound, and its skill.

    Args:
        folds: How the recording was cut.
        total: Sums over all observed frames.
        own: Sums over each fold.
        left_out: Sums over each fold and its margins.
        squares: Sum of the squares of all observed frames, (height, width).

    Attributes:
        skill: Factor on the departures of predictions from the mean frame, (height, width).
        gained: Power of the departures that held-out predictions explain, summed over the
            frames, (height, width).
        explained: Share of the variance of the moving pixels, slow drift left out, that held-out
            predictions explain.
        mean: Mean frame, (height, width).
    """

    def __init__(
        self,
        folds: Folds,
        total: Moments,
        own: Iterable[Moments],
        left_out: Iterable[Moments],
        squares: np.ndarray,
    ):
        self.folds, self.mean, self.slow = folds, total.mean(), Slow(total, folds.drifts)
        own = [self.slow.without(part) for part in own]
        self.left_out = [self.slow.without(part) for part in left_out]
        rest, variance = self.slow.without(total), np.maximum(squares - self.slow.power, 0)
        moving = variance >= np.quantile(variance, 1 - MOVING)
        best = -np.inf
        for ridge in RIDGES:
            self.total = replace(rest, ridge=ridge)
            together, power = prediction_sums(self._weights, own)
            skill = prediction_skill(together, power)
            gained = 2 * skill * together - skill**2 * power
            if gained[moving].sum() > best:
                best, chosen = float(gained[moving].sum()), (self.total, skill, gained)
        self.total, self.skill, self.gained = chosen
        self.explained = best / max(float(variance[moving].sum()), 1e-20)
        self._rest = lru_cache(4)(self._without)

    def frames(self, features: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Held-out predictions of some frames, shrunk by the skill, (frame, height, width).

        Args:
            features: Of these frames, (frame, feature).
            numbers: Which frames they are, (frame,).
        """
        slow = _with_constant(self.folds.drift(numbers))
        fast = (features - slow @ self.slow.of_features).astype(np.float32)
        predicted = np.empty((len(numbers), *self.mean.shape), np.float32)
        folds = np.asarray(numbers) // self.folds.length
        for fold in np.unique(folds):
            chosen = folds == fold
            predicted[chosen] = self._rest(int(fold)).predict(fast[chosen])
        return _product(slow, self.slow.of_frames.astype(np.float32)) + self.skill * predicted

    def frames_of_other_sound(self, features: np.ndarray) -> np.ndarray:
        """Predictions for sound that is not this recording's, shrunk; (frame, height, width)."""
        still = np.zeros((len(features), self.folds.drifts), np.float32)
        slow = _with_constant(still)
        fast = (features - slow @ self.slow.of_features).astype(np.float32)
        return self.slow.of_frames[-1].astype(np.float32) + self.skill * self.total.predict(fast)

    def _without(self, fold: int) -> Moments:
        return self.total - self.left_out[fold]

    def _weights(self, fold: int) -> np.ndarray:
        return self._without(fold).regression()


def prediction_sums(
    weights: Callable[[int], np.ndarray], own: list[Moments]
) -> tuple[np.ndarray, np.ndarray]:
    r"""Sums over time of the product of predicted and true departures from the mean frame, and of
    the square of the predicted ones, (height, width) each.

    With :math:`\hat y_f = a_f^T W`, the sums over a fold follow from its moments.

    Args:
        weights: Regression without a fold, by its number, (feature + 1, height, width).
        own: Sums over each fold, of departures from the mean frame.
    """
    together, power = (np.zeros(own[0].cross.shape[1:]) for _ in range(2))
    for fold, moments in enumerate(own):
        if moments.frames == 0:
            continue
        departure, gram = weights(fold), moments.gram.astype(np.float32)
        together += (departure * moments.cross).sum(0)
        power += (departure * _product(gram, departure)).sum(0)
    return together, power


def prediction_skill(together: np.ndarray, power: np.ndarray) -> np.ndarray:
    r"""Best factor on the departures of held-out predictions from the mean frame, (height, width).

    .. math:: s = \operatorname{clip}\left(\frac{\sum \hat d\, d}{\sum \hat d^2}, 0, 1\right)

    with the sums of `prediction_sums`, summed over a square of 7 pixels as well.
    """
    pooled = [uniform_filter(plane, _AREA, mode="mirror") for plane in (together, power)]
    least = 1e-9 / _AREA**2
    return np.clip(pooled[0] / np.maximum(pooled[1], least), 0, 1).astype(np.float32)


def learned_prediction(
    features: np.ndarray,
    frames: np.ndarray,
    rate: Fraction,
    seen: np.ndarray | None = None,
    drift: bool = True,
) -> SoundPrediction | None:
    """Learn from frames in memory.

    Args:
        features: (frame, feature).
        frames: (frame, height, width), normalised.
        rate: Frames per second.
        seen: False where a frame is lost, (frame,) bool; all are seen by default.
        drift: Whether slow drift is taken off first.

    Returns:
        None where too few frames are observed.
    """
    folds = Folds.of(len(frames), rate)
    folds = folds if drift else replace(folds, drifts=0)
    collected = MomentsPass(folds, features.shape[1], (frames.shape[1], frames.shape[2]))
    collected.add(0, features, frames, np.ones(len(frames), bool) if seen is None else seen)
    return finished_prediction(collected)


def finished_prediction(
    collected: MomentsPass, offset: float = 0.0, scale: float = 1.0
) -> SoundPrediction | None:
    """Prediction of the frames (value - offset) / scale, or None where too few were observed.

    The sums that were collected are used up, fold by fold: all of them twice would need much memory.
    """
    total = collected.total
    if any(total.frames - part.frames < LEAST for part in collected.left_out):
        return None

    def used_up(parts: list[Moments]) -> Iterator[Moments]:
        parts.reverse()
        while parts:
            yield parts.pop().scaled(offset, scale)

    sums = total.cross[-1].astype(np.float64)
    squares = (collected.squares - 2 * offset * sums + total.frames * offset**2) / scale**2
    parts = used_up(collected.own), used_up(collected.left_out)
    return SoundPrediction(collected.folds, total.scaled(offset, scale), *parts, squares)
