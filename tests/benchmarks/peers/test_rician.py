import numpy as np
import pytest
from benchmarks.peers.rician import add_rician_noise, rician_mean, undo_rician_bias


def test_rician_mean_against_samples_and_limits():
    rng = np.random.default_rng(2)
    for signal in (0.0, 0.5, 1.0, 3.0, 10.0):
        frames = add_rician_noise(np.full((4, 400, 400), signal * 0.1), 0.1, rng)
        expected = float(rician_mean(np.array(signal * 0.1), 0.1))
        assert frames.mean() == pytest.approx(expected, rel=0.003)
    assert rician_mean(np.array(0.0), 1.0) == pytest.approx(np.sqrt(np.pi / 2), rel=1e-6)
    signal = np.linspace(0.2, 3, 50)
    np.testing.assert_allclose(undo_rician_bias(rician_mean(signal, 0.1), 0.1), signal, rtol=1e-3)


def test_coloured_noise_keeps_its_deviation():
    rng = np.random.default_rng(3)
    frames = add_rician_noise(np.full((20, 64, 64), 2.0), 0.05, rng, blur=0.8)
    assert frames.std() == pytest.approx(0.05, rel=0.03)
    neighbours = np.corrcoef(frames[:, :, 1:].ravel(), frames[:, :, :-1].ravel())[0, 1]
    assert neighbours > 0.5
