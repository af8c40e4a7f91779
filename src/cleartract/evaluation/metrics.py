"""Metrics of denoised recordings, with and without a clean truth. Pure functions."""

from __future__ import annotations

import numpy as np

AIR_SHARE = 8.0  # [percent] of the pixels, the darkest of the mean frame
_BLUR = 1.5  # [pixels], of the high-pass filter


def psnr(frames: np.ndarray, truth: np.ndarray, data_range: float = 1.0) -> float:
    r"""Peak signal-to-noise ratio [dB].

    .. math:: 10 \log_{10}(R^2 / \overline{(x - t)^2})

    Args:
        frames: Any shape.
        truth: Same shape.
        data_range: R, in the unit of the frames.
    """
    error = np.mean((np.asarray(frames, np.float64) - truth) ** 2)
    return float(10 * np.log10(data_range**2 / max(float(error), 1e-20)))


def ssim(frames: np.ndarray, truth: np.ndarray, data_range: float = 1.0) -> float:
    """Structural similarity of each frame (scikit-image, 7x7 window), averaged.

    Args:
        frames: (frame, height, width).
        truth: Same shape.
        data_range: In the unit of the frames.

    References:
        Wang et al. 2004, IEEE Trans Image Process 13:600.
    """
    from skimage.metrics import structural_similarity

    values = [
        structural_similarity(t, f, data_range=data_range)
        for f, t in zip(frames.astype(np.float64), truth.astype(np.float64), strict=True)
    ]
    return float(np.mean(values))


def frame_difference_error(frames: np.ndarray, truth: np.ndarray) -> float:
    """Root mean square error of the difference between successive frames.

    Flicker raises it, and so does motion that is smeared.

    Args:
        frames: (frame, height, width), at least two frames.
        truth: Same shape.
    """
    error = np.diff(np.asarray(frames, np.float64) - truth, axis=0)
    return float(np.sqrt(np.mean(error**2)))


def air_mask(frames: np.ndarray, share: float = AIR_SHARE) -> np.ndarray:
    """The darkest pixels of the mean frame, (height, width) bool.

    Args:
        frames: Noisy frames, (frame, height, width).
        share: Share of the pixels [percent].
    """
    mean = frames.mean(0)
    return mean <= np.percentile(mean, share)


def temporal_noise(frames: np.ndarray, mask: np.ndarray) -> float:
    """Standard deviation over frames, averaged over the masked pixels."""
    return float(frames.std(0)[mask].mean())


def spatial_noise(frames: np.ndarray, mask: np.ndarray) -> float:
    """Standard deviation of the high-pass filtered frames over the masked pixels.

    The filter takes a Gaussian blur of 1.5 pixels away from each frame.
    """
    high = frames - np.stack([gaussian_blur(frame, _BLUR) for frame in frames])
    return float(high[:, mask].std())


def edge_strength(frames: np.ndarray) -> float:
    """99th percentile of the gradient's magnitude [intensity per pixel]."""
    vertical, horizontal = np.gradient(frames, axis=(1, 2))
    return float(np.percentile(np.hypot(vertical, horizontal), 99))


def gaussian_blur(image: np.ndarray, width: float) -> np.ndarray:
    """Gaussian blur of an image, reflected at the borders, by two one-dimensional sums.

    Args:
        image: (height, width).
        width: Standard deviation [pixels].
    """
    radius = int(np.ceil(4 * width))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / width) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        pad = [(0, 0), (0, 0)]
        pad[axis] = (radius, radius)
        padded = np.pad(image, pad, mode="symmetric")
        image = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis) @ kernel
    return image
