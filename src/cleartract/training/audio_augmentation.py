"""Effects of scanner room, noise cancellation and codecs on the sound of a recording."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.signal import ShortTimeFFT, fftconvolve

_REPETITION_TIME = 0.006  # [s], about that of spiral speech protocols
_INTERLEAVES = 13
_SPAN = 512  # [samples] of the short-time transform
_SINE = np.sin(np.pi * (np.arange(_SPAN) + 0.5) / _SPAN)
_SHORT_TIME = ShortTimeFFT(_SINE, hop=_SPAN // 2, fs=1.0)  # its dual window is the same sine


@dataclass(frozen=True)
class AudioAugmentation:
    """Makes a clean waveform sound like one from a scanner; each effect at random.

    Attributes:
        scanner: Probability of gradient noise, left over by the noise cancellation or not.
        cancellation: Probability of the distortion that noise cancellation leaves in speech.
        gain: Spread of the loudness [dB].
        reverberation: Probability of an echoing bore.
        band: Probability of a lower bandwidth, that of sample rates of 8 to 20 kHz.
        codec: Probability of the loss of a low-bitrate codec.
    """

    scanner: float = 0.4
    cancellation: float = 0.2
    gain: float = 3.0
    reverberation: float = 0.3
    band: float = 0.4
    codec: float = 0.2

    def __call__(
        self, waveform: np.ndarray, sample_rate: int, frame_rate: float, rng: np.random.Generator
    ) -> np.ndarray:
        """Vary a waveform, (sample,) float32, same length.

        Args:
            waveform: (sample,).
            sample_rate: [Hz].
            frame_rate: Of the recording; its TR is the whole fraction of a frame nearest to 6 ms.
            rng: Source of randomness.
        """
        sound: np.ndarray = waveform.astype(np.float32)
        level = float(np.sqrt((sound**2).mean())) or 1e-4
        if rng.random() < self.reverberation:
            sound = reverberate(sound, sample_rate, float(rng.uniform(0.05, 0.35)), rng)
        if rng.random() < self.cancellation:
            sound = cancellation_residue(sound, float(rng.uniform(0.02, 0.2)), rng)
        if rng.random() < self.scanner:
            arms = max(1, round(1 / (frame_rate * _REPETITION_TIME)))
            noise = gradient_noise(len(sound), sample_rate, 1 / (frame_rate * arms), rng)
            sound = sound + noise * np.float32(level * 10 ** (rng.uniform(-40, -5) / 20))
        if rng.random() < self.band:
            sound = band_limited(sound, sample_rate, float(rng.uniform(4000, 10_000)))
        if rng.random() < self.codec:
            sound = codec_loss(sound, float(rng.uniform(15, 40)))
        return (sound * 10 ** (rng.normal(0, self.gain) / 20)).astype(np.float32)


def gradient_noise(
    samples: int, sample_rate: int, repetition_time: float, rng: np.random.Generator
) -> np.ndarray:
    """Noise of the gradient coils playing rotated interleaves, root mean square 1, (sample,).

    Two sounds, one for each in-plane gradient axis, repeat every TR; the rotation of the interleaf
    weighs them. The spectrum has lines at multiples of 1 / TR, with sidebands of 1 / (13 TR).

    Args:
        samples: Length.
        sample_rate: [Hz].
        repetition_time: TR [s].
        rng: Source of randomness (timbre, order of the angles, phase).
    """
    period = max(8, round(repetition_time * sample_rate))
    frequencies = np.fft.rfftfreq(period, 1 / sample_rate)
    envelope = np.zeros_like(frequencies)
    for _ in range(4):  # resonances of coil and bore
        centre, width = rng.uniform(300, 4000), rng.uniform(200, 1200)
        envelope += rng.uniform(0.2, 1) / (1 + ((frequencies - centre) / width) ** 2)
    axes = np.fft.irfft(
        envelope * np.exp(2j * np.pi * rng.random((2, len(frequencies)))), n=period, axis=1
    )
    angles = 2 * np.pi * rng.permutation(_INTERLEAVES) / _INTERLEAVES
    cycle = np.outer(np.cos(angles), axes[0]) + np.outer(np.sin(angles), axes[1])
    # the period is no whole number of samples: read the cycle at exact times
    position = (
        np.arange(samples) / sample_rate / repetition_time + rng.uniform(0, _INTERLEAVES)
    ) % _INTERLEAVES
    arm, within = np.divmod(position, 1.0)
    noise = cycle[arm.astype(int) % _INTERLEAVES, (within * period).astype(int) % period]
    return (noise / max(float(noise.std()), 1e-9)).astype(np.float32)


def reverberate(
    sound: np.ndarray, sample_rate: int, decay: float, rng: np.random.Generator
) -> np.ndarray:
    """Add an exponentially decaying echo; `decay` is the time to fall by 60 dB [s]."""
    length = max(2, round(decay * sample_rate))
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail *= 10 ** (rng.uniform(-20, -6) / 20) / np.sqrt((tail**2).sum())
    tail[0] += 1.0
    return fftconvolve(sound, tail)[: len(sound)].astype(np.float32)


def band_limited(sound: np.ndarray, sample_rate: int, highest: float) -> np.ndarray:
    """Remove frequencies above `highest` [Hz]."""
    spectrum = np.fft.rfft(sound)
    spectrum[np.fft.rfftfreq(len(sound), 1 / sample_rate) > highest] = 0
    return np.fft.irfft(spectrum, len(sound)).astype(np.float32)


def codec_loss(sound: np.ndarray, kept: float) -> np.ndarray:
    """Remove parts more than `kept` [dB] below the strongest one of each short-time spectrum."""

    def cut(spectrum: np.ndarray) -> np.ndarray:
        magnitude = np.abs(spectrum)
        return spectrum * (magnitude > magnitude.max(0) * 10 ** (-kept / 20))

    return _in_short_frames(sound, cut)


def cancellation_residue(sound: np.ndarray, floor: float, rng: np.random.Generator) -> np.ndarray:
    """Spectral subtraction of a floor with random holes: the musical noise of noise cancellation.

    Args:
        sound: (sample,).
        floor: Level subtracted, a share of the root mean square magnitude.
        rng: Source of the holes.

    References:
        Boll 1979, IEEE Trans ASSP 27:113.
    """

    def subtract(spectrum: np.ndarray) -> np.ndarray:
        magnitude = np.abs(spectrum)
        level = floor * np.sqrt((magnitude**2).mean()) * rng.rayleigh(1.0, magnitude.shape)
        return spectrum * np.clip(1 - level / np.maximum(magnitude, 1e-9), 0, 1)

    return _in_short_frames(sound, subtract)


def _in_short_frames(sound: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Sound with changed short-time spectra, (frequency, time) complex; same length."""
    padded = np.pad(sound, (0, max(0, _SPAN - len(sound))))
    changed = _SHORT_TIME.istft(change(_SHORT_TIME.stft(padded)), k1=len(padded))
    return changed[: len(sound)].astype(np.float32)
