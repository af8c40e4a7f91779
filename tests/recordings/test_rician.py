"""Magnitudes of complex noise."""

import numpy as np
import pytest
import torch

from cleartract.recordings.rician import rician_bias, rician_mean, rician_sigma


@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0, 2.0, 5.0, 20.0])
def test_mean_and_noise_are_those_of_samples(ratio):
    sigma, rng = 3.0, np.random.default_rng(1)
    real, imaginary = rng.normal(0, sigma, (2, 400_000))
    magnitudes = np.hypot(ratio * sigma + real, imaginary)
    told = rician_mean(torch.tensor(ratio * sigma), torch.tensor(sigma))
    assert float(told) == pytest.approx(magnitudes.mean(), rel=0.005)
    found = rician_sigma(magnitudes.mean()[None], magnitudes.std()[None])
    # near 1 the two numbers hardly tell signal from noise
    assert found[0] == pytest.approx(sigma, rel=0.04 if ratio <= 1 else 0.01)


def test_noise_scales_with_its_unit_and_none_is_none():
    mean, deviation = np.array([0.0, 10.0, 200.0]), np.array([0.0, 6.0, 3.0])
    found = rician_sigma(mean, deviation)
    np.testing.assert_allclose(
        rician_sigma(7 * mean, 7 * deviation), 7 * found, rtol=1e-6, atol=1e-9
    )
    assert found[0] < 1e-9
    assert found[2] == pytest.approx(3, rel=0.01)


def test_the_table_of_biases_is_the_bias():
    signal = np.concatenate([[-1.0], np.linspace(0, 200, 2001)])
    for sigma in (0.5, 1.0, 7.0):
        exact = torch.from_numpy(np.maximum(signal, 0))
        bias = (rician_mean(exact, torch.tensor(sigma, dtype=torch.float64)) - exact).numpy()
        np.testing.assert_allclose(rician_bias(signal, np.array(sigma)), bias, atol=1e-3 * sigma)
