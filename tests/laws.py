"""Laws that operators, blends and samplers must obey, each stated once."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from cleartract.diffusion.denoiser import DenoiserFunction


def complex_normal(rng: np.random.Generator, shape) -> np.ndarray:
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def assert_adjoint(operator, rng: np.random.Generator, tolerance: float) -> None:
    """<A x, y> = <x, A^H y> for random x and y."""
    x = complex_normal(rng, operator.shape_in)
    y = complex_normal(rng, operator.shape_out)
    left = np.vdot(operator.forward(x), y)
    right = np.vdot(x, operator.adjoint(y))
    scale = np.linalg.norm(operator.forward(x)) * np.linalg.norm(y)
    assert abs(left - right) <= tolerance * scale


def assert_self_adjoint_positive(apply, shape, rng: np.random.Generator, tolerance: float) -> None:
    """<N x, y> = <x, N y> and <N x, x> >= 0."""
    x, y = (complex_normal(rng, shape).astype(np.complex64) for _ in range(2))
    scale = np.linalg.norm(apply(x)) * np.linalg.norm(y)
    assert abs(np.vdot(apply(x), y) - np.vdot(x, apply(y))) <= tolerance * scale
    assert np.vdot(x, apply(x)).real >= -tolerance * scale


def convergence_order(errors: list[float], steps: list[int]) -> float:
    """Slope of log error over log step size."""
    return float(np.polyfit(np.log(1 / np.array(steps)), np.log(errors), 1)[0])


def gaussian_denoiser(mean: Tensor, variance: Tensor) -> DenoiserFunction:
    """The exact denoiser of data N(mean, variance)."""

    def call(x: Tensor, sigma: Tensor) -> Tensor:
        sigma_ = sigma.reshape(-1, *[1] * (x.ndim - 1)).to(x)
        return mean + variance / (variance + sigma_**2) * (x - mean)

    return call
