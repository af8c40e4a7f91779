from dataclasses import replace

import numpy as np
import pytest

from cleartract.simulation.scanner.degradation import Degradation
from tests.laws import complex_normal
from tests.simulation.scanner.discs import frames


def test_no_degradation_is_the_identity():
    clean = frames()
    np.testing.assert_allclose(Degradation().apply(clean), clean, atol=1e-6)


def test_the_same_degradation_gives_the_same_frames():
    for seed in range(20):
        drawn = Degradation.random(np.random.default_rng(seed))
        first, second = drawn.apply(frames()), drawn.apply(frames())
        assert np.array_equal(first, second)
        assert np.isfinite(first).all()
        assert (first >= 0).all()


def test_error_gain_scales_the_simulated_error():
    clean = frames()
    error = complex_normal(np.random.default_rng(0), clean.shape).astype(np.complex64) * 0.1
    degraded = Degradation(error_gain=0.5).apply(clean, error)
    np.testing.assert_allclose(degraded, np.abs(clean + 0.5 * error), rtol=1e-5)


def test_noise_is_rician_with_the_named_width():
    still = np.full((40, 64, 64), 1.0, np.float32)
    degraded = Degradation(noise=0.03, seed=1).apply(still)
    assert (degraded - degraded.mean(0)).std() == pytest.approx(0.03, rel=0.05)
    air = Degradation(noise=0.05, seed=1).apply(np.zeros_like(still))
    ratio = float(np.median(air.mean(0) / air.std(0)))
    assert ratio == pytest.approx(np.sqrt(np.pi / (4 - np.pi)), rel=0.05)


def test_what_lasts_is_the_mean_over_time():
    still = frames(1).repeat(600, 0)
    for seed in (1, 2, 3):
        spread = dict(haze=0.1, haze_arms=2, streaks=8, streak_level=0.05, truncation=0.8)
        drawn = Degradation(seed=seed, noise=0.06, noise_static=0.6, noise_blur=0.8, **spread)
        difference = drawn.learned(still[:1])[0] - drawn.apply(still).mean(0)
        assert np.sqrt((difference**2).mean()) < 0.008  # a quarter of what the degradation changes
        mistaken = drawn.learned(still[:1].repeat(200, 0), 0.2) - drawn.learned(still[:1])
        moving = (drawn.apply(still) - drawn.apply(still).mean(0))[:200]
        assert mistaken.std() == pytest.approx(0.2 * moving.std(), rel=0.25)
        changed = drawn.apply(still).mean(0) - still[0]
        assert np.sqrt((changed**2).mean()) > 0.03


def test_the_scan_is_what_is_left_without_noise_and_change():
    """Many frames of a still object, averaged before the magnitude, are its scan."""
    rng = np.random.default_rng(0)
    still = np.repeat(rng.random((1, 20, 20)), 400, 0).astype(np.float32) + 1
    static = dict(streaks=6, streak_level=0.05, haze=0.1, truncation=0.8)
    drawn = Degradation(seed=3, noise=0.05, noise_memory=3, spikes=0.1, **static)
    noisy = drawn.apply(still)
    away = noisy.mean(0) - drawn.lasting(still[:1])[0]
    assert np.abs(away).max() < 0.03  # 400 frames, flicker of the streaks
    assert np.abs(noisy.mean(0) - still[0]).max() > 0.05


def test_noise_alone_has_the_strength_that_is_told():
    for seed in range(6):
        drawn = Degradation.noise_alone(np.random.default_rng(seed))
        bright = np.full((60, 24, 24), 20 * drawn.noise, np.float32)
        plain = replace(drawn, eight_bit=False)
        found = plain.apply(bright).std()
        strength = np.sqrt((plain.changing_noise((24, 24)) ** 2).mean())
        assert found == pytest.approx(strength, rel=0.1)
        assert plain.lasting(bright[:1]) == pytest.approx(bright[:1], rel=1e-5)
