"""How much of what moves a recording still shows, by frequency in time and space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_TIMES, _SPACES = 9, 9  # frequencies at which the gain is measured
_DOUBT = 0.02  # share of the mean power below which a gain goes to one


@dataclass(frozen=True)
class Transfer:
    """A filter without phase: view sharing and regularisation in time weaken what is fast.

    It is measured against what a model makes of the recording, which may itself have too little
    of what is fast: then the gain comes out too high, never above 1.

    Attributes:
        gains: 0 to 1, (frequency in time from 0 to 1/2 per frame, frequency in space from 0 to
            1/sqrt(2) per pixel).
    """

    gains: np.ndarray

    @classmethod
    def of(cls, clean: np.ndarray, seen: np.ndarray) -> Transfer:
        """Regress a recording on the clean frames that a model makes of it; see `pooled`."""
        return cls.pooled([(clean, seen)])

    @classmethod
    def pooled(cls, pairs: list[tuple[np.ndarray, np.ndarray]]) -> Transfer:
        """Regress recordings on the clean frames that a model makes of them.

        Args:
            pairs: Clean frames, and those seen, (frame, height, width) each; only departures from
                their mean over time count.
        """
        cross, power, count = (np.zeros((_TIMES, _SPACES)) for _ in range(3))
        for clean, seen in pairs:
            first, second = (_spectrum(x - x.mean(0)) for x in (clean, seen))
            times, spaces = _hats(clean.shape)
            both = (first.conj() * second).real.reshape(len(times), -1)
            own = (first.real**2 + first.imag**2).reshape(len(times), -1)
            # per frame, because a spectrum grows with the length of its clip
            cross += times.T @ both @ spaces / len(clean)
            power += times.T @ own @ spaces / len(clean)
            count += np.outer(times.sum(0), spaces.sum(0))
        doubt = _DOUBT * count * power.sum() / count.sum()
        return cls(np.clip((cross + doubt) / (power + doubt), 0, 1))

    def __call__(self, clean: np.ndarray) -> np.ndarray:
        """What a recording shows of clean frames; their mean over time stays, (frame, height, width)."""
        mean = clean.mean(0)
        times, spaces = _hats((2 * len(clean), *clean.shape[1:]))
        mirrored = np.concatenate([clean - mean, (clean - mean)[::-1]])
        gain = times @ self.gains.astype(np.float32) @ spaces.T  # single: a plane for every frame
        kept = gain.reshape(len(times), *clean.shape[1:]) * _spectrum(mirrored)
        kept = np.fft.ifft2(kept, axes=(1, 2))
        return mean + np.fft.irfft(kept, len(mirrored), axis=0)[: len(clean)].astype(np.float32)


def _spectrum(frames: np.ndarray) -> np.ndarray:
    return np.fft.fft2(np.fft.rfft(frames.astype(np.float32), axis=0), axes=(1, 2))


def _hats(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Weights of linear interpolation between the measured frequencies,
    (frequency in time, ...) and (height x width, ...)."""
    time = np.fft.rfftfreq(shape[0]) * 2
    y, x = (np.fft.fftfreq(n) for n in shape[1:])
    space = np.hypot(y[:, None], x).ravel() * np.sqrt(2)
    return _hat(time, _TIMES), _hat(space, _SPACES)


def _hat(place: np.ndarray, count: int) -> np.ndarray:
    distance = np.abs(place[:, None] * (count - 1) - np.arange(count))
    return np.clip(1 - distance, 0, None).astype(np.float32)
