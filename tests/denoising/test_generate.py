"""Frames made from sound."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from cleartract.denoising.amplitude import speaker_gain
from cleartract.denoising.generate import _speaker, generate_recording
from cleartract.denoising.prepared import ModelSoundReader
from cleartract.denoising.settings import GenerateSettings
from cleartract.denoising.survey import SurveyedSound
from cleartract.errors import UsageError
from cleartract.model.model import Model
from cleartract.recordings.recording import Recording
from cleartract.recordings.sound import ArraySound
from cleartract.recordings.waveform import PreparedSound


def voice(seconds, seed=0):
    return np.random.default_rng(seed).normal(size=int(seconds * 20_000)).astype(np.float32) * 0.1


@pytest.mark.parametrize(("rate", "size"), [("23.18", 32), ("65040/781", 24)])
def test_length_rate_and_size_are_those_asked_for(hearing_model, rate, size):
    settings = GenerateSettings(rate=rate, size=size, window_duration=6, step_duration=4)
    made = generate_recording(voice(0.6), 20_000, hearing_model, settings)
    assert made.frames.shape == (int(0.6 * made.rate), size, size)
    assert made.rate == Fraction(rate)
    assert made.frames.min() >= 0
    assert made.frames.max() <= 255
    np.testing.assert_array_equal(made.audio, voice(0.6))


def test_the_sound_decides_and_the_seed_repeats(hearing_model):
    settings = GenerateSettings(rate="40", size=32, window_duration=6, step_duration=4)
    first = generate_recording(voice(0.5), 20_000, hearing_model, settings).frames
    np.testing.assert_array_equal(
        first, generate_recording(voice(0.5), 20_000, hearing_model, settings).frames
    )
    other = generate_recording(voice(0.5, seed=3), 20_000, hearing_model, settings).frames
    assert np.abs(first - other).mean() > 0.1
    silent = settings.model_copy(update={"use_audio": False})
    a, b = (
        generate_recording(voice(0.5, seed=s), 20_000, hearing_model, silent).frames for s in (0, 3)
    )
    np.testing.assert_array_equal(a, b)


def test_a_reference_frame_gives_size_and_scale(hearing_model):
    frame = 1000 * np.random.default_rng(0).random((30, 34)).astype(np.float32)
    settings = GenerateSettings(rate="40", window_duration=6, step_duration=4)
    made = generate_recording(voice(0.4), 20_000, hearing_model, settings, frame)
    assert made.frames.shape == (16, 30, 34)
    other = generate_recording(voice(0.4), 20_000, hearing_model, settings, frame[::-1].copy())
    assert np.abs(made.frames - other.frames).max() > 1


def test_a_reference_recording_shows_how_the_speaker_moves(hearing_model):
    """Frames that follow the articulation which the model reads are predicted for new sound."""
    with torch.no_grad():  # articulation in standard units, as a trained model reads it
        hearing_model.inversion.read.weight.mul_(30)
        hearing_model.inversion.read.bias.zero_()
    rate, sound = Fraction(40), voice(6.0)
    blank = Recording(np.zeros((240, 16, 16), np.float32), rate, sound, 20_000)
    features = hearing_model.inversion.of_frames(blank.audio_at(16_000), 240, 40.0)
    feature = (features[:, 3] - features[:, 3].mean()) / features[:, 3].std()
    frames = 0.5 + 0.2 * feature[:, None, None] * np.linspace(-1, 1, 16)
    frames = np.broadcast_to(frames, (240, 16, 16)).astype(np.float32)
    reference = replace(blank, frames=frames)
    new = PreparedSound.of(ArraySound(sound[::-1].copy(), 20_000), 16_000)
    surveyed = SurveyedSound(new, None, None, ModelSoundReader(hearing_model))
    times = (np.arange(200) + 0.5) / float(rate)
    settings = GenerateSettings(amplitude="mean")
    speaker = _speaker(hearing_model, reference, settings, surveyed, times)
    wanted = hearing_model.inversion.at(new, times)[:, 3]
    assert np.corrcoef(speaker.predicted[:, 8, 15], wanted)[0, 1] > 0.9
    expected = speaker.intensity.apply(frames).mean(0)
    np.testing.assert_allclose(speaker.mean, expected, atol=2e-3)


def test_predicted_movement_gets_the_amplitude_of_the_speaker():
    """A prediction with a third of the amplitude, of movement that it explains in part."""
    rng = np.random.default_rng(0)
    move = rng.normal(size=(400, 1, 1)) * np.linspace(-1, 1, 20)[:, None] * np.ones((20, 20))
    known = (move + 0.05 * rng.normal(size=move.shape)).astype(np.float32)
    assert speaker_gain(known, known, known) == pytest.approx(1)
    assert speaker_gain(known, known / 2, known / 2) == pytest.approx(2, rel=0.01)
    assert speaker_gain(known, known / 2, known / 1.5) == pytest.approx(1.5, rel=0.01)
    assert speaker_gain(known, known / 9, known / 9) == 3
    assert speaker_gain(known, 0 * known, 0 * known) == 3
    assert speaker_gain(known, 2 * known, known) == 1


def test_a_short_or_silent_reference_is_a_posture(hearing_model, spoken):
    settings = GenerateSettings(window_duration=6, step_duration=4)
    first = generate_recording(voice(0.3), 20_000, hearing_model, settings, spoken.frames[0]).frames
    for reference in (
        spoken.excerpt(0, 40),
        replace(spoken, audio=None, sample_rate=None, peak=None),
    ):
        made = generate_recording(voice(0.3), 20_000, hearing_model, settings, reference)
        assert made.rate == spoken.rate
        assert made.frames.shape == (int(0.3 * spoken.rate), 20, 22)
    assert first.shape == made.frames.shape


def test_weights_that_cannot_hear_are_refused(tiny_config):
    unet = tiny_config.unet.model_copy(update={"token_channels": 0})
    model = Model(tiny_config.model_copy(update={"unet": unet}))
    with pytest.raises(UsageError, match="no audio encoder"):
        generate_recording(voice(0.5), 20_000, model, GenerateSettings())
    with pytest.raises(UsageError, match="shorter than one frame"):
        generate_recording(voice(0.01), 20_000, model, GenerateSettings(use_audio=False))
