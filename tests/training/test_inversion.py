import numpy as np
import pytest
import torch

from cleartract.errors import CorpusError
from cleartract.sound.encoders import AudioConfig
from cleartract.training.inversion import SpokenMotion, explained, pretrain


def gliding(seconds=3.0, seed=0):
    """A tone whose pitch is every parameter of the vocal tract."""
    rng = np.random.default_rng(seed)
    state_rate = 400.0
    targets = rng.uniform(-1, 1, 12)
    times = (np.arange(int(seconds * state_rate)) + 0.5) / state_rate
    glide = np.interp(times, np.linspace(0, seconds, 12), targets)
    moments = np.arange(int(seconds * 16_000)) / 16_000
    pitch = 800 * 4 ** np.interp(moments, times, glide)
    sound = 0.1 * np.sin(2 * np.pi * np.cumsum(pitch) / 16_000)
    tract = np.repeat(glide[:, None], 19, 1).astype(np.float32)
    return SpokenMotion(sound.astype(np.float32), tract, state_rate)


def test_what_the_sound_shows_is_learned():
    told = []
    spoken = [gliding(seed=seed) for seed in range(3)]
    config = AudioConfig(encoder="conv", channels=16, mels=16)
    learned = pretrain(spoken, config, 60, 8, 1e-2, progress=lambda *where: told.append(where))
    assert explained(learned, [gliding(seed=9)]).min() > 0.5
    assert [step for step, _, _ in told] == [50, 60]


def test_training_goes_on_from_what_was_learned_in_its_units():
    config = AudioConfig(encoder="conv", channels=16, mels=16)
    first = pretrain([gliding(seed=seed) for seed in range(3)], config, 60, 8, 1e-2)
    units, losses = first.deviation.clone(), []
    first.requires_grad_(False)  # as in a model
    more = pretrain(
        [gliding(seed=4)],
        config,
        1,
        8,
        1e-3,
        progress=lambda *told: losses.append(told),
        start=first,
    )
    assert losses[0][2] < 0.5  # an untrained one has a loss near 1
    assert torch.equal(more.deviation, units)


def test_an_encoder_without_tokens_in_time_is_refused():
    with pytest.raises(CorpusError, match="pooled"):
        pretrain([gliding()], AudioConfig(encoder="pooled"))
