"""What a training window is made from, and what degradation makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from cleartract.denoising.noise_survey import Noise


@dataclass(frozen=True)
class Material:
    """What a training window is made from, in the unit of the truth.

    Attributes:
        ideal: The object, (frame, height, width); of a real recording its frames.
        scan: What the scanner shows of it with full sampling and no noise, likewise.
        error: Complex error of the reconstruction against its scan, likewise, or None.
        mean: Mean frame of the noisy recording, (height, width), or None.
        predicted: Frames of it predicted from the sound, (frame, height, width), or None.
        truth_means: Means of `ideal` and `scan` over the recording, (2, height, width).
        noise: Noise of the recording as its survey measured it, or None.
        motion: What that would have measured without any noise, (height, width).
        astray: Like `predicted`, but for another moment of the recording, or None.
    """

    ideal: np.ndarray
    scan: np.ndarray
    error: np.ndarray | None
    mean: np.ndarray | None
    predicted: np.ndarray | None
    truth_means: np.ndarray
    noise: Noise | None
    motion: np.ndarray
    astray: np.ndarray | None = None

    def with_static_share(self, share: float) -> tuple[np.ndarray, np.ndarray]:
        """Frames, and their mean frame, with a share of what scanner and reconstruction do."""
        ideal_mean, scan_mean = self.truth_means
        frames = self.ideal + np.float32(share) * (self.scan - self.ideal)
        mean = ideal_mean + np.float32(share) * (scan_mean - ideal_mean)
        return np.maximum(frames, 0), np.maximum(mean, 0)

    def changed(self, change) -> Self:
        """With all images of the object changed, frame by frame or by the mean change."""
        frames = len(self.ideal)

        def lasting(image: np.ndarray) -> np.ndarray:
            return change(image[None].repeat(frames, 0)).mean(0)

        return replace(
            self,
            ideal=change(self.ideal),
            scan=change(self.scan),
            mean=None if self.mean is None else lasting(self.mean),
            predicted=None if self.predicted is None else change(self.predicted),
            truth_means=np.stack([lasting(image) for image in self.truth_means]),
        )

    def moved(self, move) -> Self:
        """With all images moved."""
        error, noise = self.error, self.noise
        if error is not None:
            parts = (move(np.ascontiguousarray(part)) for part in (error.real, error.imag))
            real, imaginary = parts
            error = (real + 1j * imaginary).astype(np.complex64)
        if noise is not None:
            noise = replace(noise, strength=np.maximum(move(noise.strength[None])[0], 0))
        return replace(
            self,
            ideal=move(self.ideal),
            scan=move(self.scan),
            error=error,
            mean=None if self.mean is None else move(self.mean[None])[0],
            predicted=None if self.predicted is None else move(self.predicted),
            truth_means=move(self.truth_means),
            noise=noise,
            motion=np.maximum(move(self.motion[None])[0], 0),
        )


@dataclass(frozen=True)
class Degraded:
    """A training window, normalised; fields as in `Material` and `PreparedWindow`.

    Attributes:
        skill: What is left of the skill of the predicted frames, from 0 to 1.
    """

    ideal: np.ndarray
    scan: np.ndarray
    noisy: np.ndarray
    mean: np.ndarray | None
    predicted: np.ndarray | None
    noise: Noise | None
    skill: float = 1.0


Degrade = Callable[[Material, np.random.Generator], Degraded]


def undegraded(material: Material, _: np.random.Generator) -> Degraded:
    """The window as the corpus holds it."""
    noisy = material.scan
    if material.error is not None:
        noisy = np.abs(material.scan + material.error)
    return Degraded(
        material.ideal, material.scan, noisy, material.mean, material.predicted, material.noise
    )
