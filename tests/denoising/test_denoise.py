from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.model.model import Model
from cleartract.recordings.recording import Recording


def restored(recording, model, **settings):
    return denoise_recording(recording, model, DenoiseSettings(**settings)).recording.frames


@pytest.mark.parametrize("length", [1, 2, 4, 5, 17, 24])
@pytest.mark.parametrize("blend", ["hann", "triangular", "uniform"])
def test_a_new_network_returns_its_input(recording, tiny_config, length, blend):
    """Its last layer is zero: at the largest sigma the prior mean, the noisy frames, comes back."""
    short = replace(recording, frames=recording.frames[:length])
    model = Model(tiny_config).eval()
    found = restored(short, model, blend=blend, window_duration=5, step_duration=2)
    assert found.shape == short.frames.shape
    np.testing.assert_allclose(found, short.frames, atol=0.3)


@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "heun", "dpmpp_2m"])
def test_batch_size_does_not_change_the_result(recording, tiny_model, sampler):
    options = dict(window_duration=8, step_duration=4, sampler=sampler, steps=2)
    one = restored(recording, tiny_model, batch=1, **options)
    many = restored(recording, tiny_model, batch=7, **options)
    assert np.abs(one - many).max() < 2e-3 * 200
    assert np.abs(one - many).mean() < 1e-4 * 200


def test_seed_decides_and_repeats(recording, tiny_model):
    options = dict(window_duration=12, step_duration=6, sampler="ddpm", steps=3)
    first = restored(recording, tiny_model, seed=1, **options)
    assert np.array_equal(first, restored(recording, tiny_model, seed=1, **options))
    assert not np.allclose(first, restored(recording, tiny_model, seed=2, **options))


def test_sound_and_rate_and_scale_stay(recording, tiny_model):
    result = denoise_recording(recording, tiny_model, DenoiseSettings())
    assert result.recording.rate == recording.rate
    assert np.array_equal(result.recording.audio, recording.audio)
    assert result.used["audio_used"] is True
    louder = replace(recording, frames=recording.frames * 100, peak=None)
    scaled = restored(louder, tiny_model)
    np.testing.assert_allclose(scaled / 100, result.recording.frames, atol=0.5)


def test_without_sound_the_null_path_is_used(recording, tiny_model):
    silent = replace(recording, audio=None, sample_rate=None)
    first = denoise_recording(silent, tiny_model, DenoiseSettings())
    second = denoise_recording(recording, tiny_model, DenoiseSettings(use_audio=False))
    assert first.used["audio_used"] is False
    assert np.array_equal(first.recording.frames, second.recording.frames)
    heard = restored(recording, tiny_model)
    assert not np.array_equal(heard, first.recording.frames)


def test_guidance_zero_is_the_null_path(recording, tiny_model):
    options = dict(window_duration=5, step_duration=2)
    null = restored(recording, tiny_model, use_audio=False, **options)
    np.testing.assert_allclose(
        restored(recording, tiny_model, guidance=0, **options), null, atol=0.01
    )
    one, two = (restored(recording, tiny_model, guidance=g, **options) for g in (1, 2))
    clipped = (two <= 0) | (two >= 255) | (one <= 0) | (one >= 255) | (null <= 0) | (null >= 255)
    expected = null + 2 * (one - null)
    assert np.abs(two - expected)[~clipped].max() < 0.5


def test_samples_give_mean_and_spread(recording, tiny_model):
    options = dict(window_duration=12, step_duration=12, sampler="ddpm", steps=2)
    found = denoise_recording(recording, tiny_model, DenoiseSettings(samples=3, **options))
    assert found.uncertainty is not None
    assert found.uncertainty.shape == recording.frames.shape
    assert (found.uncertainty >= 0).all()
    assert found.uncertainty.mean() > 0
    single = denoise_recording(recording, tiny_model, DenoiseSettings(**options))
    assert single.uncertainty is None


def test_borders_without_image_are_left_alone(tiny_model):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:48, :48]
    frames = np.stack([100 + 50 * np.sin((x + t) / 6) * np.cos(y / 7) for t in range(16)])
    junk = rng.uniform(0, 255, (16, 2, 48))
    with_junk = frames.copy()
    with_junk[:, :2] = junk
    rate = Fraction(1159, 50)
    result = denoise_recording(
        Recording(with_junk.astype(np.float32), rate, peak=255.0), tiny_model, DenoiseSettings()
    )
    np.testing.assert_allclose(result.recording.frames[:, :2], junk, atol=1e-3)
    assert result.used["borders_without_image"] == "2 rows at the top"


def test_lost_frames_have_no_influence(spoken, hearing_model):
    observed = np.ones(len(spoken), bool)
    observed[[0, 40, 41, 149]] = False
    other = spoken.frames.copy()
    other[~observed] = 1e4
    settings = DenoiseSettings(window_duration=5, step_duration=3, batch=2)
    first, second = (
        denoise_recording(replace(spoken, frames=f), hearing_model, settings, observed=observed)
        for f in (spoken.frames, other)
    )
    np.testing.assert_array_equal(first.recording.frames, second.recording.frames)
    assert first.used["lost_frames"] == [0, 40, 41, 149]
