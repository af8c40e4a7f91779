import numpy as np
import pytest

from cleartract.sound.gaps import GAPS, gap_weights, tempered


def motion(frames=400, period=13.0):
    rng = np.random.default_rng(0)
    phase = 2 * np.pi * np.arange(frames) / period
    pattern = rng.normal(size=(2, 6, 7))
    return np.tensordot(np.stack([np.sin(phase), np.cos(phase)], 1), pattern, 1).astype(np.float32)


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_the_best_factor_is_found_whatever_the_noise(factor):
    frames = motion()
    noisy = frames + np.random.default_rng(1).normal(0, 0.3, frames.shape).astype(np.float32)
    found = gap_weights(noisy, frames / factor)
    np.testing.assert_allclose(found, min(factor, 1.0), atol=0.08)


def test_predictions_of_other_motion_add_nothing():
    assert max(gap_weights(motion(), motion(period=29.7))) < 0.2


def test_lost_frames_are_not_looked_at():
    frames, seen = motion(), np.ones(400, bool)
    seen[100:110] = False
    broken = frames.copy()
    broken[100:110] = 99
    assert gap_weights(broken, frames, seen) == gap_weights(frames, frames, seen)


def test_short_recordings_use_the_longest_gap_they_have():
    found = gap_weights(motion(12), motion(12))
    assert len(found) == len(GAPS)
    assert found[-1] == found[2]


def test_no_weight_is_interpolation_and_full_weight_changes_nothing():
    predicted, observed = motion(16), np.ones(16, bool)
    observed[4:9] = observed[14:] = False
    np.testing.assert_allclose(
        tempered(predicted, observed, (1.0,) * len(GAPS)), predicted, atol=1e-6
    )
    straight = tempered(predicted, observed, (0.0,) * len(GAPS))
    np.testing.assert_allclose(straight[6], (predicted[3] + predicted[9]) / 2, atol=1e-6)
    np.testing.assert_allclose(straight[15], predicted[13], atol=1e-6)
    np.testing.assert_array_equal(straight[observed], predicted[observed])


def test_where_nothing_is_observed_the_prediction_stays():
    predicted = motion(8)
    hidden = np.zeros(8, bool)
    np.testing.assert_array_equal(tempered(predicted, hidden, (0.0,) * len(GAPS)), predicted)
