"""What the sound tells of what was taken away: movement that it foretells is no noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cleartract.recordings.spool import Spool
from cleartract.sound.prediction import SoundPrediction


@dataclass(frozen=True)
class SoundWitness:
    """Frames as the sound foretells them, each by a regression that was learned without it.

    Attributes:
        prediction: Of the recording, from its own sound.
        features: Of the sound of every frame, (frame, feature).
        scale: Of a normalised intensity, in the recording's unit.
    """

    prediction: SoundPrediction
    features: Spool
    scale: float

    def departures(self, first: int, count: int) -> np.ndarray:
        """How the predictions of some frames depart from the slow course of the recording,
        (frame, height, width) float32 in the recording's unit.

        Args:
            first: Number of the first of them [frames].
            count: How many.
        """
        numbers = np.arange(first, first + count)
        return self.prediction.departures(self.features.span(first, count), numbers) * np.float32(
            self.scale
        )


def shares_of_two(gram: np.ndarray, with_rest: np.ndarray) -> np.ndarray:
    r"""Factors on two witnesses a and b whose sum comes nearest to what was taken away, r.

    .. math:: \min_{0 \le g \le 1} \sum_f (g_1 a_f + g_2 b_f - r_f)^2

    Args:
        gram: Sums of aa, ab and bb, (3, height, width).
        with_rest: Sums of ar and br, (2, height, width).

    Returns:
        (2, height, width).
    """
    first, both, second = gram
    of_first, of_second = with_rest
    determinant = first * second - both**2
    apart = determinant > 1e-9 * first * second
    safe = np.where(apart, determinant, 1)
    inside = np.stack([second * of_first - both * of_second, first * of_second - both * of_first])
    candidates = [np.clip(np.where(apart, inside / safe, 0), 0, 1)]
    for fixed in (np.zeros_like(first), np.ones_like(first)):  # or the best lies on an edge
        other = (of_second - fixed * both) / np.maximum(second, 1e-30)
        candidates.append(np.stack([fixed, np.clip(other, 0, 1)]))
        other = (of_first - fixed * both) / np.maximum(first, 1e-30)
        candidates.append(np.stack([np.clip(other, 0, 1), fixed]))
    shares = np.stack(candidates)
    cost = -power_told(shares.swapaxes(0, 1), gram, with_rest)
    return np.take_along_axis(shares, cost.argmin(0)[None, None], 0)[0]


def power_told(shares: np.ndarray, gram: np.ndarray, with_rest: np.ndarray) -> np.ndarray:
    """Power that two witnesses tell of what was taken away, a sum over the frames, (..., height, width).

    Args:
        shares: Factor on either, (2, ..., height, width).
        gram: See `shares_of_two`; or of single pixels, with factors that were pooled.
        with_rest: See `shares_of_two`.
    """
    (a, b), (first, both, second), (of_first, of_second) = shares, gram, with_rest
    taken = a**2 * first + 2 * a * b * both + b**2 * second
    return 2 * (a * of_first + b * of_second) - taken
