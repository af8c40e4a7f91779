import numpy as np
import pytest

from cleartract.simulation.scanner import artefacts
from tests.laws import complex_normal


def test_static_share_and_memory_of_coloured_noise():
    rng = np.random.default_rng(0)
    white = artefacts.coloured_noise(rng, (200, 24, 24), 0, 1).real
    slow = artefacts.coloured_noise(rng, (200, 24, 24), 0, 5).real

    def lag_one(x):
        return float((x[1:] * x[:-1]).mean() / (x**2).mean())

    assert lag_one(white) == pytest.approx(0, abs=0.02)
    assert lag_one(slow) == pytest.approx(0.8, abs=0.03)


def test_moving_average_keeps_constants_and_length():
    ones = np.ones((7, 3, 3), np.complex64)
    for width in (1, 2, 3, 5):
        np.testing.assert_allclose(artefacts.moving_average(ones, width), ones)


def test_truncation_is_a_projection():
    x = complex_normal(np.random.default_rng(0), (2, 20, 20)).astype(np.complex64)
    once = artefacts.truncate(x, 0.7)
    np.testing.assert_allclose(artefacts.truncate(once, 0.7), once, atol=1e-5)
    assert np.linalg.norm(once) < np.linalg.norm(x)
