"""The sound of a recording as encoders want it."""

from __future__ import annotations

import numpy as np


def prepared_audio(audio: np.ndarray, sample_rate: int, wanted: int) -> np.ndarray:
    """Resample a waveform [Hz] and bring its loud parts to a root mean square of 0.1."""
    import soxr

    resampled = soxr.resample(np.asarray(audio, np.float32), sample_rate, wanted)
    size = max(1, wanted // 50)
    blocks = resampled[: len(resampled) // size * size].reshape(-1, size)
    loud = float(np.percentile(np.sqrt((blocks**2).mean(1)), 90)) if len(blocks) else 0.0
    return resampled * np.float32(0.1 / loud) if loud > 1e-5 else resampled
