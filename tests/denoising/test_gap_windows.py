from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cleartract.denoising.gap_windows import edge_factors, runs_of, with_gaps_inside
from cleartract.recordings.overlap_add import OverlapAdd
from cleartract.recordings.windows import SlidingWindowTransform


@given(
    st.integers(20, 90),
    st.integers(4, 16),
    st.data(),
)
def test_every_gap_that_fits_is_seen_from_both_sides(total, length, data):
    lost = data.draw(st.sets(st.integers(0, total - 1), max_size=total - 1))
    step = data.draw(st.integers(1, length))
    windows = SlidingWindowTransform(length, step).windows(total, Fraction(50))
    more = with_gaps_inside(windows, sorted(lost), total)
    starts = [window.first for window in more]
    assert starts == sorted(starts)
    assert set(windows) <= set(more)
    assert all(w.first >= 0 and w.first + w.frames <= total for w in more)
    for first, count in runs_of(sorted(lost)):
        if count <= length - 2 and first > 0 and first + count < total:
            assert any(w.first < first and first + count < w.first + length for w in more)


def test_nothing_is_added_where_nothing_is_lost():
    windows = SlidingWindowTransform(16, 12).windows(100, Fraction(50))
    assert with_gaps_inside(windows, (), 100) == windows


def test_a_gap_at_the_edge_of_a_window_leaves_the_word_to_the_window_around_it():
    observed = np.ones(30, bool)
    observed[10:14] = False
    blend = OverlapAdd(30, (2, 2))
    for window in with_gaps_inside(
        SlidingWindowTransform(12, 10).windows(30, Fraction(50)), range(10, 14), 30
    ):
        part = observed[window.first : window.first + 12]
        surrounded = part[0] and part[-1]
        value = 1.0 if surrounded else 0.0
        blend.add(np.full((12, 2, 2), value), window.first, edge_factors(part))
    assert blend.take(30)[10:14].min() > 0.98


def test_ones_stay_ones():
    blend = OverlapAdd(20, (2, 2))
    for first in (0, 4, 8):
        blend.add(np.ones((12, 2, 2)), first, np.linspace(1e-3, 1, 12))
    np.testing.assert_array_equal(blend.take(20), 1)
