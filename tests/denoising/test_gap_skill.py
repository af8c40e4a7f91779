from fractions import Fraction

import numpy as np
import pytest

from cleartract.denoising.gap_skill import drawn_to_interpolation, gap_factor, hidden_trials
from cleartract.recordings.windows import SlidingWindowTransform

SHOWN = np.ones(12, bool)
SHOWN[4:8] = False


@pytest.fixture
def moving():
    rng = np.random.default_rng(0)
    return np.cumsum(rng.normal(0, 1, (12, 6, 6)), axis=0)


def trial(truth, factor):
    """Frames of a gap that lie on the way from interpolation to the truth, or beyond it."""
    between = drawn_to_interpolation(truth, SHOWN, 0.0)
    return truth, between + (truth - between) / factor, SHOWN


@pytest.mark.parametrize("factor", [0.25, 0.5, 1.0])
def test_departures_that_are_too_large_are_shrunk_to_size(moving, factor):
    assert gap_factor([trial(moving, factor)]) == pytest.approx(factor, rel=1e-6)


def test_departures_that_are_wrong_are_left_out(moving):
    assert gap_factor([trial(moving, -1.0)]) == 0


def test_frames_that_are_there_stay_and_so_do_gaps_at_the_edge(moving):
    shown = SHOWN.copy()
    shown[:2] = False
    drawn = drawn_to_interpolation(moving, shown, 0.3)
    changed = np.abs(drawn - moving).max((1, 2)) > 0
    np.testing.assert_array_equal(changed, ~SHOWN)


def test_trials_hide_what_gaps_usually_hide_in_windows_without_gaps():
    windows = SlidingWindowTransform(16, 12).windows(400, Fraction(50))
    lost = [*range(100, 106), *range(200, 206)]
    trials = hidden_trials(windows, lost, 400)
    assert 4 <= len(trials) <= 12
    for window, shown in trials:
        assert (~shown).sum() == 6
        assert shown[0]
        assert shown[-1]
        assert not set(range(window.first, window.first + 16)) & set(lost)


def test_nothing_is_tried_where_nothing_is_lost_or_hardly_anything_is_there():
    windows = SlidingWindowTransform(16, 12).windows(60, Fraction(50))
    assert hidden_trials(windows, (), 60) == []
    assert hidden_trials(windows, range(10, 50), 60) == []
