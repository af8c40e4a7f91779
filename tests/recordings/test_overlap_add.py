from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleartract.errors import WindowError
from cleartract.recordings.overlap_add import OverlapAdd, blend_weights, overlap_add
from cleartract.recordings.windows import SlidingWindowTransform

BLENDS = ("hann", "triangular", "uniform")
shapes = st.tuples(st.integers(1, 90), st.integers(1, 24), st.integers(1, 24)).filter(
    lambda s: s[2] <= s[1]
)


def cut(total, frames, step):
    return SlidingWindowTransform(frames, step).windows(total, Fraction(50))


@given(shapes, st.sampled_from(BLENDS))
def test_ones_in_ones_out_everywhere(shape, blend):
    total, frames, step = shape
    windows = cut(total, frames, step)
    ones = [np.ones((frames, 2, 3), np.float32) for _ in windows]
    assert np.array_equal(
        overlap_add(ones, [w.first for w in windows], total, blend), np.ones((total, 2, 3))
    )


@given(shapes, st.sampled_from(BLENDS), st.integers(0, 2**31))
def test_identity_returns_the_input_in_any_order(shape, blend, seed):
    total, frames, step = shape
    rng = np.random.default_rng(seed)
    video = rng.normal(size=(total, 2, 3)).astype(np.float32)
    windows = cut(total, frames, step)
    rng.shuffle(windows)
    pieces = [video[w.frame_indices(total)] for w in windows]
    back = overlap_add(pieces, [w.first for w in windows], total, blend)
    np.testing.assert_allclose(back, video, rtol=1e-6, atol=1e-6)


def test_overlap_add_against_the_obvious_loop():
    rng = np.random.default_rng(0)
    windows = cut(23, 7, 3)
    pieces = [rng.normal(size=(7, 2, 2)) for _ in windows]
    expected = np.zeros((23, 2, 2))
    for f in range(23):
        top, bottom = 0.0, 0.0
        for window, piece in zip(windows, pieces, strict=True):
            k = f - window.first
            if 0 <= k < 7:
                h = np.sin(np.pi * (k + 0.5) / 7) ** 2
                top, bottom = top + h * piece[k], bottom + h
        expected[f] = top / bottom
    found = overlap_add(pieces, [w.first for w in windows], 23, "hann")
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("blend", BLENDS)
@given(frames=st.integers(1, 40))
def test_blend_weights_are_positive_and_symmetric(blend, frames):
    weights = blend_weights(frames, blend)
    assert (weights > 0).all()
    np.testing.assert_allclose(weights, weights[::-1], rtol=1e-9)


def test_an_uncovered_frame_is_an_error():
    with pytest.raises(WindowError, match="frame 2 is covered by no window"):
        overlap_add([np.ones((2, 1, 1))], [0], 3)


def streamed(windows, pieces, total, blend="hann", first=0):
    """What is handed out as soon as no later window touches it."""
    added = OverlapAdd(total, pieces[0].shape[1:], blend, first)
    parts = []
    for number, (window, piece) in enumerate(zip(windows, pieces, strict=True)):
        added.add(piece, window.first)
        following = windows[number + 1].first if number + 1 < len(windows) else total
        parts.append(added.take(following))
    return np.concatenate(parts)


@given(shapes, st.sampled_from(BLENDS), st.integers(0, 2**31))
def test_handing_out_early_equals_handing_out_at_the_end(shape, blend, seed):
    total, frames, step = shape
    windows = cut(total, frames, step)
    rng = np.random.default_rng(seed)
    pieces = [rng.normal(size=(frames, 2, 3)).astype(np.float32) for _ in windows]
    whole = overlap_add(pieces, [w.first for w in windows], total, blend)
    np.testing.assert_array_equal(streamed(windows, pieces, total, blend), whole)
    first = int(rng.integers(total))
    np.testing.assert_array_equal(streamed(windows, pieces, total, blend, first), whole[first:])
    ones = [np.ones((frames, 2, 3), np.float32) for _ in windows]
    assert np.array_equal(streamed(windows, ones, total, blend), np.ones((total, 2, 3)))


def test_memory_is_that_of_frames_not_handed_out():
    windows = cut(396, 16, 10)
    added = OverlapAdd(396, (2, 2))
    for window, following in zip(windows[:-1], windows[1:], strict=True):
        added.add(np.ones((16, 2, 2), np.float32), window.first)
        added.take(following.first)
        assert len(added._sum) <= 6
