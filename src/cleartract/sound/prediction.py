"""Frames predicted from features of the sound, by a regression learned within the recording.

Every frame is predicted by a regression learned without it and its neighbours, so the prediction
hardly depends on the frame's own noise. Its measured skill, pixel by pixel, decides how far a
prediction leaves the mean frame: sound that does not belong to the recording changes nothing. All of
it is computed from sums over frames, which one pass collects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
from scipy.ndimage import uniform_filter

from cleartract.sound.moments import Folds, Moments, MomentsPass, Slow, product, with_constant

RIDGES = (5.0, 20.0, 60.0, 200.0)  # [frames], penalties of which the recording chooses
LEAST = 30  # [frames] that must be observed
MOVING = 0.2  # share of the pixels, those of the greatest variance, that count as moving
_AREA = 7  # [pixels], side of the square over which the skill is pooled


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
        moving: Which pixels move most, (height, width) bool.
        variance: Of the moving pixels, slow drift left out, their mean.
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
        self.moving = moving = variance >= np.quantile(variance, 1 - MOVING)
        self.variance = float(variance[moving].mean()) / max(total.frames, 1)
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
        slow = with_constant(self.folds.drift(numbers))
        fast = (features - slow @ self.slow.of_features).astype(np.float32)
        predicted = np.empty((len(numbers), *self.mean.shape), np.float32)
        folds = np.asarray(numbers) // self.folds.length
        for fold in np.unique(folds):
            chosen = folds == fold
            predicted[chosen] = self._rest(int(fold)).predict(fast[chosen])
        return product(slow, self.slow.of_frames.astype(np.float32)) + self.skill * predicted

    def frames_of_other_sound(self, features: np.ndarray) -> np.ndarray:
        """Predictions for sound that is not this recording's, shrunk; (frame, height, width)."""
        still = np.zeros((len(features), self.folds.drifts), np.float32)
        slow = with_constant(still)
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
        power += (departure * product(gram, departure)).sum(0)
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
