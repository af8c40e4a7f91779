from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from cleartract.denoising.denoise import denoise, denoise_recording
from cleartract.denoising.settings import DenoiseSettings, checked_settings
from cleartract.denoising.window_loop import frame_noise
from cleartract.errors import RecordingError, UsageError, WeightsError, WindowError
from cleartract.model.model import Model
from cleartract.model.weights import load_model, save_model
from cleartract.recordings.recording import Recording


def restored(recording, model, **settings):
    return denoise_recording(recording, model, DenoiseSettings(**settings)).recording.frames


@pytest.mark.parametrize("length", [1, 2, 4, 5, 17, 24])
@pytest.mark.parametrize("blend", ["hann", "triangular", "uniform"])
def test_a_new_network_returns_its_input(recording, tiny_config, length, blend):
    """Its last layer is zero: at the largest sigma the guess, the noisy frames, comes back."""
    short = replace(recording, frames=recording.frames[:length])
    model = Model(tiny_config).eval()
    found = restored(short, model, blend=blend, window_duration=5, step_duration=2)
    assert found.shape == short.frames.shape
    np.testing.assert_allclose(found, short.frames, atol=0.3)


@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "heun", "dpmpp_2m"])
def test_batch_size_does_not_change_the_result(recording, tiny_model, sampler):
    options = dict(window_duration=5, step_duration=2, sampler=sampler, steps=3)
    one = restored(recording, tiny_model, batch=1, **options)
    many = restored(recording, tiny_model, batch=7, **options)
    assert np.abs(one - many).max() < 2e-3 * 200
    assert np.abs(one - many).mean() < 1e-4 * 200


def test_seed_decides_and_repeats(recording, tiny_model):
    options = dict(window_duration=5, step_duration=2, sampler="ddpm", steps=4)
    first = restored(recording, tiny_model, seed=1, **options)
    assert np.array_equal(first, restored(recording, tiny_model, seed=1, **options))
    assert not np.allclose(first, restored(recording, tiny_model, seed=2, **options))


def test_noise_belongs_to_the_absolute_frame():
    first = frame_noise(0, 0, 0, np.arange(3, 8), (4, 5))
    second = frame_noise(0, 0, 0, np.arange(6, 9), (4, 5))
    assert np.array_equal(first[3:], second[:2])
    assert not np.allclose(first, frame_noise(0, 0, 1, np.arange(3, 8), (4, 5)))
    assert not np.allclose(first, frame_noise(0, 1, 0, np.arange(3, 8), (4, 5)))
    many = frame_noise(0, 0, 0, np.arange(200), (20, 20))
    assert many.std() == pytest.approx(1, abs=0.02)


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
    options = dict(window_duration=5, step_duration=2, sampler="ddpm", steps=3)
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


def test_weights_rebuild_the_model(tmp_path, recording, tiny_model):
    path = tmp_path / "w.safetensors"
    save_model(tiny_model, path, {"steps": 1}, half=False)
    again, described = load_model(path)
    assert again.config == tiny_model.config
    assert described["training"] == '{"steps": 1}'
    assert np.array_equal(restored(recording, again), restored(recording, tiny_model))


def test_unusable_weights_are_refused(tmp_path, tiny_model):
    with pytest.raises(WeightsError, match="no such weights"):
        load_model(tmp_path / "none.safetensors")
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"not weights")
    with pytest.raises(WeightsError, match="not a readable"):
        load_model(path)
    with torch.no_grad():
        next(tiny_model.parameters())[0] = float("nan")
    save_model(tiny_model, path, {})
    with pytest.raises(WeightsError, match="not finite"):
        load_model(path)
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, path, metadata={"format": "99"})
    with pytest.raises(WeightsError, match="format 99"):
        load_model(path)
    save_file({"a": torch.zeros(1)}, path, metadata={"format": "1", "config": "{}"})
    with pytest.raises(WeightsError, match="do not match"):
        load_model(path)


def test_python_interface(tmp_path, recording, tiny_model):
    path = tmp_path / "w.safetensors"
    save_model(tiny_model, path, {}, half=False)
    frames = recording.frames.astype(np.uint8)
    found = denoise(
        frames, rate=83.28, weights=path, device="cpu", window_duration=5, step_duration=2
    )
    assert found.recording.frames.shape == frames.shape
    with pytest.raises(UsageError, match="rate="):
        denoise(frames, weights=path)
    with pytest.raises(RecordingError):
        denoise(tmp_path / "none.mp4", weights=path)
    with pytest.raises(WindowError, match="longer than the window"):
        denoise(recording, weights=path, window_duration=2, step_duration=3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0),
        ("window_duration", -1),
        ("blend", "cosine"),
        ("sampler", "euler"),
        ("wndow", 3),
        ("samples", 2),
        ("guidance", float("nan")),
    ],
)
def test_wrong_settings_name_the_option(name, value):
    with pytest.raises(UsageError, match=name):
        checked_settings({name: value})
