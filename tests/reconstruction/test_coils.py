import numpy as np
import pytest

from cleartract.reconstruction.coils import virtual_coils, walsh_maps, whitening
from tests.laws import complex_normal


def test_whitened_noise_is_independent_and_equal():
    rng = np.random.default_rng(0)
    mix = complex_normal(rng, (5, 5))
    noise = mix @ complex_normal(rng, (5, 4000))
    white = whitening(noise) @ noise
    covariance = white @ white.conj().T / 4000
    mean = np.trace(noise @ noise.conj().T).real / 4000 / 5
    assert np.allclose(covariance, mean * np.eye(5), atol=1e-3 * mean)


def test_virtual_coils_keep_what_few_coils_see():
    rng = np.random.default_rng(1)
    samples = complex_normal(rng, (12, 3)) @ complex_normal(rng, (3, 500))
    matrix = virtual_coils(samples, 3)
    assert np.allclose(matrix @ matrix.conj().T, np.eye(3), atol=1e-5)
    kept = np.linalg.norm(matrix @ samples) / np.linalg.norm(samples)
    assert kept == pytest.approx(1, abs=1e-5)
    assert np.array_equal(virtual_coils(samples, 12), np.eye(12))


def test_walsh_maps_are_the_sensitivities_up_to_a_common_phase():
    rng, (y, x) = np.random.default_rng(2), np.mgrid[:40, :40] / 40 - 0.5
    places = rng.uniform(-0.6, 0.6, (4, 2))
    true = np.stack(
        [
            np.exp(-((x - a) ** 2 + (y - b) ** 2) + 1j * (a * x + b * y + k))
            for k, (a, b) in enumerate(places)
        ]
    )
    true /= np.sqrt((np.abs(true) ** 2).sum(0))
    body = np.hypot(x, y) < 0.4
    images = true * body * (1 + 0.5 * np.sin(20 * x)) + 1e-3 * complex_normal(rng, true.shape)
    maps = walsh_maps(images.astype(np.complex64))
    assert np.allclose((np.abs(maps) ** 2).sum(0), 1, atol=1e-4)
    agreement = np.abs((maps.conj() * true).sum(0))[body]
    assert agreement.min() > 0.99
    common = np.angle((maps.conj() * true).sum(0) * np.exp(-1j * np.angle(true[0] / maps[0])))
    assert np.abs(common[body]).max() < 0.2
