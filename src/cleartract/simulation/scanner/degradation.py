"""Noise and artefacts of scanner, reconstruction and codec, drawn anew for every window.

`Degradation.random` draws the parameters, `apply` uses them: the same object gives the same frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from cleartract.recordings.rician import rician_mean
from cleartract.simulation.scanner import artefacts
from cleartract.simulation.scanner.codecs import LEVEL_ONE, compress

_SLOW = 8  # [frames] over which articulation, and a prediction from it, hardly changes
_NEXT_TO_NOTHING = 1e-5  # least noise
_CODECS = ("mpeg4", "mpeg4", "mjpeg", "libx264")


@dataclass(frozen=True)
class Degradation:
    """One set of noise and artefacts. Strengths are relative to the brightest tissue.

    Attributes:
        seed: Seed of the noise realisation.
        error_gain: Factor on the simulated reconstruction's own error (noise and undersampling).
        noise: Standard deviation of added complex noise, root mean square over the picture.
        noise_blur: Its correlation width in space [pixels].
        noise_memory: Frames over which it is averaged [frames]; many make it nearly constant.
        noise_static: Share of it that does not change at all.
        streaks: Number of static curved streaks.
        streak_level: Their strength.
        haze: Share of the signal spread out by blurring.
        haze_width: Width of that blur [pixels].
        haze_arms: Arms of the swirl in it; 0 is an isotropic haze.
        spikes: Share of frames with a spike in k-space (herringbone).
        spike_level: Strength of the stripes.
        truncation: Share of k-space kept without a taper (Gibbs stripes); 1 is all.
        shared_views: Frames averaged by view sharing [frames].
        codec: Lossy codec, or None.
        codec_quality: 0 (coarse) to 1 (fine).
        eight_bit: Rounded to 256 levels.
        even: Whether the noise is equally strong everywhere.
    """

    seed: int = 0
    error_gain: float = 1.0
    noise: float = 0.0
    noise_blur: float = 0.0
    noise_memory: int = 1
    noise_static: float = 0.0
    streaks: int = 0
    streak_level: float = 0.0
    haze: float = 0.0
    haze_width: float = 4.0
    haze_arms: int = 0
    spikes: float = 0.0
    spike_level: float = 0.0
    truncation: float = 1.0
    shared_views: int = 1
    codec: str | None = None
    codec_quality: float = 1.0
    eight_bit: bool = False
    even: bool = False

    @classmethod
    def random(cls, rng: np.random.Generator) -> Degradation:
        """Draw a degradation as found in real corpora, from mild to severe."""

        def happens(probability: float) -> bool:
            return bool(rng.random() < probability)

        def between(low: float, high: float) -> float:
            return float(np.exp(rng.uniform(np.log(low), np.log(high))))

        noise = between(0.004, 0.075) if happens(0.65) else 0.0
        if happens(0.12):  # a signal so low that fast movement is hardly visible
            noise = between(0.075, 0.3)
        return cls(
            seed=int(rng.integers(2**31)),
            error_gain=float(rng.uniform(0.3, 1.5)),
            noise=noise,
            noise_blur=float(rng.uniform(0.3, 1.3)) if happens(0.6) else 0.0,
            noise_memory=int(rng.integers(2, 12)) if happens(0.6) else 1,
            noise_static=float(rng.uniform(0, 0.7)) if happens(0.5) else 0.0,
            streaks=int(rng.integers(2, 14)) if happens(0.6) else 0,
            streak_level=between(0.01, 0.09),
            haze=float(rng.uniform(0.02, 0.16)) if happens(0.4) else 0.0,
            haze_width=float(rng.uniform(1.5, 9)),
            haze_arms=int(rng.integers(0, 5)),
            spikes=float(rng.uniform(0.1, 1.0)) if happens(0.15) else 0.0,
            spike_level=between(0.02, 0.12),
            truncation=float(rng.uniform(0.7, 0.97)) if happens(0.25) else 1.0,
            shared_views=int(rng.integers(2, 5)) if happens(0.2) else 1,
            codec=str(rng.choice(_CODECS)) if happens(0.5) else None,
            codec_quality=float(rng.random()),
            eight_bit=happens(0.6),
        )

    @classmethod
    def noise_alone(cls, rng: np.random.Generator) -> Degradation:
        """Draw noise of the receiver without any artefact, from hardly visible to hopeless."""
        coloured = rng.random() < 0.5
        return cls(
            seed=int(rng.integers(2**31)),
            error_gain=0.0,
            noise=float(np.exp(rng.uniform(np.log(0.004), np.log(0.3)))),
            noise_blur=float(rng.uniform(0.3, 1.0)) if coloured else 0.0,
            noise_memory=int(rng.integers(1, 4)) if coloured else 1,
            eight_bit=bool(rng.random() < 0.5),
            even=bool(rng.random() < 0.5),
        )

    def lasting(self, clean: np.ndarray) -> np.ndarray:
        """What full sampling without noise would show: clean frames with all that never changes."""
        streaks, still_noise, _ = self._lasting(clean.shape[1:])
        signal = self._spread(clean.astype(np.complex64))
        return np.abs(signal + streaks + still_noise).astype(np.float32)

    def changing_noise(self, shape: tuple[int, int]) -> np.ndarray:
        """Standard deviation of the noise that changes from frame to frame, (height, width)."""
        return self._lasting(shape)[2]

    def apply(self, clean: np.ndarray, error: np.ndarray | None = None) -> np.ndarray:
        """Degrade clean frames.

        Args:
            clean: (frame, height, width), about [0, 1].
            error: Complex error of a simulated reconstruction in phase with `clean`, same shape.

        Returns:
            Magnitude frames as a scanner or a video file would hold them, float32.
        """
        signal = clean.astype(np.complex64)
        if error is not None:
            signal = signal + np.float32(self.error_gain) * error
        if self.shared_views > 1:
            signal = artefacts.moving_average(signal, self.shared_views)
        signal = self._spread(signal)
        rng = np.random.default_rng([self.seed, 1])
        streaks, still_noise, strength = self._lasting(signal.shape[1:])
        signal = signal + streaks * artefacts.flicker(rng, len(signal)) + still_noise
        if self.spikes:
            signal = signal + artefacts.spikes(rng, signal.shape, self.spikes, self.spike_level)
        if self.noise:
            blur, memory = self.noise_blur, self.noise_memory
            signal = signal + strength * artefacts.coloured_noise(rng, signal.shape, blur, memory)
        frames = np.abs(signal).astype(np.float32)
        if self.codec:
            frames = compress(frames, self.codec, self.codec_quality)
        elif self.eight_bit:
            frames = (np.round(frames * LEVEL_ONE).clip(0, 255) / LEVEL_ONE).astype(np.float32)
        return frames

    def learned(self, predicted: np.ndarray, left: float = 0.0) -> np.ndarray:
        """Prediction of a regression on degraded frames, given its prediction on clean frames.

        It is the mean over noise. Artefacts that last stay. Noise that changes from frame to frame
        leaves only the bias of magnitudes.

        Args:
            predicted: Prediction on clean frames, (frame, height, width).
            left: Share of the noise that the regression learns by mistake from its few frames.
        """
        signal = self._spread(predicted.astype(np.complex64))
        streaks, still_noise, strength = self._lasting(signal.shape[1:])
        if left and self.noise:
            rng = np.random.default_rng([self.seed, 2])
            blur, memory = self.noise_blur, _SLOW
            noise = artefacts.coloured_noise(rng, signal.shape, blur, memory)
            signal = signal + np.float32(left) * strength * noise
        signal = np.abs(signal + streaks + still_noise)
        sigma = np.maximum(strength, _NEXT_TO_NOTHING)
        return rician_mean(torch.from_numpy(signal), torch.from_numpy(sigma)).float().numpy()

    def _spread(self, signal: np.ndarray) -> np.ndarray:
        if self.truncation < 1:
            signal = artefacts.truncate(signal, self.truncation)
        if self.haze:
            signal = artefacts.haze(signal, self.haze, self.haze_width, self.haze_arms)
        return signal

    def _lasting(self, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Streaks and noise that do not change, complex, and the strength of noise that does;
        (height, width) each."""
        rng = np.random.default_rng([self.seed, 0])
        streaks = artefacts.streaks(rng, shape, self.streaks, self.streak_level)
        if self.noise == 0:
            return streaks, np.zeros_like(streaks), np.zeros(shape, np.float32)
        uneven = artefacts.unevenness(rng, shape)
        gain = np.float32(self.noise) * (np.ones_like(uneven) if self.even else uneven)
        still = artefacts.coloured_noise(rng, (1, *shape), self.noise_blur)[0]
        share = np.float32(self.noise_static)
        return streaks, share * gain * still, np.sqrt(1 - share**2) * gain
