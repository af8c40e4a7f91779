"""What a window is told, and the law that sound without skill changes nothing."""

from dataclasses import replace

import numpy as np
import pytest

from cleartract.denoising.prepared import CHANCE, PreparedRecording
from cleartract.denoising.prepared_window import NO_SKILL, TRUSTED_SKILL
from cleartract.denoising.restore import Restoration
from cleartract.denoising.settings import DenoiseSettings
from cleartract.recordings.source import RecordingSource
from cleartract.recordings.windows import Window

SETTINGS = DenoiseSettings(window_duration=8, step_duration=5, batch=2)


def restored(source, model, prepared, settings=SETTINGS):
    pieces = Restoration(source, prepared, model, settings).pieces()
    return np.concatenate([piece.frames for piece in pieces])


@pytest.mark.parametrize("lost", [(), tuple(range(60, 66))])
def test_where_the_sound_has_no_skill_the_result_is_that_without_it(spoken, hearing_model, lost):
    source = RecordingSource(spoken)
    silent = SETTINGS.model_copy(update={"use_audio": False})
    without = restored(
        source, hearing_model, PreparedRecording.of(source, hearing_model, silent, lost), silent
    )
    prepared = PreparedRecording.of(source, hearing_model, SETTINGS, lost)
    assert not np.allclose(restored(source, hearing_model, prepared), without, atol=0.1)
    prepared.survey.prediction.explained = 0.9 * NO_SKILL
    np.testing.assert_array_equal(restored(source, hearing_model, prepared), without)


@pytest.mark.parametrize(
    ("skill", "predicted", "tokens"),
    [(0.0, False, False), (0.9 * TRUSTED_SKILL, True, False), (TRUSTED_SKILL, True, True)],
)
def test_the_sound_is_used_as_far_as_its_skill(spoken, hearing_model, skill, predicted, tokens):
    prepared = PreparedRecording.of(RecordingSource(spoken), hearing_model)
    prepared.survey.prediction.explained = skill
    window = Window(10, 8, spoken.rate)
    found = prepared.window(window, prepared.normalised(spoken.frames[10:18]))
    assert (found.predicted is not None) == predicted
    assert (found.sound is not None) == predicted
    if predicted:
        assert found.skill == skill
        assert (found.sound.masked is None) == tokens


def test_noise_does_not_hide_the_skill_of_the_sound(spoken, hearing_model):
    """Noise takes from the share that the sound explains, and as much from that of chance."""
    rng = np.random.default_rng(0)
    noisy = replace(spoken, frames=spoken.frames + rng.normal(0, 30, spoken.frames.shape))
    foreign = replace(noisy, audio=rng.normal(0, 0.1, len(spoken.audio)).astype(np.float32))
    own, other = (
        PreparedRecording.of(
            RecordingSource(replace(x, frames=x.frames.astype(np.float32))), hearing_model
        )
        for x in (noisy, foreign)
    )
    without_noise = NO_SKILL + CHANCE * float(spoken.rate) / len(spoken)
    assert own.sound_skill == own.survey.prediction.explained
    assert 0 < own.sound_skill < without_noise
    assert other.sound_skill == 0


def test_noise_is_told_in_normalised_intensity(spoken, hearing_model):
    prepared = PreparedRecording.of(RecordingSource(spoken), hearing_model)
    found = prepared.window(Window(0, 8, spoken.rate), prepared.normalised(spoken.frames[:8]))
    scale = prepared.survey.intensity.scale
    assert found.noise.level == pytest.approx(prepared.survey.noise.level / scale)
    np.testing.assert_allclose(
        found.noise.strength, prepared.survey.noise.strength / scale, rtol=1e-5
    )


def test_the_target_is_handed_on(spoken, hearing_model):
    ideal = SETTINGS.model_copy(update={"target": "ideal"})
    prepared = PreparedRecording.of(RecordingSource(spoken), hearing_model, ideal)
    frames = prepared.normalised(spoken.frames[:8])
    assert prepared.window(Window(0, 8, spoken.rate), frames).target == "ideal"
