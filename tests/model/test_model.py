"""A model as a whole: what it looks at, and what it must not look at."""

from dataclasses import replace

import pytest
import torch

from cleartract.model.condition import (
    Condition,
    FramesCondition,
    NoiseCondition,
    SoundCondition,
)
from cleartract.model.model import Model
from cleartract.model.noise_inputs import noise_inputs
from tests.conditions import random_condition, with_frames, with_prediction, with_sound


@pytest.mark.parametrize("encoder", ["pooled", "conv", "gru", "transformer"])
def test_every_parameter_receives_a_gradient(tiny_config, encoder):
    audio = tiny_config.audio.model_copy(update={"encoder": encoder})
    torch.manual_seed(0)
    model = Model(tiny_config.model_copy(update={"audio": audio}))
    with torch.no_grad():
        for parameter in model.parameters():  # away from the zeros of the start
            parameter.add_(0.05 * torch.randn_like(parameter))
    heard = with_sound(random_condition(), valid=torch.tensor([True, False]))
    sigma = torch.tensor([0.1, 1.0])
    model(torch.rand(2, 5, 20, 22), sigma, heard).square().sum().backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert silent == []


def test_dropped_audio_equals_the_null_path(tiny_model):
    x, sigma = torch.rand(2, 5, 20, 22), torch.tensor([0.1, 1.0])
    heard = random_condition()
    dropped = with_sound(heard, valid=torch.tensor([False, False]))
    null = tiny_model(x, sigma, heard.without_sound())
    torch.testing.assert_close(tiny_model(x, sigma, dropped), null, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(tiny_model(x, sigma, heard), null, rtol=1e-3)


def test_the_sound_changes_the_result_and_its_time_matters(tiny_model):
    x, sigma, heard = torch.rand(2, 5, 20, 22), torch.tensor([0.1, 1.0]), random_condition()
    late = with_sound(heard, start=heard.sound.start + 0.1)
    first, second = (tiny_model(x, sigma, c) for c in (heard, late))
    assert (first - second).abs().max() > 1e-5


@pytest.mark.parametrize("size", [(48, 48), (68, 68), (84, 84), (83, 61), (136, 136), (256, 200)])
def test_any_size(tiny_model, size):
    with torch.no_grad():
        found = tiny_model(torch.rand(1, 2, *size), torch.ones(1), random_condition(1, 2, size))
    assert found.shape == (1, 2, *size)
    assert bool(torch.isfinite(found).all())


@pytest.mark.parametrize("frames", [1, 3, 8, 16])
def test_any_number_of_frames(tiny_model, frames):
    given = random_condition(1, frames)
    with torch.no_grad():
        assert tiny_model(torch.rand(1, frames, 20, 22), torch.ones(1), given).shape[1] == frames


def test_windows_of_a_batch_do_not_touch_each_other(tiny_model):
    x, sigma, both = torch.rand(2, 5, 20, 22), torch.tensor([0.1, 1.0]), random_condition()
    together = tiny_model(x, sigma, both)
    frames, sound, noise = both.frames, both.sound, both.noise
    second = Condition(
        FramesCondition(frames.noisy[1:], frames.observed[1:], frames.times[1:]),
        SoundCondition(sound.waveform[1:], sound.start[1:], sound.valid[1:]),
        noise=NoiseCondition(*(part[1:] for part in (noise.strength, noise.facts, noise.valid))),
        ideal=both.ideal[1:],
    )
    alone = tiny_model(x[1:], sigma[1:], second)
    torch.testing.assert_close(together[1:], alone, rtol=1e-4, atol=1e-5)


def test_lost_noisy_frames_are_not_looked_at(tiny_model):
    x, sigma, known = torch.rand(2, 5, 20, 22), torch.tensor([0.1, 1.0]), random_condition()
    observed = torch.ones(2, 5).bool()
    observed[:, 2] = False
    lost = with_frames(known, observed=observed)
    other = with_frames(lost, noisy=lost.frames.noisy.clone())
    other.frames.noisy[:, 2] = 0.7
    torch.testing.assert_close(tiny_model(x, sigma, lost), tiny_model(x, sigma, other))


def test_a_model_without_sound(tiny_config):
    unet = tiny_config.unet.model_copy(update={"token_channels": 0})
    model = Model(tiny_config.model_copy(update={"unet": unet}))
    assert model.audio is None
    assert model(torch.rand(2, 5, 20, 22), torch.ones(2), random_condition()).shape == (
        2,
        5,
        20,
        22,
    )


def test_masked_sound_is_not_heard(tiny_model):
    x, sigma, heard = torch.rand(2, 5, 20, 22), torch.tensor([0.1, 1.0]), random_condition()
    everywhere = torch.tensor([[-9.0, 9.0], [-9.0, 9.0]])
    masked = with_sound(heard, masked=everywhere)
    null = tiny_model(x, sigma, heard.without_sound())
    torch.testing.assert_close(tiny_model(x, sigma, masked), null, rtol=1e-5, atol=1e-6)
    part = with_sound(heard, masked=torch.tensor([[-9.0, 0.0], [-9.0, 0.0]]))
    found = tiny_model(x, sigma, part)
    assert not torch.allclose(found, null, rtol=1e-3)
    assert not torch.allclose(found, tiny_model(x, sigma, heard), rtol=1e-3)


def test_windows_without_valid_sound_get_the_mean_frame(predicting_model):
    predicted, valid = torch.rand(3, 4, 20, 22), torch.tensor([True, False, False])
    known = torch.tensor([True, True, False])
    both = with_prediction(random_condition(3, 4), predicted, mean_valid=known, frames_valid=valid)
    frames, kind = both.predicted()
    assert kind.tolist() == [1.0, 0.5, 0.0]
    torch.testing.assert_close(frames[0], predicted[0])
    torch.testing.assert_close(frames[1], both.prediction.mean[1].expand(4, -1, -1))
    x, sigma = torch.rand(3, 4, 20, 22), torch.ones(3)
    other = replace(both, prediction=replace(both.prediction, frames=predicted + 1.0))
    with torch.no_grad():
        for parameter in predicting_model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        before, after = (predicting_model(x, sigma, c) for c in (both, other))
    assert not torch.allclose(before[0], after[0])
    torch.testing.assert_close(before[1:], after[1:])


def test_a_prior_at_hand_changes_nothing(predicting_model):
    x, sigma, known = torch.rand(2, 5, 20, 22), torch.tensor([0.1, 1.0]), random_condition()
    expected = predicting_model.prior(known)
    torch.testing.assert_close(
        predicting_model(x, sigma, known), predicting_model(x, sigma, known, expected)
    )


def test_noise_and_target_change_the_result_and_can_be_dropped(tiny_config):
    torch.manual_seed(0)
    model = Model(tiny_config)
    with torch.no_grad():
        for parameter in model.parameters():  # away from the zeros of the start
            parameter.add_(0.05 * torch.randn_like(parameter))
    x, sigma, given = torch.rand(2, 5, 20, 22), torch.tensor([0.1, 1.0]), random_condition()
    unknown = replace(given.noise, valid=torch.zeros(2).bool())
    found = {
        "given": given,
        "other target": replace(given, ideal=~given.ideal),
        "stronger": replace(given, noise=replace(given.noise, strength=2 * given.noise.strength)),
        "unknown": replace(given, noise=unknown),
        "dropped": replace(given, noise=None),
    }
    with torch.no_grad():
        results = {name: model(x, sigma, condition) for name, condition in found.items()}
    torch.testing.assert_close(results["unknown"], results["dropped"])
    for name in ("other target", "stronger", "dropped"):
        assert (results[name] - results["given"]).abs().max() > 1e-4


def test_departures_are_seen_in_units_of_the_noise(tiny_model):
    """Twice the movement in twice the noise looks the same."""
    given = random_condition()
    mean = given.frames.noisy.mean(1, keepdim=True)
    twice = with_frames(given, noisy=mean + 2 * (given.frames.noisy - mean))
    facts = given.noise.facts.clone()
    facts[:, 0] *= 2
    louder = NoiseCondition(2 * given.noise.strength, facts, given.noise.valid)
    planes = [
        noise_inputs(condition, tiny_model.prior(condition))[0]
        for condition in (given, replace(twice, noise=louder))
    ]
    torch.testing.assert_close(*planes, rtol=1e-4, atol=1e-5)
