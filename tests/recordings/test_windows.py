from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleartract.errors import WindowError
from cleartract.recordings.windows import SlidingWindowTransform, Window

RATES = (Fraction(1159, 50), Fraction(65040, 781), Fraction(125000, 1501), Fraction(50))
shapes = st.tuples(st.integers(1, 90), st.integers(1, 24), st.integers(1, 24)).filter(
    lambda s: s[2] <= s[1]
)


def cut(total, frames, step, rate=RATES[1]):
    return SlidingWindowTransform(frames, step).windows(total, rate)


@given(shapes)
def test_every_frame_is_covered_and_windows_stay_inside(shape):
    total, frames, step = shape
    windows = cut(total, frames, step)
    seen = np.concatenate([w.frame_indices(total) for w in windows])
    assert set(seen) == set(range(total))
    assert all(w.frames == frames for w in windows)
    if total >= frames:
        assert all(w.first >= 0 and w.first + frames <= total for w in windows)
        assert len({w.first for w in windows}) == len(windows)


@settings(max_examples=200)
@given(
    st.integers(0, 100_000),
    st.integers(1, 64),
    st.sampled_from(RATES),
    st.sampled_from((16_000, 20_000, 22_050, 44_100)),
    st.sampled_from((0.0, 0.12)),
)
def test_audio_slice_matches_its_frames_within_half_a_sample(first, frames, rate, fs, context):
    window = Window(first, frames, rate)
    start, count = window.audio_span(fs, context)
    extra = Fraction(context).limit_denominator(10**6)
    exact = (Fraction(first) / rate - extra) * fs
    assert abs(start - exact) <= Fraction(1, 2)
    assert count == window.audio_span(fs, context)[1]
    assert abs(count - (Fraction(frames) / rate + 2 * extra) * fs) <= Fraction(1, 2)
    # the first sample's time on the window's own clock says the same
    centre = (first + frames / 2) / float(rate)
    assert window.audio_start(fs, context) + centre == pytest.approx(start / fs, abs=1e-9)


def test_a_click_lands_in_the_frame_during_which_it_sounds():
    rate, fs = Fraction(1159, 50), 20_000
    waveform = np.zeros(fs * 20, np.float32)
    frame = 333
    waveform[round((frame + 0.5) / float(rate) * fs)] = 1
    for window in cut(400, 5, 2, rate):
        piece = window.audio(waveform, fs)
        inside = window.first <= frame < window.first + 5
        assert (piece.max() == 1) == inside
        if inside:
            heard = window.audio_start(fs) + piece.argmax() / fs
            expected = window.frame_times()[frame - window.first]
            assert heard == pytest.approx(expected, abs=1 / fs)


def test_sound_beyond_the_ends_is_silence():
    window = Window(0, 5, Fraction(50))
    piece = window.audio(np.ones(100, np.float32), 1000, context=0.05)
    assert len(piece) == 200
    assert piece[:50].sum() == 0
    assert piece[50:150].sum() == 100
    assert piece[150:].sum() == 0


def test_durations_in_seconds():
    transform = SlidingWindowTransform(window_duration=5 / 83, step_duration=2 / 83)
    assert transform.window_frames(RATES[1]) == 5
    assert transform.step_frames(RATES[1]) == 2


@pytest.mark.parametrize(
    ("window", "step", "words"),
    [(3, 5, "longer than the window"), (0, 1, "positive"), (5, -1, "positive")],
)
def test_impossible_windows_are_refused(window, step, words):
    with pytest.raises(WindowError, match=words):
        SlidingWindowTransform(window, step).windows(20, RATES[0])
