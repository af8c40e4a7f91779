"""What was taken away and is foretold by the sound is given back; noise and foreign sound are not."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from cleartract.denoising.lasting import given_back, with_lasting
from cleartract.denoising.residual import ResidualPass
from cleartract.denoising.sound_witness import SoundWitness, power_told, shares_of_two
from cleartract.denoising.survey import survey
from cleartract.recordings.recording import Recording
from cleartract.recordings.source import RecordingSource
from cleartract.recordings.spool import Spool
from cleartract.sound.prediction import learned_prediction

FRAMES, SIZE, NOISE, SCALE = 600, 24, 6.0, 2.0


@pytest.fixture(scope="module")
def spoken():
    """Frames of a movement that two features of the sound tell, and these features."""
    rng = np.random.default_rng(0)
    features = np.interp(  # too quick to be told by frames nearby
        np.arange(FRAMES), np.arange(0, FRAMES + 4, 4), rng.normal(size=FRAMES // 4 + 1)
    )
    features = np.stack([features, np.roll(features, 2)], 1).astype(np.float32)
    patterns = 12 * rng.normal(size=(2, SIZE, SIZE))
    movement = np.tensordot(features, patterns, 1).astype(np.float32)
    return movement, features


def split_of(noisy, restored, features):
    recording = Recording(noisy, Fraction(80))
    prediction = learned_prediction(features, noisy / SCALE, recording.rate)
    spool = Spool(features.shape[1])
    spool.append(features)
    collected = ResidualPass(
        survey(RecordingSource(recording)), SoundWitness(prediction, spool, SCALE)
    )
    collected.add(noisy, restored)
    by_posture = collected.result()
    return with_lasting(by_posture, [noisy], [restored])


def error_after(split, noisy, restored, truth):
    result = np.concatenate(list(given_back(split, [noisy], [restored], 1.0, None)))
    return float(((result - truth) ** 2).mean())


def test_movement_that_the_sound_foretells_is_given_back(spoken):
    movement, features = spoken
    rng = np.random.default_rng(1)
    still = 20 * np.sin(np.arange(FRAMES) / 40)[:, None, None] * rng.normal(size=(SIZE, SIZE))
    truth = (150 + still + movement).astype(np.float32)
    noisy = truth + rng.normal(0, NOISE, truth.shape).astype(np.float32)
    restored = truth - movement  # shows nothing of it, so the posture cannot tell
    foreign = rng.permutation(features)
    splits = [split_of(noisy, restored, x) for x in (features, foreign)]
    silent = replace(splits[0], factors=splits[0].factors * np.float32([[[1]], [[1]], [[0]]]))
    before = error_after(silent, noisy, restored, truth)
    assert error_after(splits[0], noisy, restored, truth) < 0.6 * before
    assert splits[0].factors[2].mean() > 0.8
    assert error_after(splits[1], noisy, restored, truth) < 1.02 * before


def test_noise_is_not_given_back(spoken):
    movement, features = spoken
    truth = (150 + movement).astype(np.float32)
    noisy = truth + np.random.default_rng(2).normal(0, NOISE, truth.shape).astype(np.float32)
    split = split_of(noisy, truth, features)
    assert split.factors[2].mean() < 0.05
    assert error_after(split, noisy, truth, truth) < 0.05 * NOISE**2


def test_shares_are_the_best_within_their_range():
    rng = np.random.default_rng(3)
    a, b, noise = rng.normal(size=(3, 40, 6, 7))
    b = b + 0.5 * a
    rest = 1.4 * rng.normal(size=(6, 7)) * a + rng.normal(size=(6, 7)) * b + noise
    gram = np.stack([(a * a).sum(0), (a * b).sum(0), (b * b).sum(0)])
    with_rest = np.stack([(a * rest).sum(0), (b * rest).sum(0)])
    shares = shares_of_two(gram, with_rest)
    assert shares.min() >= 0
    assert shares.max() <= 1
    left = ((shares[0] * a + shares[1] * b - rest) ** 2).sum(0)
    grid = np.linspace(0, 1, 21)
    tried = [((p * a + q * b - rest) ** 2).sum(0) for p in grid for q in grid]
    assert (left <= np.min(tried, 0) + 1e-9).all()
    told = power_told(shares, gram, with_rest)
    np.testing.assert_allclose((rest**2).sum(0) - told, left, rtol=1e-9)


def test_a_witness_alone_has_the_factor_of_one():
    rng = np.random.default_rng(4)
    a, rest = rng.normal(size=(2, 30, 5, 5))
    rest = 0.3 * a + 0.1 * rest
    zero = np.zeros((5, 5))
    shares = shares_of_two(
        np.stack([(a * a).sum(0), zero, zero]), np.stack([(a * rest).sum(0), zero])
    )
    np.testing.assert_allclose(shares[0], (a * rest).sum(0) / (a * a).sum(0))
