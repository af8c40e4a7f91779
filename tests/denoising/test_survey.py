"""What one pass over a recording finds."""

from dataclasses import replace

import numpy as np
import pytest

from cleartract.denoising.prepared import PreparedRecording
from cleartract.denoising.survey import survey
from cleartract.errors import RecordingError, WindowError
from cleartract.recordings.intensity import Intensity
from cleartract.recordings.source import RecordingSource


class Rechunked(RecordingSource):
    """The same recording in chunks of another length."""

    def __init__(self, recording, chunk):
        super().__init__(recording)
        self.chunk = chunk

    def chunks(self):
        for first in range(0, self.count, self.chunk):
            yield self.recording.frames[first : first + self.chunk]


@pytest.mark.parametrize("chunk", [1, 7, 150])
def test_chunks_do_not_matter(spoken, hearing_model, chunk):
    lost = (3, 77, 78)
    found, expected = (
        PreparedRecording.of(source, hearing_model, None, lost).survey
        for source in (Rechunked(spoken, chunk), RecordingSource(spoken))
    )
    for name in ("frames", "size", "intensity", "minimum", "maximum", "bright", "borders"):
        assert getattr(found, name) == getattr(expected, name), name
    assert found.lost == expected.lost == lost
    assert found.spikes == expected.spikes
    np.testing.assert_allclose(found.mean, expected.mean, atol=1e-6)
    np.testing.assert_allclose(found.noise.strength, expected.noise.strength, rtol=1e-4)
    np.testing.assert_allclose(found.prediction.skill, expected.prediction.skill, atol=1e-3)


def test_what_is_found_is_that_of_the_frames(spoken):
    found = survey(RecordingSource(spoken))
    image, expected = spoken.frames, Intensity.of(spoken.frames)
    assert (found.frames, found.size, found.rate) == (150, (20, 22), spoken.rate)
    assert found.intensity.scale == pytest.approx(expected.scale, rel=1e-3)
    np.testing.assert_allclose(found.mean, expected.apply(image).mean(0), atol=1e-3)
    assert found.noise.level == pytest.approx(4, rel=0.2)
    assert (found.minimum, found.maximum) == (image.min(), image.max())


def test_lost_frames_change_nothing(spoken):
    lost = (0, 60, 149)
    other = spoken.frames.copy()
    other[list(lost)] = 1e4
    first, second = (
        survey(RecordingSource(replace(spoken, frames=frames)), lost=lost)
        for frames in (spoken.frames, other)
    )
    assert first.intensity == second.intensity
    assert (first.bright, first.maximum) == (second.bright, second.maximum)
    np.testing.assert_array_equal(first.mean, second.mean)
    np.testing.assert_array_equal(first.noise.strength, second.noise.strength)
    assert first.observed(np.array([60, 61, 60])).tolist() == [False, True, False]


@pytest.mark.parametrize("length", [1, 2, 29, 30])
def test_short_recordings(spoken, hearing_model, length):
    source = RecordingSource(spoken.excerpt(0, length))
    found = PreparedRecording.of(source, hearing_model).survey
    assert (found.mean is None) == (length < 30)
    assert found.prediction is None
    assert found.offset is None


@pytest.mark.filterwarnings("error")
def test_impossible_recordings_are_refused(spoken):
    source = RecordingSource(spoken)
    with pytest.raises(WindowError, match="lost frame 150: the recording has frames 0 to 149"):
        survey(source, lost=(3, 150))
    with pytest.raises(WindowError, match="every frame is declared lost"):
        survey(source, lost=tuple(range(150)))
    for value in (np.inf, np.nan):
        source.recording.frames[120, 3, 3] = value
        with pytest.raises(RecordingError, match="not finite"):
            survey(source)


def test_late_sound_is_used_earlier(spoken, hearing_model):
    late = replace(spoken, audio=np.concatenate([np.zeros(1600, np.float32), spoken.audio]))
    found = PreparedRecording.of(RecordingSource(late), hearing_model, audio_offset=0.1).sound
    expected = PreparedRecording.of(RecordingSource(spoken), hearing_model).sound
    spans = [sound.sound.span(5000, 9000) / sound.sound.gain for sound in (found, expected)]
    np.testing.assert_allclose(*spans, rtol=1e-5)
    spans = [sound.features.span(0, 130) for sound in (found, expected)]
    np.testing.assert_allclose(*spans, atol=0.05)  # the end of the sound lies elsewhere
