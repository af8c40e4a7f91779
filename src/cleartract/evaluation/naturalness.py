"""Distance of frames from clean frames in statistics of natural scenes: NIQE's construction.

The fit on clean frames ships as `naturalness.npz`; `benchmarks/fit_naturalness.py` makes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from scipy.ndimage import zoom
from scipy.special import gamma

from cleartract.evaluation.piqe import contrast_normalised, local_deviation

PATCH = 24  # [pixels] at the full scale
_SHAPES = np.arange(0.2, 10, 0.001)
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))


@dataclass(frozen=True)
class NaturalnessFit:
    """Gaussian of the features of clean frames.

    Attributes:
        mean: (36,).
        covariance: (36, 36).
    """

    mean: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray) -> NaturalnessFit:
        """Fit to features (patch, 36)."""
        return cls(features.mean(0), np.cov(features, rowvar=False))

    @classmethod
    def load(cls, path: Path | None = None) -> NaturalnessFit:
        """Read a fit; the shipped one by default."""
        if path is None:
            with as_file(files("cleartract.evaluation") / "naturalness.npz") as shipped:
                return cls.load(shipped)
        with np.load(path, allow_pickle=False) as file:
            return cls(file["mean"], file["covariance"])


def naturalness_distance(frames: np.ndarray, fit: NaturalnessFit | None = None) -> float:
    r"""Distance of the frames' patch statistics from those of clean frames; 0 is natural.

    .. math:: \sqrt{(\nu_1 - \nu_2)^T \left(\tfrac{\Sigma_1 + \Sigma_2}{2}\right)^{-1}
              (\nu_1 - \nu_2)}

    Args:
        frames: (frame, height, width), any scale, at least 48 pixels each way.
        fit: Of clean frames; the shipped one by default.

    References:
        Mittal et al. 2013, IEEE Signal Process Lett 20:209, Eq. 10.
    """
    clean = fit or _shipped()
    features = patch_features(frames)
    if not np.isfinite(features).all():
        return float("nan")
    fitted = NaturalnessFit.of(features)
    pooled = (clean.covariance + fitted.covariance) / 2
    offset = clean.mean - fitted.mean
    return float(np.sqrt(max(0.0, offset @ np.linalg.pinv(pooled) @ offset)))


@lru_cache(1)
def _shipped() -> NaturalnessFit:
    return NaturalnessFit.load()


def patch_features(frames: np.ndarray, sharpest: float = 0.0) -> np.ndarray:
    """Features of all patches that hold structure, (patch, 36).

    Args:
        frames: (frame, height, width), any scale.
        sharpest: Patches whose mean local deviation is less than this share of the largest one
            are left out; NIQE fits with 0.75 and applies with 0.

    Returns:
        One row per patch; not a number where fewer than two patches hold structure.
    """
    bright = max(float(np.percentile(frames, 99.5)), 1e-12)
    features, sharpness = [], []
    for frame in frames:
        image = np.asarray(frame, np.float64) / bright * 200
        normal = contrast_normalised(image)
        deviation = local_deviation(image)
        half = contrast_normalised(zoom(image, 0.5, order=1, grid_mode=True, mode="nearest"))
        for y in range(0, image.shape[0] - PATCH + 1, PATCH // 2):
            for x in range(0, image.shape[1] - PATCH + 1, PATCH // 2):
                patch = image[y : y + PATCH, x : x + PATCH]
                if patch.mean() < 20:
                    continue  # air
                small = half[y // 2 : (y + PATCH) // 2, x // 2 : (x + PATCH) // 2]
                whole = normal[y : y + PATCH, x : x + PATCH]
                features.append([*_scale_features(whole), *_scale_features(small)])
                sharpness.append(deviation[y : y + PATCH, x : x + PATCH].mean())
    if len(features) < 2:
        return np.full((2, 36), np.nan)
    keep = np.array(sharpness) >= sharpest * max(sharpness)
    return np.array(features)[keep]


def _scale_features(normal: np.ndarray) -> list[float]:
    """Shape and variance of the coefficients and of neighbours' products, 18 numbers."""
    shape, left, right = _asymmetric_gaussian(normal.ravel())
    features = [shape, (left + right) / 2]
    for dy, dx in _SHIFTS:
        product = (normal * np.roll(normal, (dy, dx), (0, 1)))[1:, 1:-1].ravel()
        shape, left, right = _asymmetric_gaussian(product)
        mean = (right - left) * float(_gamma_ratio()[1][_nearest_shape(shape)])
        features += [shape, mean, left, right]
    return features


def _asymmetric_gaussian(values: np.ndarray) -> tuple[float, float, float]:
    """Shape and the two scales of an asymmetric generalised Gaussian, by moments.

    References:
        Lasmar et al. 2009, IEEE ICIP, Eqs. 4 to 7.
    """
    left = float(np.sqrt((values[values < 0] ** 2).mean())) if (values < 0).any() else 1e-6
    right = float(np.sqrt((values[values > 0] ** 2).mean())) if (values > 0).any() else 1e-6
    skew = left / right
    flatness = float(np.abs(values).mean() ** 2 / max((values**2).mean(), 1e-12))
    wanted = flatness * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    table, _, spread = _gamma_ratio()
    index = min(int(np.searchsorted(table, wanted)), len(_SHAPES) - 1)
    return float(_SHAPES[index]), left * float(spread[index]), right * float(spread[index])


def _nearest_shape(shape: float) -> int:
    return min(round((shape - _SHAPES[0]) / 0.001), len(_SHAPES) - 1)


@lru_cache(1)
def _gamma_ratio() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tables over the shape: flatness, factor of the mean, standard deviation to scale."""
    g1, g2, g3 = gamma(1 / _SHAPES), gamma(2 / _SHAPES), gamma(3 / _SHAPES)
    return g2**2 / (g1 * g3), g2 / g1, np.sqrt(g1 / g3)
