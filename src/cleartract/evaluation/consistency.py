"""Consistency: a small change of the noise must not change the result much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from cleartract.recordings.intensity import Intensity
from cleartract.recordings.recording import Recording

ADDED = 0.01  # standard deviation of the added noise, of the intensity scale


def middle_excerpt(total: int, frames: int) -> tuple[int, int]:
    """First frame and length of an excerpt from the middle of a recording [frames]."""
    length = min(frames, total)
    return (total - length) // 2, length


def consistency(
    recording: Recording, restore: Callable[[Recording], np.ndarray], seed: int = 0
) -> float:
    """Difference of two results over the difference of their inputs; 0 is perfect, 1 a copy.

    The inputs are the recording with two independent noises.

    Args:
        recording: A noisy recording.
        restore: Denoises a recording, returns (frame, height, width) in the same unit.
        seed: Seed of both noises.
    """
    rng = np.random.default_rng(seed)
    strength = ADDED * Intensity.of(recording.frames).scale
    inputs = [
        recording.frames + strength * rng.standard_normal(recording.frames.shape, np.float32)
        for _ in range(2)
    ]
    results = [restore(replace(recording, frames=frames, peak=None)) for frames in inputs]
    distance = np.sqrt(np.mean((results[0] - results[1]) ** 2))
    return float(distance / np.sqrt(np.mean((inputs[0] - inputs[1]) ** 2)))
