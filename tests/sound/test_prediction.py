"""Frames predicted from features of the sound, against an obvious regression."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from cleartract.sound.moments import RIDGE, Folds, Moments, MomentsPass
from cleartract.sound.prediction import (
    LEAST,
    finished_prediction,
    learned_prediction,
    prediction_skill,
    prediction_sums,
)

RATE = Fraction(50)


def speech(frames=300, features=4, size=(16, 18), noise=0.05, seed=0):
    """Frames that are a linear function of smooth features, and noise."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(size=(frames, features)), 0)
    smooth = walk - np.apply_along_axis(np.convolve, 0, walk, np.ones(41) / 41, mode="same")
    standard = smooth / smooth.std(0)
    modes = rng.normal(size=(features, *size)) * np.linspace(0, 0.2, size[1])
    clean = 0.5 + np.tensordot(standard, modes, 1)
    noisy = clean + noise * rng.normal(size=clean.shape)
    return standard.astype(np.float32), clean.astype(np.float32), noisy.astype(np.float32)


def predicted(features, frames, seen=None):
    learned = learned_prediction(features, frames, RATE, seen)
    return learned.frames(features, np.arange(len(frames)))


def ridge(features, frames, weight=RIDGE):
    """Weights of the features and a constant, (feature + 1, pixel), float64."""
    a = np.column_stack([features, np.ones(len(features))]).astype(float)
    penalty = np.diag([weight] * features.shape[1] + [1e-6])
    return np.linalg.solve(a.T @ a + penalty, a.T @ frames.reshape(len(frames), -1))


def fitted_drift(values, seen):
    """Mean and slow drift fitted to the frames that are seen, for all frames."""
    numbers = np.arange(len(values))
    basis = np.column_stack([Folds.of(len(values), RATE).drift(numbers), np.ones(len(values))])
    flat, known = values.reshape(len(values), -1).astype(float), basis[seen]
    penalty = np.diag([30.0] * (basis.shape[1] - 1) + [1e-6])
    fitted = np.linalg.solve(known.T @ known + penalty, known.T @ flat[seen])
    return (basis @ fitted).reshape(values.shape)


def slow(features, frames, seen, weight):
    """Every fold predicted by a regression on all frames but it and its margins; and the skill."""
    folds, numbers = Folds.of(len(frames), RATE), np.arange(len(frames))
    lasting = fitted_drift(frames, seen)
    features, rest = features - fitted_drift(features, seen), frames - lasting
    a = np.column_stack([features, np.ones(len(features))]).astype(float)
    held_out = np.zeros((len(frames), *frames.shape[1:]))
    for start in range(0, len(frames), folds.length):
        end = start + folds.length
        near = (numbers >= start - folds.margin) & (numbers < end + folds.margin)
        weights = ridge(features[seen & ~near], rest[seen & ~near], weight)
        held_out[start:end] = (a[start:end] @ weights).reshape(-1, *frames.shape[1:])
    departure, true = held_out[seen], rest[seen]
    together, power = (departure * true).sum(0), (departure**2).sum(0)
    pooled = [uniform_filter(plane, 7, mode="mirror") for plane in (together, power)]
    skill = np.clip(pooled[0] / pooled[1], 0, 1)
    return lasting + skill * held_out, skill


@pytest.mark.parametrize("lost", [(), range(90, 98), (0, 1, 150, 299)])
def test_held_out_predictions_against_the_obvious_regression(lost):
    features, _, noisy = speech(noise=0.2)
    seen = ~np.isin(np.arange(len(noisy)), list(lost))
    learned = learned_prediction(features, noisy, RATE, seen)
    frames, skill = slow(features, noisy, seen, learned.total.ridge)
    np.testing.assert_allclose(learned.skill, skill, atol=2e-4)
    found = learned.frames(features, np.arange(len(noisy)))
    np.testing.assert_allclose(found, frames, atol=5e-4)
    alone = learned.frames(features[[7, 250]], np.array([7, 250]))
    np.testing.assert_allclose(found[[7, 250]], alone, atol=1e-6)  # rounding of float32


@pytest.mark.parametrize("chunk", [1, 13, 64, 300])
def test_chunks_do_not_matter(chunk):
    features, _, noisy = speech()
    seen = np.ones(len(noisy), bool)
    seen[40:44] = False
    collected = MomentsPass(Folds.of(len(noisy), RATE), features.shape[1], noisy.shape[1:])
    for first in range(0, len(noisy), chunk):
        part = slice(first, first + chunk)
        collected.add(first, features[part], noisy[part], seen[part])
    found = finished_prediction(collected)
    expected = learned_prediction(features, noisy, RATE, seen)
    numbers = np.arange(len(noisy))
    np.testing.assert_allclose(
        found.frames(features, numbers), expected.frames(features, numbers), atol=1e-4
    )
    np.testing.assert_allclose(found.skill, expected.skill, atol=1e-4)


def test_the_unit_of_the_frames_can_be_changed_afterwards():
    features, _, noisy = speech()
    levels = noisy * 80 + 12
    collected = MomentsPass(Folds.of(len(noisy), RATE), features.shape[1], noisy.shape[1:])
    collected.add(0, features, levels, np.ones(len(noisy), bool))
    found = finished_prediction(collected, 12.0, 80.0)
    numbers = np.arange(len(noisy))
    np.testing.assert_allclose(
        found.frames(features, numbers), predicted(features, noisy), atol=5e-4
    )


@pytest.mark.parametrize("frames", [5, 83, 3000, 100_003])
def test_folds_cover_a_recording_and_are_few(frames):
    folds = Folds.of(frames, Fraction(65040, 781))
    assert folds.first(folds.count - 1) < frames <= folds.first(folds.count)
    assert folds.count <= 24


def test_what_is_linear_is_predicted_where_it_moves():
    features, clean, noisy = speech()
    found = predicted(features, noisy)
    error = np.sqrt(((found - clean) ** 2).mean(0))
    assert error.mean() < 0.05  # below the noise of a single frame
    assert (error < 0.3 * np.maximum(clean.std(0), 0.1)).all()
    assert np.abs(found.mean(0) - noisy.mean(0)).max() < 0.02


def test_a_regression_predicts_what_its_normal_equations_say():
    features, _, noisy = speech(80)
    moments = Moments.of(features, noisy)
    weights = ridge(features, noisy)
    a = np.column_stack([features, np.ones(len(features))])
    found = moments.predict(features).reshape(len(noisy), -1)
    np.testing.assert_allclose(found, a @ weights, atol=2e-4)
    np.testing.assert_allclose(moments.regression().reshape(5, -1), weights, atol=2e-4)
    np.testing.assert_allclose(moments.mean(), noisy.mean(0), rtol=1e-4)


def test_moments_of_parts_add_up():
    features, _, noisy = speech(60)
    rest = Moments.of(features, noisy) - Moments.of(features[:25], noisy[:25])
    alone = Moments.of(features[25:], noisy[25:])
    assert rest.frames == alone.frames == 35
    np.testing.assert_allclose(rest.cross, alone.cross, atol=1e-2)


def test_a_frame_and_its_neighbours_do_not_predict_themselves():
    features, _, noisy = speech(250)  # too short for drift
    changed = noisy.copy()
    changed[100:105] += 3.0  # within the fold of frame 101
    before, after = (learned_prediction(features, frames, RATE) for frames in (noisy, changed))
    own, other = np.arange(100, 105), np.arange(200, 205)

    def unshrunk(learned, numbers):  # the skill is shared by all frames
        told = features[numbers] - learned.slow.of_features[-1].astype(np.float32)
        rest = learned._without(int(numbers[0]) // learned.folds.length)
        return learned.mean + rest.predict(told)

    np.testing.assert_allclose(unshrunk(after, own), unshrunk(before, own), atol=1e-3)
    assert np.abs(unshrunk(after, other) - unshrunk(before, other)).max() > 1e-2


def test_lost_frames_are_not_looked_at():
    features, _, noisy = speech()
    seen = np.ones(len(noisy), bool)
    seen[90:98] = False
    other = noisy.copy()
    other[90:98] = 7.0
    np.testing.assert_array_equal(
        predicted(features, noisy, seen), predicted(features, other, seen)
    )


def test_sound_of_something_else_predicts_mean_and_drift():
    features, _, noisy = speech(600)
    foreign, own = predicted(speech(600, seed=5)[0], noisy), predicted(features, noisy)
    lasting = fitted_drift(noisy, np.ones(len(noisy), bool))
    assert np.abs(foreign - lasting).mean() < 0.15 * np.abs(own - lasting).mean()


@pytest.mark.parametrize(("factor", "expected"), [(0.25, 0.25), (0.8, 0.8), (2.0, 1), (-1.0, 0)])
def test_skill_is_the_best_factor(factor, expected):
    """Of a single feature whose regression is wrong by a factor."""
    rng = np.random.default_rng(0)
    feature = rng.normal(size=(400, 1)).astype(np.float32)
    mode = 0.2 * rng.normal(size=(12, 12)).astype(np.float32)
    frames = feature[:, :, None] * mode
    parts = [Moments.of(feature[p], frames[p]) for p in np.array_split(np.arange(400), 5)]
    wrong = np.stack([mode / factor, np.zeros_like(mode)])
    sums = prediction_sums(lambda fold: wrong, parts)
    skill = prediction_skill(*sums)
    np.testing.assert_allclose(skill, expected, atol=1e-3)


@pytest.mark.parametrize("frames", [3, LEAST - 1, LEAST + 5])
def test_too_short_a_recording_predicts_nothing(frames):
    features, _, noisy = speech(300)
    assert learned_prediction(features[:frames], noisy[:frames], RATE) is None


def test_slow_drift_is_followed_and_explains_nothing():
    """A head that moves slowly is predicted, but no skill of the sound."""
    rng = np.random.default_rng(3)
    features, _, noisy = speech(600, noise=0.02)
    other = speech(600, seed=9)[0]
    drift = np.cos(np.pi * np.arange(600) / 600)[:, None, None] * rng.normal(size=(16, 18)) * 0.3
    moved = (noisy + drift).astype(np.float32)
    own, foreign = (learned_prediction(f, moved, RATE) for f in (features, other))
    assert own.explained > 0.8
    assert foreign.explained < 0.05
    found = foreign.frames(other, np.arange(600))
    wanted = drift - drift.mean(0)
    assert (found * wanted).sum() / (wanted**2).sum() > 0.6


def test_drift_is_not_extrapolated_into_a_long_loss():
    features, clean, noisy = speech(1500, noise=0.02)
    seen = np.arange(1500) < 500
    learned = learned_prediction(features, noisy, RATE, seen)
    found = learned.frames(features, np.arange(1500))
    away = np.abs(found - clean)[~seen]
    assert away.mean() < 2 * np.abs(clean - clean[seen].mean(0))[~seen].mean()
    assert np.abs(found).max() < 3 * np.abs(clean).max()
