from fractions import Fraction

import numpy as np
import pytest

from cleartract.recordings.recording import Recording
from cleartract.recordings.source import FiniteLost, FirstFrames, RecordingSource, in_memory


@pytest.mark.parametrize("count", [1, 64, 65, 150, 999])
def test_the_beginning_of_a_recording_is_its_excerpt(count):
    rng = np.random.default_rng(0)
    frames = rng.random((150, 5, 6)).astype(np.float32)
    audio = rng.random(300_000).astype(np.float32)
    recording = Recording(frames, Fraction(65040, 781), audio, 100_000, peak=255.0)
    found = in_memory(FirstFrames(RecordingSource(recording), count))
    expected = recording.excerpt(0, min(count, 150))
    np.testing.assert_array_equal(found.frames, expected.frames)
    np.testing.assert_array_equal(found.audio, expected.audio)
    assert (found.rate, found.peak) == (expected.rate, expected.peak)


@pytest.mark.parametrize("lost", [(0, 3), (63, 64, 65), (99,)])
def test_lost_frames_are_finite_and_others_as_they_are(lost):
    frames = np.random.default_rng(0).normal(size=(100, 16, 16)).astype(np.float32)
    spoiled = frames.copy()
    for frame in lost:
        spoiled[frame, 5:] = np.nan
        spoiled[frame, 2] = np.inf

    class Spoiled:
        name, count, size, rate, peak, sound, provenance = "x", 100, (16, 16), 50, None, None, {}

        def chunks(self):
            yield from (spoiled[first : first + 64] for first in (0, 64))

    before = spoiled.copy()
    read = np.concatenate(list(FiniteLost(Spoiled(), lost).chunks()))
    assert np.isfinite(read).all()
    whole = np.isfinite(spoiled)
    np.testing.assert_array_equal(read[whole], frames[whole])
    np.testing.assert_array_equal(spoiled, before)
    with_others = np.concatenate(list(FiniteLost(Spoiled(), ()).chunks()))
    np.testing.assert_array_equal(with_others, spoiled)
