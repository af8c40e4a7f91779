from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from cleartract.recordings.recording import Recording
from cleartract.sound.offset import FrameSpeed, delayed, estimate_offset, frames_speed


def speaking(seconds=6.0, rate=Fraction(65040, 781), seed=0):
    """A bright disc whose radius follows the same gestures as the spectrum of the sound."""
    rng = np.random.default_rng(seed)
    fs = 16_000
    events = np.sort(rng.uniform(0.2, seconds - 0.2, int(4 * seconds)))

    def gesture(times):
        return np.tanh((times[:, None] - events) / 0.03) @ rng_signs / 2

    rng_signs = np.where(np.arange(len(events)) % 2, 1.0, -1.0)
    frame_times = (np.arange(int(seconds * rate)) + 0.5) / float(rate)
    y, x = np.mgrid[:32, :32]
    radius = 8 + 3 * gesture(frame_times)
    frames = 1 / (1 + np.exp(np.hypot(y - 16, x - 16) - radius[:, None, None]))
    frames = frames + 0.05 * rng.normal(size=frames.shape)
    times = np.arange(int(seconds * fs)) / fs
    pitch = 600 * 2 ** (1.5 * gesture(times))
    audio = 0.3 * np.sin(2 * np.pi * np.cumsum(pitch) / fs)
    return Recording(frames.astype(np.float32), rate, audio.astype(np.float32), fs)


@pytest.mark.parametrize("late", [-0.2, 0.0, 0.05, 0.31])
def test_a_known_offset_is_found(late):
    recording = delayed(speaking(), late)
    found = estimate_offset(recording)
    assert found.certain
    assert found.seconds == pytest.approx(late, abs=0.012)
    assert found.beyond(1 / float(recording.rate)) == (late != 0)


def test_the_warning_counts_what_is_corrected():
    recording = delayed(speaking(), 0.31)
    found, frame = estimate_offset(recording), 1 / float(recording.rate)
    assert f"{1000 * found.seconds:.0f} ms late" in found.warning(frame)
    assert found.warning(frame, 0.31) is None
    assert "early after 500 ms are corrected" in found.warning(frame, 0.5)


def test_sound_of_another_recording_raises_no_warning():
    recording = replace(speaking(), audio=speaking(seed=1).audio)
    assert not estimate_offset(recording).beyond(1 / float(recording.rate))


def test_nothing_to_compare():
    recording = speaking()
    assert estimate_offset(replace(recording, audio=None, sample_rate=None)) is None
    assert estimate_offset(recording.excerpt(0, 100)) is None
    still = np.repeat(recording.frames[:1], len(recording), 0)
    assert estimate_offset(replace(recording, frames=still)) is None
    assert estimate_offset(replace(recording, audio=0 * recording.audio)) is None


def test_delaying_and_advancing_cancel():
    recording = speaking(2.5)
    there = delayed(delayed(recording, 0.25), -0.25)
    end = len(recording.audio) - 4000
    np.testing.assert_array_equal(there.audio[:end], recording.audio[:end])
    assert len(there.audio) == len(recording.audio)
    assert not delayed(recording, 99.0).audio.any()


@pytest.mark.parametrize("chunk", [1, 3, 17, 64])
@pytest.mark.parametrize("length", [1, 5, 200])
def test_speeds_do_not_depend_on_the_chunks(chunk, length):
    recording = speaking(2.5)
    frames, rate = recording.frames[:length], float(recording.rate)
    collected = FrameSpeed(frames, rate)
    for first in range(0, len(frames), chunk):
        collected.add(frames[first : first + chunk])
    found = collected.result()
    assert len(found) == (length if length > 1 else 0)
    np.testing.assert_allclose(found, frames_speed(frames, rate), rtol=1e-5, atol=1e-9)
