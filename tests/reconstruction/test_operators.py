import numpy as np
import pytest

from cleartract.reconstruction.operators import NonuniformFourier, ToeplitzNormal
from tests.laws import assert_adjoint, assert_self_adjoint_positive, complex_normal


def points(count=200, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-np.pi, np.pi, count) + 1j * rng.uniform(-np.pi, np.pi, count)


@pytest.mark.parametrize("images", [1, 3])
def test_nufft_against_the_direct_sum(images):
    size, k = 12, points(40)
    operator = NonuniformFourier(k, size, images, accuracy=1e-6)
    x = complex_normal(np.random.default_rng(1), (images, size, size)).astype(np.complex64)
    r = np.arange(size) - size // 2
    phase = k.imag[:, None, None] * r[:, None] + k.real[:, None, None] * r[None]
    expected = np.einsum("kyx,cyx->ck", np.exp(-1j * phase), x)
    error = np.linalg.norm(operator.forward(x) - expected) / np.linalg.norm(expected)
    assert error < 1e-5


@pytest.mark.parametrize("images", [1, 4])
def test_nufft_adjoint(images):
    assert_adjoint(NonuniformFourier(points(), 16, images), np.random.default_rng(0), 1e-4)


def test_toeplitz_normal_equals_adjoint_times_forward():
    rng = np.random.default_rng(2)
    maps = complex_normal(rng, (3, 16, 16)).astype(np.complex64)
    k, weights = points(300), rng.uniform(0.1, 1, 300).astype(np.float32)
    normal = ToeplitzNormal(k, weights, maps)
    operator = NonuniformFourier(k, 16, 3, accuracy=1e-6)
    x = complex_normal(rng, (16, 16)).astype(np.complex64)
    expected = (np.conj(maps) * operator.adjoint(weights * operator.forward(maps * x))).sum(0)
    assert np.linalg.norm(normal(x) - expected) / np.linalg.norm(expected) < 1e-3
    assert_self_adjoint_positive(normal, (16, 16), rng, 1e-4)
