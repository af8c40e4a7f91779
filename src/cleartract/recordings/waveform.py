"""The sound of a recording as encoders want it: one rate, one loudness, any span."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cleartract.recordings.sound import ArraySound, Sound
from cleartract.recordings.spool import Spool

_LOUD = 0.1  # root mean square of the loudest tenth
_SILENT = 1e-5


@dataclass(frozen=True)
class PreparedSound:
    """Sound at the encoders' rate and at a common loudness, on disk where it is long.

    Attributes:
        samples: The resampled sound.
        rate: [Hz].
        gain: Factor that brings it to the common loudness.
        shift: What is read as time 0 lies so many samples after the first one [samples].
        source_samples: Samples of the sound before resampling.
    """

    samples: Spool
    rate: int
    gain: float
    shift: int = 0
    source_samples: int = 0

    @classmethod
    def of(cls, sound: Sound, rate: int) -> PreparedSound:
        """Resample a sound in blocks and measure its loudness.

        The loudest tenth of the sound gets a root mean square of 0.1, so that a quiet recording
        sounds like a loud one.

        Args:
            sound: Any rate.
            rate: Wanted [Hz].
        """
        import soxr

        stream = soxr.ResampleStream(sound.rate, rate, 1, dtype="float32")
        spool, level, count = Spool(), _Loudness(rate), 0
        for block in sound.blocks():
            count += len(block)
            resampled = stream.resample_chunk(block)
            spool.append(resampled)
            level.add(resampled)
        rest = stream.resample_chunk(np.zeros(0, np.float32), last=True)
        spool.append(rest)
        level.add(rest)
        return cls(spool, rate, level.gain(), 0, count)

    def __len__(self) -> int:
        return len(self.samples)

    def shifted(self, seconds: float) -> PreparedSound:
        """The same sound read so much earlier [s]: what was at time t + seconds is at t."""
        return replace(self, shift=self.shift + round(seconds * self.rate))

    def span(self, start: int, count: int) -> np.ndarray:
        """Samples from `start`, which may be negative; zeros beyond both ends, (count,)."""
        return self.samples.span(start + self.shift, count) * np.float32(self.gain)


class _Loudness:
    """Root mean square of blocks of 20 ms."""

    def __init__(self, rate: int):
        self.size = max(1, rate // 50)
        self.left = np.zeros(0, np.float32)
        self.levels: list[np.ndarray] = []

    def add(self, samples: np.ndarray) -> None:
        samples = np.concatenate([self.left, samples])
        whole = len(samples) // self.size * self.size
        blocks, self.left = samples[:whole].reshape(-1, self.size), samples[whole:]
        self.levels.append(np.sqrt((blocks**2).mean(1)))

    def gain(self) -> float:
        levels = np.concatenate(self.levels) if self.levels else np.zeros(0)
        loud = float(np.percentile(levels, 90)) if len(levels) else 0.0
        return _LOUD / loud if loud > _SILENT else 1.0


def prepared_audio(audio: np.ndarray, sample_rate: int, wanted: int) -> np.ndarray:
    """A whole waveform at another rate [Hz] and at the common loudness, (sample,) float32."""
    waveform = PreparedSound.of(ArraySound(np.asarray(audio, np.float32), sample_rate), wanted)
    return waveform.span(0, len(waveform))
