"""A network made into a denoiser: preconditioning around a prior of the clean frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn


class DenoiserFunction(Protocol):
    """Anything that estimates clean data from noisy data: E[clean | x, sigma]."""

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        """x (batch, ...), sigma (batch,) -> (batch, ...)."""
        ...


class Denoiser(nn.Module):
    r"""Preconditioned denoiser of data known beforehand to be about N(m, s^2).

    .. math::
        D(x; \sigma) = m + c_{skip} (x - m) + c_{out} F(c_{in} (x - m); c_{noise})

        c_{skip} = \frac{s^2}{\sigma^2 + s^2}, \quad
        c_{out} = \frac{\sigma s}{\sqrt{\sigma^2 + s^2}}, \quad
        c_{in} = \frac{s}{\sigma^2 + s^2}, \quad
        c_{noise} = \tfrac14 \ln \sigma

    With m = 0 this is the preconditioning of Karras et al. 2022, except that c_in has one more
    factor s / sqrt(sigma^2 + s^2): at the largest sigma the input then holds next to nothing of
    the noise, and the posterior mean does not depend on the noise drawn.

    Args:
        network: F, called with the scaled input (batch, ...), c_noise (batch,) and the condition.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(
        self, x: Tensor, sigma: Tensor, prior_mean: Tensor, prior_spread: Tensor, **condition: Any
    ) -> Tensor:
        """Estimate the clean frames.

        Args:
            x: Frames with diffusion noise, (batch, frame, height, width).
            sigma: Noise level, (batch,).
            prior_mean: m, same shape as x.
            prior_spread: s, broadcastable to x, positive.
            condition: Passed on to the network.

        Returns:
            E[clean | x], same shape as x.

        References:
            Karras et al. 2022, Eq. 7 and Table 1.
        """
        sigma_ = sigma.reshape(-1, *[1] * (x.ndim - 1))
        s = prior_spread
        total = sigma_**2 + s**2
        c_skip, c_out, c_in = s**2 / total, sigma_ * s / total.sqrt(), s / total
        offset = x - prior_mean
        estimate = self.network(c_in * offset, sigma.log() / 4, **condition)
        return prior_mean + c_skip * offset + c_out * estimate


def loss_weight(sigma: Tensor, spread: Tensor) -> Tensor:
    """1 / c_out^2: makes the network's target of unit variance at every sigma and spread."""
    return (sigma**2 + spread**2) / (sigma * spread) ** 2


def conditioned(denoiser: Callable[..., Tensor], **condition: Any) -> DenoiserFunction:
    """A denoiser with its condition filled in, as the samplers take it."""

    def call(x: Tensor, sigma: Tensor) -> Tensor:
        return denoiser(x, sigma, **condition)

    return call


def guided(
    conditional: DenoiserFunction, null: DenoiserFunction, weight: float
) -> DenoiserFunction:
    """Classifier-free guidance: null + weight (conditional - null); itself a denoiser.

    Args:
        conditional: Denoiser with the sound.
        null: The same without it.
        weight: 1 is the conditional denoiser alone, 0 the null one.

    References:
        Ho and Salimans 2022, Classifier-free diffusion guidance, Eq. 6.
    """
    if weight == 1:
        return conditional
    if weight == 0:
        return null

    def call(x: Tensor, sigma: Tensor) -> Tensor:
        without = null(x, sigma)
        return without + weight * (conditional(x, sigma) - without)

    return call


def as_batch(sigma: Tensor, x: Tensor) -> Tensor:
    """One noise level for every element of the batch, (batch,) float32."""
    return torch.full((x.shape[0],), float(sigma), dtype=torch.float32, device=x.device)
