"""From clean frames to a training pair: variation of the truth, then a fresh degradation."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from cleartract.recordings.intensity import Intensity
from cleartract.simulation.scanner.artefacts import moving_average
from cleartract.simulation.scanner.degradation import Degradation


@dataclass(frozen=True)
class TrainingDegradation:
    """Makes (clean, noisy) training frames; an instance is the `degrade` of `AVDataset`.

    Attributes:
        size: Pixels along each side of the result; None keeps the size.
        geometry: Probability of a random scaling, rotation and shift.
        mirror: Probability of left and right exchanged.
        texture: Probability of extra texture on the truth itself, so that fine structure that the
            phantoms lack is not mistaken for noise.
        softness: Probability of a blur of the truth, so that edges of every sharpness occur and
            are kept as they are.
    """

    size: int | None = None
    geometry: float = 0.5
    mirror: float = 0.25
    texture: float = 0.6
    softness: float = 0.5

    def __call__(
        self,
        clean: np.ndarray,
        error: np.ndarray | None,
        known: np.ndarray | None,
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Vary and degrade; all results share one intensity scale, fixed by the noisy frames.

        Args:
            clean: True frames, (frame, height, width).
            error: Complex error of the reconstruction, or None.
            known: Frames predicted from the sound, if any, and the mean frame behind them, or None;
                varied like the true ones, and as if learned from recordings degraded like the noisy
                ones.
            rng: Source of randomness.
        """
        cv2.setNumThreads(1)
        count = len(clean)
        if known is not None:  # one stack: what happens to the truth happens to them
            clean = np.concatenate([clean, known])
        clean, error = self._vary_geometry(clean, error, rng)
        if rng.random() < self.texture:
            pattern = _texture(rng, (count, *clean.shape[1:]))
            lasting = pattern.mean(0)[None].repeat(len(clean) - count, 0)
            clean = np.maximum(clean, 0) * np.concatenate([pattern, lasting])
        if rng.random() < self.softness:
            blur = float(rng.uniform(0.3, 0.9))
            clean = np.stack([cv2.GaussianBlur(frame, (0, 0), blur) for frame in clean])
        degradation = Degradation.random(rng)
        noisy = degradation.apply(clean[:count], error)
        left = float(rng.uniform(0, 0.25))  # about the root of features over frames
        if known is not None:
            # the mean frame has all frames behind it, a prediction some per feature
            learned = [degradation.learned(clean[-1:])]
            if len(known) > 1:
                learned.insert(0, degradation.learned(clean[count:-1], left))
            clean = np.concatenate([clean[:count], *learned])
        if rng.random() < 0.4:
            gamma = float(np.exp(rng.normal(0, 0.12)))
            clean, noisy = np.maximum(clean, 0) ** gamma, np.maximum(noisy, 0) ** gamma
        scale = Intensity.of(noisy)
        scale = Intensity(
            scale.offset * rng.uniform(0, 1.2), scale.scale * np.exp(rng.normal(0, 0.08))
        )
        clean, noisy = scale.apply(clean), scale.apply(noisy)
        return clean[:count], noisy, None if known is None else clean[count:]

    def _vary_geometry(self, clean, error, rng: np.random.Generator):
        height, width = clean.shape[1:]
        high, wide = self.size or height, self.size or width
        matrix = None
        zoom = high / height
        if rng.random() < self.geometry:
            scale = zoom * np.exp(rng.normal(0, 0.1))
            centre = (width / 2, height / 2)
            matrix = cv2.getRotationMatrix2D(centre, float(rng.normal(0, 6)), scale)
            matrix[:, 2] += np.array(centre) * (zoom - 1) + rng.normal(0, 3.0, 2)
        elif high != height:
            matrix = np.array([[zoom, 0, (zoom - 1) / 2], [0, zoom, (zoom - 1) / 2]])

        def move(frames: np.ndarray) -> np.ndarray:
            if matrix is None:
                return frames
            options = dict(flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
            return np.stack([cv2.warpAffine(f, matrix, (wide, high), **options) for f in frames])

        clean = move(clean)
        if error is not None:
            real = np.ascontiguousarray(error.real)
            error = (move(real) + 1j * move(np.ascontiguousarray(error.imag))).astype(np.complex64)
        if rng.random() < self.mirror:
            clean = clean[:, :, ::-1].copy()
            error = None if error is None else error[:, :, ::-1].copy()
        return clean, error


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
