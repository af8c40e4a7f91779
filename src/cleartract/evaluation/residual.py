"""Residual audit: the part that was removed must look like noise."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, uniform_filter

from cleartract.evaluation.full_reference import correlation, radial_spectrum

_BLOCK = 20  # [pixels]


def residual_audit(
    noisy: np.ndarray, denoised: np.ndarray, air: np.ndarray, tissue: np.ndarray
) -> dict[str, float]:
    """Measurements of the residual noisy - denoised.

    Args:
        noisy: (frame, height, width).
        denoised: Same shape and scale.
        air: Air, (height, width) bool.
        tissue: Where structure could be lost, (height, width) bool.

    Returns:
        edges: Correlation over tissue pixels of the residual's size with the gradient's magnitude.
        motion: The same with the size of the change from frame to frame.
        structure: Size of the correlation of the residual with the denoised frames' own fine
            structure (their high-pass). Sharpening and smoothing both raise it.
        static: Share of the residual's energy that is the same in every frame.
        spectrum: Distance of its radial spectrum in a block of tissue from that in a block of
            air, both of 20x20 pixels: mean absolute difference of the logarithms (base 10) of
            the rings' shares.
        lag: Correlation of the residual with the next frame's, in tissue, minus the same in air.
    """
    residual = noisy.astype(np.float64) - denoised
    varying = residual - residual.mean(0)
    vertical, horizontal = np.gradient(denoised.astype(np.float64), axis=(1, 2))
    gradient = np.hypot(vertical, horizontal)
    change = np.abs(np.gradient(denoised.astype(np.float64), axis=0))
    return {
        "edges": _correlation(np.abs(varying)[:, tissue].mean(0), gradient[:, tissue].mean(0)),
        "motion": _correlation(np.abs(varying)[:, tissue], change[:, tissue]),
        "structure": abs(_correlation(residual[:, tissue], _fine(denoised)[:, tissue])),
        "static": float((residual.mean(0) ** 2).mean() / max((residual**2).mean(), 1e-20)),
        "spectrum": _spectral_distance(varying, air, tissue),
        "lag": _lag(varying, tissue) - _lag(varying, air),
    }


def _fine(frames: np.ndarray) -> np.ndarray:
    frames = frames.astype(np.float64)
    return frames - gaussian_filter(frames, (0, 1.0, 1.0))


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.nan_to_num(correlation(a, b)))  # constant parts are not correlated


def _lag(residual: np.ndarray, mask: np.ndarray) -> float:
    return _correlation(residual[:-1, mask], residual[1:, mask])


def _spectral_distance(residual: np.ndarray, air: np.ndarray, tissue: np.ndarray) -> float:
    parts = [residual[:, *_fullest_block(mask)] for mask in (air, tissue)]
    shares = []
    for part in parts:
        power = radial_spectrum(part, 8)[1][1:]
        shares.append(np.log10(np.maximum(power / max(power.sum(), 1e-20), 1e-6)))
    return float(np.abs(shares[0] - shares[1]).mean())


def _fullest_block(mask: np.ndarray) -> tuple[slice, slice]:
    """The square of 20 pixels that holds most of a mask."""
    side = min(_BLOCK, *mask.shape)
    share = uniform_filter(mask.astype(float), side, mode="constant", origin=-(side // 2))
    share = share[: mask.shape[0] - side + 1, : mask.shape[1] - side + 1]
    y, x = np.unravel_index(share.argmax(), share.shape)
    return slice(y, y + side), slice(x, x + side)
