"""What denoising takes away, split: noise, which does not repeat, and what repeats with the posture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.ndimage import percentile_filter, uniform_filter

from cleartract.denoising.posture import Posture
from cleartract.denoising.survey import Survey
from cleartract.recordings.rician import rician_bias, rician_sigma
from cleartract.recordings.source import CHUNK
from cleartract.sound.moments import Folds, MomentsPass
from cleartract.sound.prediction import SoundPrediction, finished_prediction

_TISSUE = 0.25  # of the 99.5th percentile of the mean frame
_FOLDS = 12  # at most, so that large frames need little memory
_AREA = 7  # [pixels], side of the square over which the mean's skill is pooled
_NEAR, _LOW = 13, 40  # [pixels], percentile: noise of a pixel is that of its neighbours at rest
_AROUND = 3  # [pixels], side of the square over which the mean of what was removed is smoothed
_DOUBT = 0.35  # of the bias of magnitudes: by so much its estimate may be wrong
_LEAST_NOISE = 25  # percentile of the noise strength in tissue: where least moves


@dataclass(frozen=True)
class ResidualSplit:
    """The two parts of what was removed.

    Attributes:
        removed: Root mean square in tissue, as a share of the brightest tissue.
        repeating: Of the part that repeats with the posture or lasts: artefact or anatomy.
        noise: Of the rest.
        strength: Root mean square of the repeating part over time, (height, width), in the
            recording's unit.
        standing: Mean of what was removed, as far as the halves of the recording have it in common,
            see `standing_share`, (height, width), in the recording's unit.
        regression: Predicts the residual from the posture.
        posture: Finds the posture of a frame.
        survey: Of the recording.
        sigma: Standard deviation of the noise's real and imaginary part, (height, width).
        factors: How far frames nearby in time tell what was removed, from frames that are there and
            from lost ones, (2, height, width); 0 until it is measured, see `lasting.with_lasting`.
    """

    removed: float
    repeating: float
    noise: float
    strength: np.ndarray
    standing: np.ndarray
    regression: SoundPrediction
    posture: Posture
    survey: Survey
    sigma: np.ndarray
    factors: np.ndarray

    def predicted(self, first: int, frames: np.ndarray) -> np.ndarray:
        """What was removed from some frames, told from their posture and without their own residuals.

        Args:
            first: Number of the first of them [frames].
            frames: As restored, (frame, height, width), the recording's unit.
        """
        features = self.posture.of(self.survey.borders.replicated(frames))
        return self.regression.frames(features, np.arange(first, first + len(frames)))

    def told(self, predicted: np.ndarray) -> np.ndarray:
        """Of a prediction, the part that repeats: of the mean, only what stands."""
        return predicted - self.regression.mean + self.standing

    def described(self) -> dict[str, Any]:
        """For the sidecar."""
        shares = {"removed": self.removed, "repeating": self.repeating, "noise": self.noise}
        return {name: round(value, 4) for name, value in shares.items()}


class ResidualPass:
    """Collects the residual of a recording as its restored frames come.

    The regression is that of frames on sound, with the posture in place of the sound: held out
    block by block.

    Args:
        survey: Of the recording.

    Raises:
        ValueError: If the recording has no posture.
    """

    def __init__(self, survey: Survey):
        if survey.posture is None:
            raise ValueError("nothing moves in the recording")
        self.survey, self.posture = survey, survey.posture
        folds = replace(Folds.of(survey.frames, survey.rate, _FOLDS), drifts=0)
        self._moments = MomentsPass(folds, self.posture.directions.shape[1], survey.size)
        self._sigma = np.maximum(receiver_noise_map(survey), 1e-12)
        self._bias = np.zeros(survey.size)
        self._first, self._pending = 0, np.zeros((2, 0, *survey.size), np.float32)

    def add(self, raw: np.ndarray, restored: np.ndarray) -> None:
        """Add the next frames, before and after, (frame, height, width) in the recording's unit.

        Sums are taken over blocks of 64 frames from the first one on, however the frames come: a
        run that was stopped and goes on gives the same numbers.
        """
        self._pending = np.concatenate([self._pending, np.stack([raw, restored])], 1)
        while self._pending.shape[1] >= CHUNK:
            self._sum_up(*self._pending[:, :CHUNK])
            self._pending = self._pending[:, CHUNK:]

    def _sum_up(self, raw: np.ndarray, restored: np.ndarray) -> None:
        first = self._first
        self._first += len(raw)
        residual, bias = removed_from(self.survey, self._sigma, raw, restored)
        seen = self.survey.observed(np.arange(first, first + len(raw)))
        self._bias += bias[seen].sum(0)
        features = self.posture.of(self.survey.borders.replicated(restored))
        self._moments.add(first, features, residual, seen)

    def result(self) -> ResidualSplit | None:
        """The split, once all frames were added; None where too few were seen."""
        self._sum_up(*self._pending)
        self._pending = self._pending[:, :0]
        sums = [(part.cross[-1].copy(), part.frames) for part in self._moments.own]
        regression = finished_prediction(self._moments)
        if regression is None or self.survey.mean is None:
            return None
        count = self._moments.total.frames
        known, bias = regression.mean.astype(np.float64), self._bias / count
        excess = excess_bias(known + bias, bias)
        folds = [(total + frames * excess, frames) for total, frames in sums]
        mean, share = known + excess, standing_share(folds, bias - excess)
        total = self._moments.squares / count - known**2 + mean**2
        repeating = np.clip(share * mean**2 + regression.gained / count, 0, total)
        tissue, bright = bright_tissue(self.survey)
        parts = [float(np.sqrt(power[tissue].mean())) for power in (total, repeating)]
        rest = float(np.sqrt((total - repeating)[tissue].mean()))
        return ResidualSplit(
            removed=parts[0] / bright,
            repeating=parts[1] / bright,
            noise=rest / bright,
            strength=np.sqrt(repeating).astype(np.float32),
            standing=(share * mean).astype(np.float32),
            regression=regression,
            posture=self.posture,
            survey=self.survey,
            sigma=self._sigma,
            factors=np.zeros((2, *self.survey.size), np.float32),
        )


def removed_from(
    survey: Survey, sigma: np.ndarray, raw: np.ndarray, restored: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What was removed from some frames beside the bias of magnitudes, and that bias, same shapes.

    Args:
        survey: Of the recording; nothing was removed at its borders.
        sigma: Standard deviation of the noise's real and imaginary part, (height, width), above 0.
        raw: (frame, height, width), the recording's unit.
        restored: The same frames as the model leaves them.
    """
    bias = rician_bias(restored, sigma)
    residual = raw - restored - bias
    if survey.borders:
        residual = survey.borders.kept(residual, np.zeros_like(residual))
    return residual.astype(np.float32), bias


def excess_bias(removed: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """By how much a bias of magnitudes is told too large: no more of it can have been removed than
    was removed. Where all moves, movement is easily taken for noise.

    Args:
        removed: Mean of what was removed, the bias included, (height, width).
        bias: Mean bias as told, same shape.
    """
    around = uniform_filter(removed, _AROUND, mode="mirror")
    return bias - np.clip(around, 0, bias)


def standing_share(folds: list[tuple[np.ndarray, int]], bias: np.ndarray) -> np.ndarray:
    r"""Share of the power of a mean that is neither noise nor the bias of magnitudes.

    .. math:: s = \operatorname{clip}\left(
              \frac{\sum m_1 m_2 - (0.35\, b)^2}{\sum \bar m^2}, 0, 1\right)

    with the means of the two halves of a recording, :math:`m_1` and :math:`m_2`, and that of both,
    summed over a square of 7 pixels. The bias b was taken off, but is known only roughly.

    Args:
        folds: Sum over the frames of each part, (height, width), and how many these are.
        bias: Mean bias of magnitudes, (height, width).

    Returns:
        (height, width) float32; 0 where one half has no frames.
    """
    half = (len(folds) + 1) // 2
    sums = [sum(total for total, _ in part) for part in (folds[:half], folds[half:])]
    counts = [sum(count for _, count in part) for part in (folds[:half], folds[half:])]
    if not all(counts):
        return np.zeros(folds[0][0].shape, np.float32)
    first, second = (total / count for total, count in zip(sums, counts, strict=True))
    planes = (first * second - (_DOUBT * bias) ** 2, ((first + second) / 2) ** 2)
    common, power = (uniform_filter(plane, _AREA, mode="mirror") for plane in planes)
    return np.clip(common / np.maximum(power, 1e-30), 0, 1).astype(np.float32)


def bright_tissue(survey: Survey) -> tuple[np.ndarray, float]:
    """Which pixels are tissue, (height, width) bool, and the brightest of it in the recording's unit."""
    assert survey.mean is not None
    mean = survey.intensity.undo(survey.mean)
    return tissue_of(mean), max(float(np.percentile(mean, 99.5)), 1e-12)


def tissue_of(mean: np.ndarray) -> np.ndarray:
    """Pixels of a mean frame brighter than a quarter of the brightest tissue, (height, width) bool."""
    return mean >= _TISSUE * np.percentile(mean, 99.5)


def receiver_noise_map(survey: Survey) -> np.ndarray:
    """Standard deviation of the noise's real and imaginary part, (height, width) float32, in the
    recording's unit; 0 where the noise is not known.

    A pixel has the noise of those of its neighbours that change little: movement is no noise.
    """
    if survey.noise is None or survey.mean is None:
        return np.zeros(survey.size, np.float32)
    return at_rest(rician_sigma(survey.intensity.undo(survey.mean), survey.noise.strength))


def at_rest(strength: np.ndarray) -> np.ndarray:
    """Noise of every pixel as that of its neighbours that change little, (height, width) float32."""
    return percentile_filter(strength, _LOW, _NEAR).astype(np.float32)


def tissue_noise(strength: np.ndarray, tissue: np.ndarray) -> float:
    """Noise of tissue at rest.

    Args:
        strength: Standard deviation per pixel, (height, width); too high where things move.
        tissue: (height, width) bool.
    """
    return float(np.percentile(strength[tissue], _LEAST_NOISE)) if tissue.any() else 0.0
