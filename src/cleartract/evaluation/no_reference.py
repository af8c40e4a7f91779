"""Metrics that need no truth. Pure functions."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

_BLUR = 1.5  # [pixels], of the high-pass filter


def temporal_noise(frames: np.ndarray, mask: np.ndarray) -> float:
    """Standard deviation over frames, averaged over the masked pixels."""
    return float(frames.std(0)[mask].mean())


def spatial_noise(frames: np.ndarray, mask: np.ndarray) -> float:
    """Standard deviation of the high-pass filtered frames over the masked pixels.

    The filter subtracts a Gaussian blur of 1.5 pixels from each frame. Structure that does not
    change over time counts too, also tissue edges within 6 pixels; see `static_share`.
    """
    return float(_high_pass(frames)[:, mask].std())


def static_share(frames: np.ndarray, mask: np.ndarray) -> float:
    """Share of `spatial_noise` that is in the temporal mean already, 0 to 1.

    A denoiser that keeps the mean frame cannot bring `spatial_noise` below this share.
    """
    mean = frames.mean(0, keepdims=True)
    return spatial_noise(mean, mask) / max(spatial_noise(frames, mask), 1e-20)


def flicker(frames: np.ndarray, mask: np.ndarray) -> float:
    r"""Change from frame to frame that does not last, over the masked pixels.

    .. math:: \sqrt{\overline{(x_{t-1} - 2 x_t + x_{t+1})^2} / 6}

    White noise has a flicker of its own standard deviation; slow motion has next to none.

    Args:
        frames: (frame, height, width), at least three frames.
        mask: Tissue at rest, (height, width) bool.
    """
    second = np.diff(frames[:, mask].astype(np.float64), 2, axis=0)
    return float(np.sqrt((second**2).mean() / 6))


def signal_to_noise(frames: np.ndarray, tissue: np.ndarray) -> float:
    """Mean of tissue at rest over its standard deviation in time."""
    return float(frames[:, tissue].mean() / max(temporal_noise(frames, tissue), 1e-20))


def contrast_to_noise(frames: np.ndarray, tissue: np.ndarray, air: np.ndarray) -> float:
    """Difference of tissue and air over the pooled standard deviation in time."""
    noise = np.sqrt((temporal_noise(frames, tissue) ** 2 + temporal_noise(frames, air) ** 2) / 2)
    return float((frames[:, tissue].mean() - frames[:, air].mean()) / max(noise, 1e-20))


def edge_strength(frames: np.ndarray) -> float:
    """99th percentile of the gradient's magnitude [intensity per pixel]."""
    vertical, horizontal = np.gradient(frames, axis=(1, 2))
    return float(np.percentile(np.hypot(vertical, horizontal), 99))


def _high_pass(frames: np.ndarray) -> np.ndarray:
    frames = frames.astype(np.float32)
    return frames - gaussian_filter(frames, (0, _BLUR, _BLUR), mode="reflect")
