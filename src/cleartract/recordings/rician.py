"""Bias of magnitudes with complex noise."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

_ROUNDS = 60
_LARGEST, _STEP = 30.0, 1e-3  # of the table of biases, in units of the noise
_LEAST_XI = 2 - math.pi / 2  # without signal


def rician_mean(signal: Tensor, sigma: Tensor) -> Tensor:
    r"""Mean of the magnitude of a signal with complex noise, differentiable.

    .. math:: \sigma \sqrt{\pi/2} \left((1 + 2h) e^{-h} I_0(h) + 2h e^{-h} I_1(h)\right), \quad
              h = \nu^2 / 4 \sigma^2

    Args:
        signal: Any shape; below 0 counts as 0.
        sigma: Standard deviation of real and imaginary part, above 0.

    References:
        Gudbjartsson and Patz 1995, Magn Reson Med 34:910.
    """
    h = (signal.clamp(min=0) / (2 * sigma)) ** 2
    bessel = (1 + 2 * h) * torch.special.i0e(h) + 2 * h * torch.special.i1e(h)
    return math.sqrt(math.pi / 2) * sigma * bessel


@lru_cache(1)
def _bias_table() -> np.ndarray:
    """Bias of magnitudes of signals up to `_LARGEST`, all in units of the noise."""
    signal = torch.arange(0, _LARGEST + _STEP / 2, _STEP, dtype=torch.float64)
    return (rician_mean(signal, torch.ones_like(signal)) - signal).numpy()


def rician_bias(signal: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    r"""By how much complex noise raises a magnitude: from a table, and far above the noise

    .. math:: \sigma^2 / 2 \nu

    Args:
        signal: nu, any shape; below 0 counts as 0.
        sigma: Standard deviation of real and imaginary part, above 0; shape of a frame.

    Returns:
        Shape of the signal; right to 1e-3 of sigma.
    """
    ratio, table = np.maximum(signal, 0) / sigma, _bias_table()
    entry = np.minimum(ratio / _STEP + 0.5, len(table) - 1).astype(np.intp)
    return sigma * np.where(ratio > _LARGEST, 0.5 / np.maximum(ratio, 1), table[entry])


def rician_sigma(mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    r"""Noise of magnitudes, from their mean and their standard deviation, which the bias lowers.

    Fixed point of

    .. math:: \sigma^2 = s^2 / \xi(\nu / \sigma), \quad \nu^2 = m^2 + s^2 - 2 \sigma^2, \quad
              \xi(\theta) = 2 + \theta^2 - E(\theta)^2

    with :math:`E` the mean of a magnitude whose noise has the standard deviation 1.

    Args:
        mean: m, any shape, 0 or above.
        deviation: s, same shape.

    Returns:
        Standard deviation of real and imaginary part, same shape; never more than a magnitude
        without signal would have.

    References:
        Koay and Basser 2006, J Magn Reson 179:317.
    """
    m, s = (
        torch.from_numpy(np.maximum(values, 1e-12).astype(np.float64))
        for values in (mean, deviation)
    )
    most = ((m**2 + s**2) / 2).sqrt()
    sigma = s
    for _ in range(_ROUNDS):
        theta = (m**2 + s**2 - 2 * sigma**2).clamp(min=0).sqrt() / sigma
        xi = 2 + theta**2 - rician_mean(theta, torch.ones_like(theta)) ** 2
        sigma = (sigma + s / xi.clamp(_LEAST_XI, 1).sqrt()) / 2
    return torch.minimum(sigma, most).numpy()
