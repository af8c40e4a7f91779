"""From the material of a window to a training pair: varied truth, then a fresh degradation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from cleartract.corpora.material import Degraded, Material
from cleartract.denoising.noise_survey import LAGS, Noise, NoisePass
from cleartract.recordings.intensity import Intensity
from cleartract.simulation.scanner.artefacts import moving_average
from cleartract.simulation.scanner.degradation import Degradation

_FRAMES = (40, 3000)  # [frames] of recordings, behind their mean frames
_RAYLEIGH = 0.429  # variance of a magnitude without signal over that of its parts


@dataclass(frozen=True)
class TrainingDegradation:
    """Makes training windows; an instance is the `degrade` of `AVDataset`.

    Attributes:
        size: Pixels along each side of the result; None keeps the size.
        crop: Pixels along each side of a random part of that; None keeps the whole.
        geometry: Probability of a random scaling, rotation and shift.
        mirror: Probability of left and right exchanged.
        texture: Probability of extra texture on the truth itself, so that fine structure that the
            phantoms lack is not mistaken for noise.
        softness: Probability of a blur of the truth, so that edges of every sharpness occur and
            are kept as they are.
        noise_alone: Probability of noise without artefacts.
        weak_sound: Probability of predictions of less skill than those of simulated sound.
    """

    size: int | None = None
    crop: int | None = None
    geometry: float = 0.5
    mirror: float = 0.25
    texture: float = 0.6
    softness: float = 0.5
    noise_alone: float = 0.28
    weak_sound: float = 0.6

    def __call__(self, material: Material, rng: np.random.Generator) -> Degraded:
        """Vary and degrade; all results share one intensity scale, fixed by the noisy frames."""
        cv2.setNumThreads(1)
        skill = float(rng.random()) if rng.random() < self.weak_sound else 1.0
        images = self._varied(with_weaker_sound(material, skill), rng)
        alone = rng.random() < self.noise_alone
        degradation = Degradation.noise_alone(rng) if alone else Degradation.random(rng)
        base, base_mean = images.with_static_share(_static_share(rng))
        noisy = degradation.apply(base, None if alone else images.error)
        scan, ideal = degradation.lasting(base), np.maximum(images.ideal, 0)
        mean = predicted = None
        below = degradation.lasting(base_mean[None])[0]  # the signal below the noise
        if images.mean is not None:
            # the error of the reconstruction leaves its bias and its rest in the mean frame
            rest = np.float32(degradation.error_gain) * (images.mean - images.truth_means[1])
            count = float(np.exp(rng.uniform(*np.log(_FRAMES)))) / degradation.noise_memory
            mean = degradation.learned((base_mean + rest)[None], min(1.0, count**-0.5))[0]
            if images.predicted is not None:
                left = float(rng.uniform(0, 0.25))  # about the root of features over frames
                told = images.predicted - images.mean + base_mean + rest
                predicted = degradation.learned(told, left)
        noise = None
        if images.noise is not None:
            noise = _measured_noise(images, noisy, degradation, below, rng)
        gamma = float(np.exp(rng.normal(0, 0.12))) if rng.random() < 0.4 else 1.0
        scale = Intensity.of(_curved(noisy, gamma))
        scale = Intensity(
            scale.offset * rng.uniform(0, 1.2), scale.scale * np.exp(rng.normal(0, 0.08))
        )

        def finished(frames: np.ndarray | None) -> np.ndarray | None:
            return None if frames is None else scale.apply(_curved(frames, gamma))

        if noise is not None:
            noise = _curved_noise(noise, mean, gamma).scaled(1 / scale.scale)
        return Degraded(
            scale.apply(_curved(ideal, gamma)),
            scale.apply(_curved(scan, gamma)),
            scale.apply(_curved(noisy, gamma)),
            finished(mean),
            finished(predicted),
            noise,
            skill**2,
        )

    def _varied(self, images: Material, rng: np.random.Generator) -> Material:
        images = self._moved(images, rng)
        if rng.random() < self.texture:
            pattern = _texture(rng, images.ideal.shape)
            images = images.changed(lambda frames: np.maximum(frames, 0) * pattern)
        if rng.random() < self.softness:
            blur = float(rng.uniform(0.3, 0.9))
            images = images.changed(lambda frames: _each(frames, cv2.GaussianBlur, (0, 0), blur))
        return images

    def _moved(self, images: Material, rng: np.random.Generator) -> Material:
        height, width = images.ideal.shape[1:]
        high, wide = self.size or height, self.size or width
        matrix, zoom = None, high / height
        if rng.random() < self.geometry:
            scale = zoom * np.exp(rng.normal(0, 0.1))
            centre = (width / 2, height / 2)
            matrix = cv2.getRotationMatrix2D(centre, float(rng.normal(0, 6)), scale)
            matrix[:, 2] += np.array(centre) * (zoom - 1) + rng.normal(0, 3.0, 2)
        elif high != height:
            matrix = np.array([[zoom, 0, (zoom - 1) / 2], [0, zoom, (zoom - 1) / 2]])
        if matrix is not None:
            options = dict(flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
            images = images.moved(
                lambda frames: _each(frames, cv2.warpAffine, matrix, (wide, high), **options)
            )
        if rng.random() < self.mirror:
            images = images.moved(lambda frames: frames[:, :, ::-1].copy())
        if self.crop is None or self.crop >= min(high, wide):
            return images
        y, x = (int(rng.integers(side - self.crop + 1)) for side in (high, wide))
        part = (slice(None), slice(y, y + self.crop), slice(x, x + self.crop))
        return images.moved(lambda frames: frames[part].copy())


def with_weaker_sound(material: Material, skill: float) -> Material:
    """Predictions that correlate by `skill` with those there are, shrunk as the regression would."""
    predicted, mean = material.predicted, material.mean
    if predicted is None or mean is None or skill == 1:
        return material
    astray = predicted[::-1] if material.astray is None else material.astray
    departure = skill * (predicted - mean) + np.sqrt(1 - skill**2) * (astray - mean)
    return replace(material, predicted=mean + np.float32(skill) * departure)


def _each(frames: np.ndarray, function, *arguments, **options) -> np.ndarray:
    return np.stack([function(frame, *arguments, **options) for frame in frames])


def _static_share(rng: np.random.Generator) -> float:
    """By how much of its static artefacts a scan departs from the object."""
    kind = rng.random()
    return 1.0 if kind < 0.6 else 0.0 if kind < 0.8 else float(rng.uniform(0, 1.5))


def _measured_noise(
    images: Material,
    noisy: np.ndarray,
    degradation: Degradation,
    signal: np.ndarray,
    rng: np.random.Generator,
) -> Noise | None:
    """What a survey of a recording degraded like this window would find.

    Its map is the sum of the powers of movement, of the reconstruction's error and of the added
    noise; its level and correlations are those of the window.
    """
    assert images.noise is not None
    moving = images.motion**2
    error = np.maximum(images.noise.strength**2 - moving, 0) * degradation.error_gain**2
    sigma = degradation.changing_noise(noisy.shape[1:])
    share = 1 - (1 - _RAYLEIGH) * np.exp(-((signal / np.maximum(sigma, 1e-6)) ** 2) / 2)
    added = sigma**2 * share * (1 - max(0.0, 1 - LAGS / degradation.noise_memory))
    power = moving + error + added + 1e-8
    still = power <= np.median(power)
    collected = NoisePass(noisy.shape[1:])
    collected.add(noisy, np.ones(len(noisy), bool))
    found = collected.result(still)
    if found is None:
        return None
    repeating = images.noise.undersampling * float(np.median(error / power).clip(0, 1))
    power *= found.level**2 / power[still].mean()
    strength = np.sqrt(power) * np.exp(rng.normal(0, 0.05, power.shape) + rng.normal(0, 0.05))
    return replace(
        found,
        strength=strength.astype(np.float32),
        level=_level(strength),
        undersampling=repeating,
    )


def _level(strength: np.ndarray) -> float:
    """Noise of the half of the pixels that has least."""
    low = strength <= np.median(strength)
    return float(np.sqrt((strength[low] ** 2).mean()))


def _curved(frames: np.ndarray, gamma: float) -> np.ndarray:
    return frames if gamma == 1 else np.maximum(frames, 0) ** np.float32(gamma)


def _curved_noise(noise: Noise, mean: np.ndarray | None, gamma: float) -> Noise:
    if gamma == 1 or mean is None:
        return noise
    slope = gamma * np.maximum(mean, 0.05) ** (gamma - 1)
    strength = (noise.strength * slope).astype(np.float32)
    return replace(noise, strength=strength, level=_level(strength))


def _texture(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Multiplicative texture that drifts slowly, (frame, y, x) about 1."""
    n_frames, height, width = shape
    margin = 8
    grid = (height + 2 * margin, width + 2 * margin)
    pattern = np.zeros(grid, np.float32)
    for _ in range(int(rng.integers(1, 4))):
        blur = float(np.exp(rng.uniform(np.log(0.5), np.log(12))))
        noise = cv2.GaussianBlur(rng.normal(0, 1, grid), (0, 0), blur)
        pattern += (rng.uniform(0.02, 0.16) * noise / noise.std()).astype(np.float32)
    path = np.cumsum(rng.normal(0, 0.25, (n_frames, 2)), axis=0) * (rng.random() < 0.5)
    path = moving_average(path[..., None], 3)[..., 0].clip(1 - margin, margin - 1)
    moved = [
        cv2.warpAffine(
            pattern,
            np.array([[1, 0, x - margin], [0, 1, y - margin]], np.float64),
            (width, height),
            flags=cv2.INTER_CUBIC,
        )
        for x, y in path
    ]
    return np.exp(np.stack(moved)).astype(np.float32)
