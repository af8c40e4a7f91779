import json

import numpy as np
import pytest
import soundfile
import torch

from cleartract.cli import main
from cleartract.denoising.generate import generate, told_by_reference
from cleartract.denoising.settings import GenerateSettings
from cleartract.errors import UsageError
from cleartract.model.model import Model
from cleartract.model.weights import save_model
from cleartract.recordings.intensity import Intensity
from cleartract.recordings.recording import Recording
from cleartract.recordings.video_io import open_recording
from cleartract.recordings.video_out import write_recording


@pytest.fixture
def hearing_model(tiny_config):
    """A random model with inversion and a likeness of 32 pixels."""
    torch.manual_seed(0)
    unet = tiny_config.unet.model_copy(update={"acoustic": True})
    audio = tiny_config.audio.model_copy(update={"encoder": "gru"})
    update = {"unet": unet, "audio": audio, "inversion": audio, "likeness": 32}
    model = Model(tiny_config.model_copy(update=update)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        model.likeness_mean.copy_(torch.rand(32, 32))
        model.likeness_modes.copy_(0.1 * torch.randn(19, 32, 32))
    return model


def voice(seconds, seed=0):
    return np.random.default_rng(seed).normal(size=int(seconds * 20_000)).astype(np.float32) * 0.1


@pytest.mark.parametrize(("rate", "size"), [("23.18", 32), ("65040/781", 24)])
def test_length_rate_and_size_are_those_asked_for(hearing_model, rate, size):
    settings = GenerateSettings(rate=rate, size=size, window_duration=6, step_duration=4)
    made = generate(voice(0.6), 20_000, hearing_model, settings)
    assert made.frames.shape == (int(0.6 * made.rate), size, size)
    assert made.rate == open_rate(rate)
    assert made.frames.min() >= 0
    assert made.frames.max() <= 255
    np.testing.assert_array_equal(made.audio, voice(0.6))


def open_rate(text):
    from fractions import Fraction

    return Fraction(text)


def test_the_sound_decides_and_the_seed_repeats(hearing_model):
    settings = GenerateSettings(rate="40", size=32, window_duration=6, step_duration=4)
    first = generate(voice(0.5), 20_000, hearing_model, settings).frames
    np.testing.assert_array_equal(
        first, generate(voice(0.5), 20_000, hearing_model, settings).frames
    )
    other = generate(voice(0.5, seed=3), 20_000, hearing_model, settings).frames
    assert np.abs(first - other).mean() > 0.1
    silent = settings.model_copy(update={"use_audio": False})
    a, b = (generate(voice(0.5, seed=s), 20_000, hearing_model, silent).frames for s in (0, 3))
    np.testing.assert_array_equal(a, b)


def test_a_reference_frame_gives_size_and_scale(hearing_model):
    frame = 1000 * np.random.default_rng(0).random((30, 34)).astype(np.float32)
    settings = GenerateSettings(rate="40", window_duration=6, step_duration=4)
    made = generate(voice(0.4), 20_000, hearing_model, settings, frame)
    assert made.frames.shape == (16, 30, 34)
    other = generate(voice(0.4), 20_000, hearing_model, settings, frame[::-1].copy())
    assert np.abs(made.frames - other.frames).max() > 1


def test_a_reference_recording_tells_how_the_speaker_moves(hearing_model):
    """Frames that follow the articulation which the model reads are predicted for new sound."""
    rate, sound = 40, voice(6.0)[::1]
    sound16 = np.interp(np.arange(96_000) / 16_000, np.arange(len(sound)) / 20_000, sound)
    reference = Recording(np.zeros((240, 16, 16), np.float32), open_rate("40"), sound, 20_000)
    heard = reference.audio_at(16_000)
    features = hearing_model.inversion.at(heard, (np.arange(240) + 0.5) / rate)
    feature = (features[:, 3] - features[:, 3].mean()) / features[:, 3].std()
    frames = 0.5 + 0.2 * feature[:, None, None] * np.linspace(-1, 1, 16)
    reference = Recording(
        np.broadcast_to(frames, (240, 16, 16)).astype(np.float32), reference.rate, sound, 20_000
    )
    new = sound16[::-1].astype(np.float32).copy()
    times = (np.arange(200) + 0.5) / rate
    told = told_by_reference(hearing_model, new, times, reference, Intensity(0.0, 1.0))
    wanted = hearing_model.inversion.at(new, times)[:, 3]
    assert np.corrcoef(told.frames[:, 8, 15], wanted)[0, 1] > 0.9
    np.testing.assert_allclose(told.mean, reference.frames.mean(0), atol=1e-3)


def test_weights_that_cannot_hear_are_refused(tiny_config):
    unet = tiny_config.unet.model_copy(update={"token_channels": 0})
    model = Model(tiny_config.model_copy(update={"unet": unet}))
    with pytest.raises(UsageError, match="no audio encoder"):
        generate(voice(0.5), 20_000, model, GenerateSettings())
    with pytest.raises(UsageError, match="shorter than one frame"):
        generate(voice(0.01), 20_000, model, GenerateSettings(use_audio=False))


def test_command(hearing_model, tmp_path, recording, capsys):
    weights = tmp_path / "w.safetensors"
    save_model(hearing_model, weights, {})
    soundfile.write(tmp_path / "voice.wav", voice(0.5), 20_000)
    write_recording(tmp_path / "speaker.avi", recording, {}, None)
    command = ["generate", str(tmp_path / "voice.wav"), "--weights", str(weights)]
    assert main([*command, "--size", "32", "--rate", "40"]) == 0
    made = open_recording(tmp_path / "voice_generated.mp4")
    assert made.frames.shape == (20, 32, 32)
    assert made.audio is not None
    sidecar = json.loads((tmp_path / "voice_generated.mp4.json").read_text())
    assert "nothing here was measured" in sidecar["generated"]
    reference = ["--reference", str(tmp_path / "speaker.avi"), "-o", str(tmp_path / "as.avi")]
    assert main([*command, *reference]) == 0
    like = open_recording(tmp_path / "as.avi")
    assert like.frames.shape[1:] == recording.frames.shape[1:]
    assert like.rate == recording.rate
    capsys.readouterr()
    assert main(command) == 6  # the result exists
    assert main([*command, "--overwrite", "--rate", "0"]) == 2
    assert main([*command, "--overwrite", "--reference", str(tmp_path / "voice.wav")]) == 3
    assert main(["generate", str(tmp_path / "none.wav"), "--weights", str(weights)]) == 3
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 4
