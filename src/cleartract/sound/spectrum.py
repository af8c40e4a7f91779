"""Leading components of a recording's own spectrogram, beside the articulation in its sound."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from cleartract.sound.inversion import Spans
from cleartract.sound.log_mel import AUDIO_RATE, HOP, LogMel

COMPONENTS = 24
_MELS = 32
_OFFSETS = np.arange(-4, 5) * 0.05  # [s] of context around every frame
_FRAMES = 512  # [frames] at a time


def spectral_components(sound: Spans, times: np.ndarray) -> Iterator[np.ndarray]:
    """Principal components of the log-mel spectrogram with 0.2 s of context on both sides.

    The sound is read twice: for their directions, and for the components.

    Args:
        sound: At 16 kHz, readable in spans.
        times: Of the frames, increasing [s].

    Yields:
        (frame, 24) in standard units, in parts of 512 frames.
    """
    total, products = np.zeros(_MELS * len(_OFFSETS)), 0.0
    for part in _contexts(sound, times):
        total += part.sum(0)
        products = products + part.T @ part
    mean = total / max(len(times), 1)
    covariance = np.asarray(products) / max(len(times), 1) - np.outer(mean, mean)
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = values[::-1][:COMPONENTS], vectors[:, ::-1][:, :COMPONENTS]
    scale = 1 / np.sqrt(np.maximum(values, 1e-6 * max(float(values[0]), 1e-12)))
    for part in _contexts(sound, times):
        yield ((part - mean) @ vectors * scale).astype(np.float32)


def _contexts(sound: Spans, times: np.ndarray) -> Iterator[np.ndarray]:
    """Spectra around the frames, (frame, mel * offset) float64."""
    spectrogram = LogMel(_MELS)
    reach = float(_OFFSETS[-1]) + 0.05
    for first in range(0, len(times), _FRAMES):
        wanted = times[first : first + _FRAMES]
        low = int(np.floor((wanted[0] - reach) * AUDIO_RATE / HOP)) * HOP
        count = int((wanted[-1] + reach) * AUDIO_RATE) - low
        with torch.inference_mode():
            columns = spectrogram(torch.from_numpy(sound.span(low, count))[None])[0].T.numpy()
        moments = (low + HOP * np.arange(len(columns))) / AUDIO_RATE
        places = (wanted[:, None] + _OFFSETS).ravel()
        told = np.stack([np.interp(places, moments, column) for column in columns.T], 1)
        yield told.reshape(len(wanted), -1).astype(np.float64)
