"""Samplers: from pure noise to clean frames along decreasing noise levels.

Each takes a denoiser, the starting noise scaled to the first sigma, and sigmas that end with 0,
and keeps its state in float32 or better. With a single interval each of them is one evaluation of
the denoiser at the largest sigma.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from cleartract.diffusion.denoiser import DenoiserFunction, as_batch

FreshNoise = Callable[[int], Tensor]
"""Standard normal noise of the shape of x for the given step."""


def ddim(denoise: DenoiserFunction, x: Tensor, sigmas: Tensor, noise: FreshNoise) -> Tensor:
    """Euler steps of the probability-flow ODE (Song et al. 2021, ICLR, Eq. 12). First order."""
    del noise
    for sigma, following in zip(sigmas[:-1], sigmas[1:], strict=True):
        clean = denoise(x, as_batch(sigma, x))
        ratio = float(following / sigma)
        x = clean + ratio * (x - clean)
    return x


def heun(denoise: DenoiserFunction, x: Tensor, sigmas: Tensor, noise: FreshNoise) -> Tensor:
    r"""Heun's method on the same ODE, in the form of an exponential integrator. Second order.

    .. math::
        x_{i+1} = e^{-h} x_i + h (\varphi_1 - \varphi_2) D_i + h \varphi_2 \hat D_{i+1}, \quad
        h = \ln \frac{\sigma_i}{\sigma_{i+1}}

    with :math:`h \varphi_1 = 1 - e^{-h}`, :math:`h \varphi_2 = 1 - \varphi_1` and
    :math:`\hat D_{i+1}` the estimate at the Euler step. The weights are positive and sum to 1,
    however long the step: the result lies between estimates. In the common form (Karras et al. 2022,
    Algorithm 1) the second estimate has the weight (sigma_i - sigma_{i+1}) / (2 sigma_{i+1}), which
    magnifies the errors of a network by thousands where few steps span all noise levels.

    References:
        Hochbruck and Ostermann 2010, Exponential integrators, Acta Numerica 19, Sec. 2.3, c_2 = 1.
    """
    del noise
    for sigma, following in zip(sigmas[:-1], sigmas[1:], strict=True):
        clean = denoise(x, as_batch(sigma, x))
        if following == 0:
            return clean
        h = float(torch.log(sigma / following))
        decay, phi_1 = math.exp(-h), -math.expm1(-h) / h
        predicted = decay * x + (1 - decay) * clean
        second = denoise(predicted, as_batch(following, x))
        weight = 1 - phi_1
        x = decay * x + (1 - decay - weight) * clean + weight * second
    return x


def dpmpp_2m(denoise: DenoiserFunction, x: Tensor, sigmas: Tensor, noise: FreshNoise) -> Tensor:
    """DPM-Solver++(2M) multistep (Lu et al. 2022, Algorithm 2). Second order."""
    del noise
    previous: Tensor | None = None
    last_step = 0.0
    for sigma, following in zip(sigmas[:-1], sigmas[1:], strict=True):
        clean = denoise(x, as_batch(sigma, x))
        if following == 0:
            return clean
        step = float(torch.log(sigma / following))
        estimate = clean
        if previous is not None:
            ratio = step / (2 * last_step)
            estimate = (1 + ratio) * clean - ratio * previous
        decay = float(following / sigma)
        x = decay * x + (1 - decay) * estimate
        previous, last_step = clean, step
    return x


def ddpm(denoise: DenoiserFunction, x: Tensor, sigmas: Tensor, noise: FreshNoise) -> Tensor:
    """Ancestral sampling (Ho et al. 2020, Algorithm 2, in sigma). The classic; stochastic."""
    for step, (sigma, following) in enumerate(zip(sigmas[:-1], sigmas[1:], strict=True)):
        clean = denoise(x, as_batch(sigma, x))
        ratio = float((following / sigma) ** 2)
        spread = float(following * torch.sqrt(1 - (following / sigma) ** 2))
        x = clean + ratio * (x - clean)
        if spread > 0:
            x = x + spread * noise(step)
    return x


SAMPLERS = {"ddpm": ddpm, "ddim": ddim, "heun": heun, "dpmpp_2m": dpmpp_2m}


def intervals(sampler: str, evaluations: int) -> int:
    """Intervals of a sampler that cost at most this many network evaluations."""
    return (evaluations + 1) // 2 if sampler == "heun" else evaluations


def sample(
    denoise: DenoiserFunction,
    start: Tensor,
    sigmas: Tensor,
    sampler: str = "heun",
    noise: FreshNoise | None = None,
) -> Tensor:
    """Run a sampler by name.

    Args:
        denoise: Estimates the clean data from (x, sigma).
        start: Noise at the first sigma, (batch, ...), standard deviation `sigmas[0]`.
        sigmas: Decreasing noise levels that end with 0, (interval + 1,).
        sampler: One of `SAMPLERS`.
        noise: Fresh noise for `ddpm`; drawn from torch's global generator by default.

    Raises:
        ValueError: If the sampler is unknown or the noise levels do not decrease to 0.
    """
    if sampler not in SAMPLERS:
        raise ValueError(f"unknown sampler {sampler!r}: choose one of {', '.join(SAMPLERS)}")
    if sigmas[-1] != 0 or not bool((sigmas[1:] < sigmas[:-1]).all()):
        raise ValueError("noise levels must decrease and end with 0")
    fresh = noise or (lambda step: torch.randn_like(start))
    state = start.float() if start.dtype.itemsize < 4 else start
    return SAMPLERS[sampler](denoise, state, sigmas, fresh)
