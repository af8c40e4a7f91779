"""Sums over the frames of a recording that fix regressions of frames on features.

One pass collects them, fold by fold; those of a fold can be subtracted, and slow drift taken off,
without the frames.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import torch

RIDGE = 20.0  # [frames], weight of the penalty on coefficients of standard features
DRIFT = 3.0  # [s], half the shortest period that counts as slow drift
_DRIFTS = 12  # cosines at most
_DRIFT_RIDGE = 30.0  # [frames], so that drift is not extrapolated into long gaps
_SLOW_FRAMES = 50  # [frames] of the shortest half period at least
FOLD, MARGIN = 0.4, 0.1  # [s] predicted together, and left out on both sides
FOLDS = 24  # at most: long recordings stay cheap


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
        a = with_constant(features)
        return cls(a.T @ a, product(a.T, frames.astype(np.float32, copy=False)))

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
        weights = (with_constant(features) @ self._inverse()).astype(np.float32)
        return product(weights, self.cross.astype(np.float32, copy=False))

    def _inverse(self) -> np.ndarray:
        penalty = np.full(len(self.gram), self.ridge)
        penalty[-1] = 1e-6
        return np.linalg.inv(self.gram.astype(np.float64) + np.diag(penalty))


def product(weights: np.ndarray, planes: np.ndarray) -> np.ndarray:
    """Weighted sums of planes, (sum, plane) and (plane, height, width) -> (sum, height, width).

    By torch: NumPy's own threads would go on spinning beside those of the network, which then takes
    a fifth longer. In double precision: in single, sums depend on how many threads share them.
    """
    flat = torch.from_numpy(np.ascontiguousarray(planes.reshape(len(planes), -1), np.float64))
    sums = torch.from_numpy(np.ascontiguousarray(weights, np.float64)) @ flat
    return sums.float().numpy().reshape(len(weights), *planes.shape[1:])


def with_constant(features: np.ndarray) -> np.ndarray:
    """Features and a constant, (frame, feature + 1) float32."""
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
    def of(cls, frames: int, rate: Fraction, most: int = FOLDS) -> Folds:
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
        own = product(left[kept].astype(np.float32), part.cross.astype(np.float32, copy=False))
        fitted = product(gram[:, slow].astype(np.float32), self.of_frames.astype(np.float32))
        return Moments((gram @ left.T)[:, kept], own - fitted, part.ridge)
