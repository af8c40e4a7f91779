import dataclasses

import numpy as np
import pytest
import torch

from cleartract.model.condition import Condition
from cleartract.model.interpolation import interpolation_weights
from cleartract.model.model import Model
from cleartract.networks.attention import AudioCrossAttention, TimeBias
from cleartract.networks.layers import TemporalConv
from cleartract.sound.encoders import AudioConfig, AudioEncoder
from cleartract.sound.log_mel import AUDIO_RATE, HOP, LogMel


def condition(batch=2, frames=5, size=(20, 22), seed=0, audio=True):
    generator = torch.Generator().manual_seed(seed)
    rand = lambda *s: torch.rand(*s, generator=generator)  # noqa: E731
    times = (torch.arange(frames) + 0.5 - frames / 2)[None].repeat(batch, 1) / 83
    found = Condition(rand(batch, frames, *size), torch.ones(batch, frames).bool(), times)
    if audio:
        sound = rand(batch, 4800) - 0.5
        start = torch.full((batch,), -0.15)
        found = dataclasses.replace(found, waveform=sound, waveform_start=start)
    return found


@pytest.mark.parametrize("encoder", ["pooled", "conv", "gru", "transformer"])
def test_every_parameter_receives_a_gradient(tiny_config, encoder):
    audio = tiny_config.audio.model_copy(update={"encoder": encoder})
    torch.manual_seed(0)
    model = Model(tiny_config.model_copy(update={"audio": audio}))
    with torch.no_grad():
        for parameter in model.parameters():  # away from the zeros of the start
            parameter.add_(0.05 * torch.randn_like(parameter))
    heard = dataclasses.replace(condition(), heard=torch.tensor([True, False]))
    sigma = torch.tensor([0.1, 1.0])
    model(torch.rand(2, 5, 20, 22), sigma, heard).square().sum().backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert silent == []


def test_dropped_audio_equals_the_null_path(tiny_model):
    x, sigma = torch.rand(2, 5, 20, 22), torch.tensor([0.1, 1.0])
    heard = condition()
    dropped = dataclasses.replace(heard, heard=torch.tensor([False, False]))
    null = tiny_model(x, sigma, heard.without_audio())
    torch.testing.assert_close(tiny_model(x, sigma, dropped), null, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(tiny_model(x, sigma, heard), null, rtol=1e-3)


def test_the_sound_changes_the_result_and_its_time_matters(tiny_model):
    x, sigma, heard = torch.rand(2, 5, 20, 22), torch.tensor([0.1, 1.0]), condition()
    late = dataclasses.replace(heard, waveform_start=heard.waveform_start + 0.1)
    first, second = (tiny_model(x, sigma, c) for c in (heard, late))
    assert (first - second).abs().max() > 1e-5


@pytest.mark.parametrize("size", [(48, 48), (68, 68), (84, 84), (83, 61), (136, 136), (256, 200)])
def test_any_size(tiny_model, size):
    with torch.no_grad():
        found = tiny_model(torch.rand(1, 2, *size), torch.ones(1), condition(1, 2, size))
    assert found.shape == (1, 2, *size)
    assert bool(torch.isfinite(found).all())


@pytest.mark.parametrize("frames", [1, 3, 8, 16])
def test_any_number_of_frames(tiny_model, frames):
    given = condition(1, frames)
    with torch.no_grad():
        assert tiny_model(torch.rand(1, frames, 20, 22), torch.ones(1), given).shape[1] == frames


def test_windows_of_a_batch_do_not_touch_each_other(tiny_model):
    x, sigma, both = torch.rand(2, 5, 20, 22), torch.tensor([0.1, 1.0]), condition()
    together = tiny_model(x, sigma, both)
    parts = {k: v[1:] for k, v in vars(both).items() if v is not None}
    alone = tiny_model(x[1:], sigma[1:], Condition(**parts))
    torch.testing.assert_close(together[1:], alone, rtol=1e-4, atol=1e-5)


def test_hidden_noisy_frames_are_not_looked_at(tiny_model):
    x, sigma, known = torch.rand(2, 5, 20, 22), torch.tensor([0.1, 1.0]), condition()
    given = torch.ones(2, 5).bool()
    given[:, 2] = False
    hidden = dataclasses.replace(known, given=given)
    other = dataclasses.replace(hidden, noisy=hidden.noisy.clone())
    other.noisy[:, 2] = 0.7
    torch.testing.assert_close(tiny_model(x, sigma, hidden), tiny_model(x, sigma, other))


def test_a_model_without_audio(tiny_config):
    unet = tiny_config.unet.model_copy(update={"token_channels": 0})
    model = Model(tiny_config.model_copy(update={"unet": unet}))
    assert model.audio is None
    assert model(torch.rand(2, 5, 20, 22), torch.ones(2), condition()).shape == (2, 5, 20, 22)


def test_temporal_convolution_against_conv3d():
    torch.manual_seed(0)
    layer = TemporalConv(8)
    torch.nn.init.normal_(layer.weight)
    x = torch.randn(2 * 6, 8, 5, 4)
    hidden = torch.nn.functional.silu(layer.norm(x)).reshape(2, 6, 8, 5, 4).transpose(1, 2)
    kernel = layer.weight.permute(1, 2, 0)[..., None, None]
    expected = torch.nn.functional.conv3d(hidden, kernel, padding=(1, 0, 0))
    expected = expected.transpose(1, 2).reshape(x.shape)
    torch.testing.assert_close(layer(x, 6), expected, rtol=1e-4, atol=1e-5)


def test_equal_tokens_count_once_however_many():
    torch.manual_seed(0)
    layer = AudioCrossAttention(8, 6, 2)
    x, times = torch.randn(3, 8, 4, 4), torch.zeros(1, 3)
    token, unheard = torch.randn(1, 1, 6), torch.zeros(1, 1).bool()
    once = layer(x, times, token, torch.zeros(1, 1), unheard)
    often = layer(x, times, token.expand(1, 9, 6), torch.linspace(-1, 1, 9)[None], unheard)
    torch.testing.assert_close(once, often, rtol=1e-5, atol=1e-5)


def test_time_bias_falls_with_distance():
    bias = TimeBias(3)(torch.zeros(1, 1), torch.tensor([[0.0, 0.02, 0.1, -0.1]]))[0, :, 0]
    assert (bias[:, 0] == 0).all()
    assert (bias[:, 1] > bias[:, 2]).all()
    assert torch.allclose(bias[:, 2], bias[:, 3])


@pytest.mark.parametrize("frequency", [200.0, 1000.0, 4000.0])
def test_log_mel_peaks_at_the_tone(frequency):
    front = LogMel(64)
    t = torch.arange(AUDIO_RATE) / AUDIO_RATE
    spectrum = front(torch.sin(2 * np.pi * frequency * t)[None])[0]
    assert spectrum.shape == (64, 1 + AUDIO_RATE // HOP)
    edges = np.linspace(2595 * np.log10(1 + 40 / 700), 2595 * np.log10(1 + 8000 / 700), 66)
    centres = 700 * (10 ** (edges[1:-1] / 2595) - 1)
    loudest = int(spectrum[:, 50].argmax())
    assert abs(loudest - int(np.abs(centres - frequency).argmin())) <= 1


def test_log_mel_columns_are_centred_on_their_time():
    waveform = torch.zeros(1, AUDIO_RATE)
    waveform[0, 8000] = 1
    energy = LogMel(32)(waveform)[0].sum(0)
    assert int(energy.argmax()) == 8000 // HOP


@pytest.mark.parametrize("encoder", ["pooled", "conv", "gru", "transformer"])
def test_token_times_lie_within_the_sound(encoder):
    torch.manual_seed(0)
    tokens, times = AudioEncoder(AudioConfig(encoder=encoder))(
        torch.randn(2, 5600), torch.tensor([-0.2, 0.0])
    )
    assert tokens.shape[:2] == times.shape
    assert times.shape[1] == (2 if encoder == "pooled" else 18)
    assert float(times[0].min()) >= -0.2
    assert float(times[0].max()) <= -0.2 + 5600 / AUDIO_RATE + 0.01
    torch.testing.assert_close(times[1] - times[0], torch.full_like(times[0], 0.2))


def test_interpolation_is_linear_between_given_frames_and_held_outside():
    given = torch.tensor([[0, 1, 0, 0, 1, 0], [1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0]]).bool()
    weights = interpolation_weights(given)
    torch.testing.assert_close(weights[1], torch.eye(6))
    assert not weights[2].any()
    values = torch.tensor([9.0, 1.0, 9.0, 9.0, 4.0, 9.0])
    torch.testing.assert_close(weights[0] @ values, torch.tensor([1.0, 1.0, 2.0, 3.0, 4.0, 4.0]))
    assert not weights[:, :, :][~given[:, None].expand_as(weights)].any()


@pytest.fixture
def guessing_model(tiny_config):
    unet = tiny_config.unet.model_copy(update={"acoustic": True, "interpolate": True})
    torch.manual_seed(0)
    return Model(tiny_config.model_copy(update={"unet": unet, "inversion": tiny_config.audio}))


def test_the_first_guess(guessing_model):
    """Given frames are themselves; sound tells what lies between; without sound it is a line."""
    config = guessing_model.config
    known = condition(1, 6)
    given = torch.tensor([[True, False, False, True, False, False]])
    told = torch.rand(1, 6, 20, 22)
    hidden = dataclasses.replace(known, given=given, mean=told.mean(1), acoustic=told)
    guess, spread = guessing_model.guess(hidden)
    torch.testing.assert_close(guess[given], known.noisy[given])
    rest = known.noisy - told
    torch.testing.assert_close(guess[0, 1], told[0, 1] + (2 * rest[0, 0] + rest[0, 3]) / 3)
    torch.testing.assert_close(guess[0, 5], told[0, 5] + rest[0, 3])
    near, far = config.correction_spread, config.interpolation_spread
    torch.testing.assert_close(spread.flatten(), torch.where(given[0], near, far))
    silent, _ = guessing_model.guess(hidden.without_audio())
    torch.testing.assert_close(silent[0, 1], (2 * known.noisy[0, 0] + known.noisy[0, 3]) / 3)
    nothing = dataclasses.replace(known, given=torch.zeros(1, 6).bool())
    guess, spread = guessing_model.guess(nothing)
    assert (guess == config.intensity_mean).all()
    assert (spread == config.intensity_spread).all()


def test_unheard_windows_are_told_the_mean_frame(guessing_model):
    both = condition(3, 4)
    both.mean, both.acoustic = torch.rand(3, 20, 22), torch.rand(3, 4, 20, 22)
    both.heard = torch.tensor([True, False, True])
    both.mean_known = torch.tensor([True, True, False])
    frames, kind = both.told()
    assert kind.tolist() == [1.0, 0.5, 0.0]
    torch.testing.assert_close(frames[0], both.acoustic[0])
    torch.testing.assert_close(frames[1], both.mean[1].expand(4, -1, -1))
    x, sigma = torch.rand(3, 4, 20, 22), torch.ones(3)
    with torch.no_grad():
        for parameter in guessing_model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        before = guessing_model(x, sigma, both)
        both.acoustic = both.acoustic + 1.0
        after = guessing_model(x, sigma, both)
    assert not torch.allclose(before[0], after[0])
    torch.testing.assert_close(before[1:], after[1:])


def test_masked_sound_is_not_heard(tiny_model):
    x, sigma, heard = torch.rand(2, 5, 20, 22), torch.tensor([0.1, 1.0]), condition()
    everywhere = torch.tensor([[-9.0, 9.0], [-9.0, 9.0]])
    masked = dataclasses.replace(heard, masked=everywhere)
    null = tiny_model(x, sigma, heard.without_audio())
    torch.testing.assert_close(tiny_model(x, sigma, masked), null, rtol=1e-5, atol=1e-6)
    part = dataclasses.replace(heard, masked=torch.tensor([[-9.0, 0.0], [-9.0, 0.0]]))
    found = tiny_model(x, sigma, part)
    assert not torch.allclose(found, null, rtol=1e-3)
    assert not torch.allclose(found, tiny_model(x, sigma, heard), rtol=1e-3)
