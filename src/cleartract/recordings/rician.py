"""Bias of magnitudes with complex noise."""

from __future__ import annotations

import math

import torch
from torch import Tensor


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
