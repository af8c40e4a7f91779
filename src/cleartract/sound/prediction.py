"""What the sound tells about each frame, learned within the recording.

Articulation read off the sound is related to the frames by linear regression, over this recording
alone: no anatomy but the speaker's own takes part. Every frame is predicted by a regression that
has not seen it, nor its neighbours, so the prediction is independent of the frame's own noise; and
how well this goes, pixel by pixel, decides how far a prediction leaves the mean frame. Sound that
does not belong to the recording predicts nothing and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RIDGE = 20.0  # [frames], weight of the penalty on coefficients of standard features
FOLD, MARGIN = 0.4, 0.1  # [s] predicted together, and left out on both sides
LEAST = 30  # [frames] that must be known
_FOLDS = 40  # at most: long recordings stay cheap
_CHUNK = 64  # [frames] at a time
_AREA = 7  # [pixels], side of the square over which the skill is pooled


@dataclass(frozen=True)
class Moments:
    """Sums over frames that fix a regression; those of parts of a recording can be subtracted.

    Attributes:
        gram: Of the features and a constant, (feature + 1, feature + 1).
        cross: Of the features and a constant with the pixels, (feature + 1, height, width).
    """

    gram: np.ndarray
    cross: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, frames: np.ndarray) -> Moments:
        """Sums over some frames.

        Args:
            features: In standard units, (frame, feature).
            frames: (frame, height, width).
        """
        a = _with_constant(features)
        return cls(a.T @ a, np.tensordot(a.T, frames.astype(np.float32, copy=False), 1))

    def __sub__(self, other: Moments) -> Moments:
        return Moments(self.gram - other.gram, self.cross - other.cross)

    @property
    def frames(self) -> int:
        """How many frames were summed."""
        return round(float(self.gram[-1, -1]))

    def mean(self) -> np.ndarray:
        """Mean frame, (height, width)."""
        return self.cross[-1] / self.frames

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
        return np.tensordot(weights, self.cross, 1)

    def _inverse(self) -> np.ndarray:
        penalty = np.full(len(self.gram), RIDGE)
        penalty[-1] = 1e-6
        return np.linalg.inv(self.gram.astype(np.float64) + np.diag(penalty))


def _with_constant(features: np.ndarray) -> np.ndarray:
    ones = np.ones((len(features), 1), np.float32)
    return np.concatenate([features.astype(np.float32), ones], 1)


def acoustic_frames(
    features: np.ndarray, frames: np.ndarray, known: np.ndarray, rate: float
) -> np.ndarray | None:
    """What the sound tells about every frame, (frame, height, width), in the frames' unit.

    Args:
        features: Articulation read off the sound, in standard units, (frame, feature).
        frames: Noisy frames, (frame, height, width).
        known: False where a frame is lost, (frame,) bool.
        rate: Frames per second.

    Returns:
        None where too few frames are known to learn from.
    """
    told = cross_predicted(features, frames, known, rate)
    if told is None:
        return None
    seen, predicted = (frames, told) if known.all() else (frames[known], told[known])
    mean = seen.mean(0)
    return shrunk(told, mean, prediction_skill(predicted, seen, mean))


def learned_regression(
    features: np.ndarray, frames: np.ndarray, rate: float
) -> tuple[Moments, np.ndarray] | None:
    """Regression of all frames of a recording on the features, and its skill (height, width).

    Returns:
        None where there are too few frames to learn from.
    """
    told = cross_predicted(features, frames, np.ones(len(frames), bool), rate)
    if told is None:
        return None
    total = Moments.of(features, frames)
    return total, prediction_skill(told, frames, total.mean())


def cross_predicted(
    features: np.ndarray, frames: np.ndarray, known: np.ndarray, rate: float
) -> np.ndarray | None:
    """Every frame predicted by a regression without it and its neighbours; arguments as above."""
    count = len(frames)
    fold = max(2, round(FOLD * rate), -(-count // _FOLDS))
    margin = max(1, round(MARGIN * rate))
    everything = known.all()
    total = Moments.of(*((features, frames) if everything else (features[known], frames[known])))
    told = np.empty(frames.shape, np.float32)
    for first in range(0, count, fold):
        left_out = np.zeros(count, bool)
        left_out[max(0, first - margin) : first + fold + margin] = True
        left_out &= known
        rest = total - Moments.of(features[left_out], frames[left_out])
        if rest.frames < LEAST:
            return None
        part = slice(first, min(first + fold, count))
        told[part] = rest.predict(features[part])
    return told


def prediction_skill(told: np.ndarray, frames: np.ndarray, mean: np.ndarray) -> np.ndarray:
    r"""Best factor on the departures of predictions from the mean frame, (height, width).

    .. math:: s = \operatorname{clip}\left(\frac{\sum \hat d\, d}{\sum \hat d^2}, 0, 1\right)

    with the predicted and the true departure, summed over time and a square of 7 pixels.
    """
    together, own = np.zeros_like(mean), np.zeros_like(mean)
    for first in range(0, len(told), _CHUNK):
        part = slice(first, first + _CHUNK)
        predicted = told[part] - mean
        together += np.einsum("fyx,fyx->yx", predicted, frames[part] - mean)
        own += np.einsum("fyx,fyx->yx", predicted, predicted)
    return np.clip(_pooled(together) / np.maximum(_pooled(own), 1e-9), 0, 1).astype(np.float32)


def shrunk(told: np.ndarray, mean: np.ndarray, skill: np.ndarray) -> np.ndarray:
    """Predictions with their departure from the mean frame times the skill."""
    found = np.empty(told.shape, np.float32)
    for first in range(0, len(told), _CHUNK):
        part = slice(first, first + _CHUNK)
        found[part] = mean + skill * (told[part] - mean)
    return found


def _pooled(plane: np.ndarray) -> np.ndarray:
    reach = _AREA // 2
    sums = np.pad(plane.astype(np.float64), reach, mode="reflect").cumsum(0).cumsum(1)
    sums = np.pad(sums, ((1, 0), (1, 0)))
    rows = sums[_AREA:] - sums[:-_AREA]
    return rows[:, _AREA:] - rows[:, :-_AREA]
