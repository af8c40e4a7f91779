import dataclasses
from fractions import Fraction

import numpy as np
import pytest

from cleartract.simulation.scanner import artefacts
from cleartract.simulation.scanner.codecs import compress
from cleartract.simulation.scanner.coils import Session, random_session
from cleartract.simulation.scanner.degradation import Degradation
from cleartract.simulation.scanner.operators import NonuniformFourier, ToeplitzNormal
from cleartract.simulation.scanner.reconstruction import Reconstruction
from cleartract.simulation.scanner.scanner import Scanner
from cleartract.simulation.scanner.trajectories import (
    TIMIT,
    USC75,
    arm_points,
    density_compensation,
    spiral_arm,
)
from tests.laws import assert_adjoint, assert_self_adjoint_positive, complex_normal

SMALL = dataclasses.replace(USC75, size=32, samples=160)


def points(count=200, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-np.pi, np.pi, count) + 1j * rng.uniform(-np.pi, np.pi, count)


def ideal_session(coils=3) -> Session:
    drawn = random_session(np.random.default_rng(0), SMALL.size, coils)
    return dataclasses.replace(
        drawn,
        phase=np.ones_like(drawn.phase),
        off_resonance=np.linspace(0, 1e-6, drawn.phase.size).reshape(drawn.phase.shape),
        delay=0.0,
        map_error=np.zeros_like(drawn.map_error),
    )


def smooth_object(size: int) -> np.ndarray:
    y, x = np.mgrid[:size, :size] / size - 0.5
    return np.exp(-((x / 0.2) ** 2 + (y / 0.15) ** 2)) + 0.5 * np.exp(
        -(((x - 0.1) / 0.05) ** 2 + ((y + 0.2) / 0.08) ** 2)
    )


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


def test_protocols_have_the_published_rates():
    assert float(USC75.rate) == pytest.approx(1 / (2 * 6.004e-3))
    assert USC75.rate == Fraction(125000, 1501)
    assert TIMIT.rate * 50 == 1159


def test_thirteen_arms_sample_every_angle_once_and_all_states_use_all_arms():
    angles = sorted(USC75.angle(a) for a in range(13))
    np.testing.assert_allclose(angles, 2 * np.pi * np.arange(13) / 13)
    arms = [a for state in range(8) for a in TIMIT.arms_of_state(state)]
    assert arms == list(range(4 * TIMIT.arms_per_frame))
    golden = dataclasses.replace(USC75, golden=True)
    assert len({round(golden.angle(a), 6) for a in range(200)}) == 200


def test_spiral_covers_the_disc_and_its_weights_the_area():
    k = spiral_arm(USC75)
    assert abs(k[0]) == 0
    assert abs(k[-1]) == pytest.approx(np.pi)
    assert density_compensation(USC75).sum() * 13 == pytest.approx(np.pi / 4, rel=1e-5)


def test_a_still_object_is_reconstructed_in_its_own_scale():
    session = ideal_session()
    scanner = Scanner(SMALL, session)
    image = smooth_object(2 * SMALL.size)
    data = np.concatenate([scanner.acquire_state(i, image) for i in range(14)], axis=1)
    truth = scanner.truth(image)
    reconstruction = Reconstruction(SMALL, session.assumed_maps)
    for frames in (
        reconstruction.view_shared(data),
        reconstruction.cg_sense(data, temporal=0.5, iterations=15),
    ):
        middle = frames[7]
        error = np.linalg.norm(np.abs(middle) - truth) / np.linalg.norm(truth)
        assert error < 0.1
        gain = (np.abs(middle) * truth).sum() / (truth**2).sum()
        assert gain == pytest.approx(1, abs=0.07)


def test_truth_is_linear_in_the_object_and_keeps_smooth_objects():
    session = ideal_session()
    scanner = Scanner(SMALL, session)
    image = smooth_object(2 * SMALL.size)
    np.testing.assert_allclose(scanner.truth(3 * image), 3 * scanner.truth(image), rtol=1e-4)
    low = (image * session.sensitivity)[::2, ::2]
    assert np.abs(scanner.truth(image) - low).max() < 0.05


def test_noise_scale_predicts_the_noise_of_a_fully_sampled_frame():
    session = ideal_session()
    scanner, rng = Scanner(SMALL, session), np.random.default_rng(0)
    reconstruction = Reconstruction(SMALL, session.assumed_maps)
    noise = complex_normal(rng, (3, 13 * 8, SMALL.samples)).astype(np.complex64)
    frames = reconstruction.view_shared(noise)[10:-10:7]
    assert frames.real.std() == pytest.approx(scanner.noise_scale(), rel=0.15)


def test_arm_points_are_rotated_copies():
    k = arm_points(USC75, range(3)).reshape(3, -1)
    for arm in range(3):
        expected = k[0] * np.exp(1j * (USC75.angle(arm) - USC75.angle(0)))
        np.testing.assert_allclose(k[arm], expected, atol=1e-9)


def frames(count=6, size=40):
    y, x = np.mgrid[:size, :size]
    return np.stack(
        [1 / (1 + np.exp(np.hypot(y - 20 - t, x - 20) - 9)) for t in range(count)]
    ).astype(np.float32)


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
    found = Degradation(error_gain=0.5).apply(clean, error)
    np.testing.assert_allclose(found, np.abs(clean + 0.5 * error), rtol=1e-5)


def test_noise_is_rician_with_the_named_width():
    still = np.full((40, 64, 64), 1.0, np.float32)
    found = Degradation(noise=0.03, seed=1).apply(still)
    assert (found - found.mean(0)).std() == pytest.approx(0.03, rel=0.05)
    air = Degradation(noise=0.05, seed=1).apply(np.zeros_like(still))
    ratio = float(np.median(air.mean(0) / air.std(0)))
    assert ratio == pytest.approx(np.sqrt(np.pi / (4 - np.pi)), rel=0.05)


def test_what_lasts_is_the_mean_over_time():
    still = frames(1).repeat(600, 0)
    for seed in (1, 2, 3):
        spread = dict(haze=0.1, haze_arms=2, streaks=8, streak_level=0.05, truncation=0.8)
        drawn = Degradation(seed=seed, noise=0.06, noise_static=0.6, noise_blur=0.8, **spread)
        found = drawn.learned(still[:1])[0] - drawn.apply(still).mean(0)
        assert np.sqrt((found**2).mean()) < 0.008  # a quarter of what the degradation changes
        mistaken = drawn.learned(still[:1].repeat(200, 0), 0.2) - drawn.learned(still[:1])
        moving = (drawn.apply(still) - drawn.apply(still).mean(0))[:200]
        assert mistaken.std() == pytest.approx(0.2 * moving.std(), rel=0.25)
        changed = drawn.apply(still).mean(0) - still[0]
        assert np.sqrt((changed**2).mean()) > 0.03


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


@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg", "libx264"])
def test_codecs_lose_little_at_high_quality_and_more_at_low(codec):
    clean = frames(8, 41)
    errors = [np.abs(compress(clean, codec, q) - clean).mean() for q in (0.0, 1.0)]
    assert errors[1] < errors[0]
    assert errors[1] < 0.01
    assert compress(clean, codec, 1.0).shape == clean.shape
