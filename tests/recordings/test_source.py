from fractions import Fraction

import numpy as np
import pytest

from cleartract.recordings.recording import Recording
from cleartract.recordings.source import FirstFrames, RecordingSource, in_memory


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
