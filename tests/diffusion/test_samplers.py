"""Samplers against closed forms of Gaussian data."""

import math

import pytest
import torch

from cleartract.diffusion.denoiser import (
    Denoiser,
    as_batch,
    conditioned,
    guided,
    loss_weight,
)
from cleartract.diffusion.noise_levels import NoiseLevels
from cleartract.diffusion.samplers import SAMPLERS, intervals, sample
from tests.laws import convergence_order, gaussian_denoiser

LEVELS = NoiseLevels()
MEAN, STD = 0.3, 0.2
DENOISE = gaussian_denoiser(torch.tensor(MEAN), torch.tensor(STD**2))


def exact_flow(x: torch.Tensor) -> torch.Tensor:
    """End of the probability-flow ODE for N(mean, std^2), from the largest sigma."""
    scale = STD / math.sqrt(STD**2 + LEVELS.maximum**2)
    return MEAN + scale * (x - MEAN)


def start(count: int = 64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return LEVELS.maximum * torch.randn(count, 1, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("name", "order"), [("ddim", 1), ("heun", 2), ("dpmpp_2m", 2)])
def test_order_of_convergence(name, order):
    steps = [32, 64, 128, 256]
    x = start()
    errors = []
    for n in steps:
        found = sample(DENOISE, x, LEVELS.schedule(n), name)
        errors.append(float((found - exact_flow(x)).abs().max()))
    assert convergence_order(errors, steps) == pytest.approx(order, abs=0.35)


@pytest.mark.parametrize("name", SAMPLERS)
def test_samples_have_the_data_distribution(name):
    generator = torch.Generator().manual_seed(3)
    x = LEVELS.maximum * torch.randn(20_000, 1, generator=generator)
    fresh = lambda step: torch.randn(x.shape, generator=generator)  # noqa: E731
    found = sample(DENOISE, x, LEVELS.schedule(300), name, fresh)
    assert float(found.mean()) == pytest.approx(MEAN, abs=0.01)
    assert float(found.std()) == pytest.approx(STD, rel=0.05)


@pytest.mark.parametrize("name", SAMPLERS)
def test_one_step_is_the_posterior_mean(name):
    x = start()
    found = sample(DENOISE, x, LEVELS.schedule(1), name)
    assert torch.equal(found, DENOISE(x, as_batch(torch.tensor(LEVELS.maximum), x)))


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("evaluations", [1, 2, 5, 8])
def test_steps_count_network_evaluations(name, evaluations):
    calls = []

    def counted(x, sigma):
        calls.append(float(sigma[0]))
        return DENOISE(x, sigma)

    sample(counted, start(), LEVELS.schedule(intervals(name, evaluations)), name)
    assert evaluations - 1 <= len(calls) <= evaluations
    assert calls[0] == pytest.approx(LEVELS.maximum)
    assert min(calls) > 0


def test_schedule_against_an_independent_formula():
    found = LEVELS.schedule(18)
    rho = 7
    expected = [
        (20 ** (1 / rho) + i / 17 * (0.002 ** (1 / rho) - 20 ** (1 / rho))) ** rho
        for i in range(18)
    ]
    assert found[:-1].tolist() == pytest.approx(expected, rel=1e-9)
    assert found[-1] == 0


def test_training_levels_have_the_named_share_at_the_maximum():
    drawn = LEVELS.draw(20_000, torch.Generator().manual_seed(0))
    assert float((drawn == LEVELS.maximum).float().mean()) == pytest.approx(
        LEVELS.share_at_maximum, abs=0.02
    )
    others = drawn[drawn < LEVELS.maximum].log()
    assert float(others.mean()) == pytest.approx(LEVELS.log_mean, abs=0.05)


def test_preconditioning_is_exact_for_gaussian_data_with_a_silent_network():
    class Silent(torch.nn.Module):
        def forward(self, x, c_noise):
            return torch.zeros_like(x)

    x = torch.randn(5, 3, 4, 4)
    sigma = torch.tensor([0.01, 0.1, 0.5, 3.0, 20.0])
    mean, spread = torch.full_like(x, MEAN), torch.full((5, 3, 1, 1), STD)
    found = Denoiser(Silent())(x, sigma, mean, spread)
    torch.testing.assert_close(found, DENOISE(x, sigma))


def test_the_network_sees_and_predicts_unit_variance():
    generator = torch.Generator().manual_seed(0)
    seen = {}

    class Watch(torch.nn.Module):
        def forward(self, x, c_noise):
            seen["input"] = x
            return torch.zeros_like(x)

    for sigma in (0.01, 0.2, 5.0):
        clean = MEAN + STD * torch.randn(200_000, 1, generator=generator)
        x = clean + sigma * torch.randn(clean.shape, generator=generator)
        level, spread = torch.full((len(x),), sigma), torch.tensor(STD)
        found = Denoiser(Watch())(x, level, torch.tensor(MEAN), spread)
        weight = loss_weight(torch.tensor(sigma), spread)
        assert float((weight * (found - clean) ** 2).mean()) == pytest.approx(1, rel=0.02)
        information = STD / math.hypot(sigma, STD)  # the input shrinks with what it tells
        assert float(seen["input"].std()) == pytest.approx(information, rel=0.02)


def test_guidance_interpolates_between_null_and_conditional():
    heard = conditioned(lambda x, sigma, value: x * 0 + value, value=3.0)
    null = conditioned(lambda x, sigma, value: x * 0 + value, value=1.0)
    x, sigma = torch.zeros(2, 1), torch.ones(2)
    for weight, expected in ((0, 1.0), (1, 3.0), (2, 5.0), (0.5, 2.0)):
        assert float(guided(heard, null, weight)(x, sigma)[0]) == expected


def test_wrong_noise_levels_are_refused():
    with pytest.raises(ValueError, match="unknown sampler"):
        sample(DENOISE, start(), LEVELS.schedule(2), "euler")
    with pytest.raises(ValueError, match="decrease"):
        sample(DENOISE, start(), torch.tensor([1.0, 2.0, 0.0]), "ddim")


def test_state_stays_in_float32_or_better():
    half = gaussian_denoiser(torch.tensor(MEAN), torch.tensor(STD**2))
    found = sample(half, start().half(), LEVELS.schedule(3), "heun")
    assert found.dtype == torch.float32
