import numpy as np
import pytest

from cleartract.sound.prediction import (
    LEAST,
    Moments,
    acoustic_frames,
    cross_predicted,
    prediction_skill,
    shrunk,
)

RATE = 50.0


def speech(frames=300, features=4, size=(16, 18), noise=0.05, seed=0):
    """Frames that are a linear function of smooth features, and noise."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(size=(frames, features)), 0)
    smooth = walk - np.apply_along_axis(np.convolve, 0, walk, np.ones(41) / 41, mode="same")
    told = smooth / smooth.std(0)
    modes = rng.normal(size=(features, *size)) * np.linspace(0, 0.2, size[1])
    clean = 0.5 + np.tensordot(told, modes, 1)
    noisy = clean + noise * rng.normal(size=clean.shape)
    return told.astype(np.float32), clean.astype(np.float32), noisy.astype(np.float32)


def test_what_is_linear_is_predicted_where_it_moves():
    features, clean, noisy = speech()
    known = np.ones(len(clean), bool)
    told = acoustic_frames(features, noisy, known, RATE)
    error = np.sqrt(((told - clean) ** 2).mean(0))
    assert error.mean() < 0.05  # below the noise of a single frame
    assert (error < 0.3 * np.maximum(clean.std(0), 0.1)).all()
    assert np.abs(told.mean(0) - noisy.mean(0)).max() < 0.02


def test_ridge_regression_against_the_normal_equations():
    features, _, noisy = speech(80)
    moments = Moments.of(features, noisy)
    centred = features - features.mean(0)
    pixels = noisy.reshape(len(noisy), -1)
    gram = centred.T @ centred + 20.0 * np.eye(features.shape[1])
    weights = np.linalg.solve(gram, centred.T @ (pixels - pixels.mean(0)))
    expected = pixels.mean(0) + centred @ weights
    found = moments.predict(features).reshape(len(noisy), -1)
    np.testing.assert_allclose(found, expected, atol=2e-4)
    np.testing.assert_allclose(moments.mean(), noisy.mean(0), rtol=1e-4)


def test_moments_of_parts_add_up():
    features, _, noisy = speech(60)
    rest = Moments.of(features, noisy) - Moments.of(features[:25], noisy[:25])
    alone = Moments.of(features[25:], noisy[25:])
    assert rest.frames == alone.frames == 35
    np.testing.assert_allclose(rest.cross, alone.cross, atol=1e-2)


def test_a_frame_and_its_neighbours_do_not_predict_themselves():
    features, _, noisy = speech()
    known = np.ones(len(noisy), bool)
    before = cross_predicted(features, noisy, known, RATE)
    changed = noisy.copy()
    changed[100:105] += 3.0  # within the fold of frame 101
    after = cross_predicted(features, changed, known, RATE)
    np.testing.assert_allclose(after[100:105], before[100:105], atol=1e-4)
    assert np.abs(after[200] - before[200]).max() > 1e-3


def test_lost_frames_are_not_looked_at():
    features, _, noisy = speech()
    known = np.ones(len(noisy), bool)
    known[90:98] = False
    other = noisy.copy()
    other[90:98] = 7.0
    np.testing.assert_array_equal(
        acoustic_frames(features, noisy, known, RATE), acoustic_frames(features, other, known, RATE)
    )


def test_sound_of_something_else_tells_nothing():
    features, clean, noisy = speech(600)
    known = np.ones(len(clean), bool)
    foreign = acoustic_frames(speech(600, seed=5)[0], noisy, known, RATE)
    own = acoustic_frames(features, noisy, known, RATE)
    mean = noisy.mean(0)
    assert np.abs(foreign - mean).mean() < 0.15 * np.abs(own - mean).mean()


def test_skill_is_the_best_factor():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(400, 12, 12)).astype(np.float32)
    mean = np.zeros((12, 12), np.float32)
    for factor in (0.25, 0.8):
        skill = prediction_skill(truth / factor, truth, mean)
        np.testing.assert_allclose(skill, factor, atol=1e-3)
        np.testing.assert_allclose(shrunk(truth / factor, mean, skill), truth, atol=1e-2)
    assert not prediction_skill(-truth, truth, mean).any()


@pytest.mark.parametrize("frames", [3, LEAST - 1, LEAST + 5])
def test_too_short_a_recording_tells_nothing(frames):
    features, _, noisy = speech(300)
    known = np.ones(frames, bool)
    assert acoustic_frames(features[:frames], noisy[:frames], known, RATE) is None
