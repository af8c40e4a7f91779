"""What was removed, split into noise and what repeats with the posture."""

from __future__ import annotations

import numpy as np
import torch

from cleartract.denoising.posture import PosturePass
from cleartract.evaluation.regions import bright_tissue
from cleartract.recordings.rician import rician_mean

BLOCK, MARGIN = 0.5, 0.1  # [s] left out together, and on both sides of it
_CHUNK = 256  # [frames]
RIDGES = (0.03, 0.1, 0.3, 1.0)  # penalties that are tried, of the number of frames


def posture(frames: np.ndarray) -> np.ndarray | None:
    """Leading principal components of a recording, (frame, component), unit variance, or None.

    Args:
        frames: Restored, (frame, height, width).
    """
    collected = PosturePass(frames.shape[1:])
    for first in range(0, len(frames), _CHUNK):
        collected.add(frames[first : first + _CHUNK])
    found = collected.result()
    return None if found is None else found.of(frames).astype(np.float64)


def repeating_part(
    noisy: np.ndarray, denoised: np.ndarray, rate: float, sigma: float = 0.0
) -> dict[str, float]:
    """How much of what was removed repeats with the posture, in tissue.

    The residual noisy - denoised is regressed on the posture, block by block held out. A denoiser
    takes away what does not repeat: noise. What a regression can predict is artefact or anatomy. The
    bias of magnitudes, which follows from the noise level, is taken off first.

    Args:
        noisy: (frame, height, width).
        denoised: Same shape and scale, with 0 for no signal.
        rate: Frames per second.
        sigma: Standard deviation of the noise's real and imaginary part, for its bias.

    Returns:
        removed: Root mean square of the residual, as a share of the brightest tissue.
        repeating: Of the part that repeats.
        noise: Of the rest.
        Empty where the recording is too short to tell, or nothing moves.
    """
    features = posture(denoised)
    if features is None or len(noisy) < 3 * round(BLOCK * rate):
        return {}
    tissue = bright_tissue(noisy)
    bright = float(np.percentile(noisy.mean(0), 99.5))
    residual = (noisy[:, tissue] - denoised[:, tissue]).astype(np.float64) / bright
    if sigma > 0:
        signal = torch.from_numpy(np.maximum(denoised[:, tissue], 0).astype(np.float64))
        bias = rician_mean(signal, torch.tensor(sigma, dtype=torch.float64)) - signal
        residual -= bias.numpy() / bright
    explained = held_out_power(features, residual, rate)
    total = float((residual**2).mean())
    repeating = float(np.clip(explained, 0, total))
    return {
        "removed": float(np.sqrt(total)),
        "repeating": float(np.sqrt(repeating)),
        "noise": float(np.sqrt(total - repeating)),
    }


def held_out_power(features: np.ndarray, values: np.ndarray, rate: float) -> float:
    """Mean power of some values that a regression predicts, each block from all others.

    Predictions are shrunk by their skill, so that a regression without any predicts nothing; the
    penalty that predicts most is used.

    Args:
        features: (frame, feature) of unit variance.
        values: (frame, value).
        rate: Frames per second.
    """
    powers = []
    for ridge in RIDGES:
        predicted = _held_out(features, values, rate, ridge)
        together, power = float((predicted * values).sum()), float((predicted**2).sum())
        skill = float(np.clip(together / max(power, 1e-30), 0, 1))
        powers.append((2 * skill * together - skill**2 * power) / values.size)
    return max(powers)


def _held_out(features: np.ndarray, values: np.ndarray, rate: float, ridge: float) -> np.ndarray:
    count = len(values)
    block, margin = max(2, round(BLOCK * rate)), max(1, round(MARGIN * rate))
    a = np.concatenate([features, np.ones((count, 1))], 1)
    penalty = np.full(a.shape[1], ridge * count)
    penalty[-1] = 1e-9
    gram, cross = a.T @ a, a.T @ values
    predicted = np.empty_like(values)
    for first in range(0, count, block):
        out = slice(max(0, first - margin), first + block + margin)
        inside = slice(first, first + block)
        rest = gram - a[out].T @ a[out] + np.diag(penalty)
        weights = np.linalg.solve(rest, cross - a[out].T @ values[out])
        predicted[inside] = a[inside] @ weights
    return predicted
