"""What a run begins with: weights, articulatory inversion, the default speaker."""

import numpy as np
import pytest
import torch

from cleartract.corpora.dataset import AVDataset
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.errors import CorpusError
from cleartract.model.model import Model
from cleartract.training.config import TrainingConfig
from cleartract.training.initial import (
    fit_default_speaker,
    initial_model,
    learned_inversion,
    load_matching_weights,
    needs_inversion,
)
from cleartract.training.inversion import read_motion
from tests.conditions import random_condition, with_prediction


@pytest.mark.parametrize("grows", ["prediction", "noise"])
def test_a_model_that_grew_does_at_first_what_it_did(tiny_config, grows):
    small = tiny_config.unet.model_copy(update={"noise": False, "prediction": grows == "noise"})
    before = {"inversion": tiny_config.audio} if grows == "noise" else {}
    torch.manual_seed(8)
    old = Model(tiny_config.model_copy(update={"unet": small, **before})).eval()
    unet = small.model_copy(update={grows: True})
    update = {"unet": unet, "inversion": tiny_config.audio}
    torch.manual_seed(9)
    grown = Model(tiny_config.model_copy(update=update)).eval()
    missing = load_matching_weights(grown, old.state_dict())
    assert missing
    new = "inversion." if grows == "prediction" else "denoiser.network.facts."
    assert all(name.startswith(new) for name in missing)
    known = random_condition(audio=False)
    predicted = with_prediction(known, known.frames.noisy)
    x, sigma = torch.rand(2, 5, 20, 22), torch.ones(2)
    expected = old(x, sigma, known)
    torch.testing.assert_close(grown(x, sigma, known), expected)
    if grows == "prediction":
        torch.testing.assert_close(grown(x, sigma, predicted), expected)


def with_context(config, seconds):
    model = config.model
    changed = {
        name: getattr(model, name).model_copy(update={"context": seconds})
        for name in ("audio", "inversion")
    }
    return config.model_copy(update={"model": model.model_copy(update=changed)})


def test_inversion_is_taken_over_and_not_learned_again(corpus, tiny_config):
    audio = tiny_config.audio.model_copy(update={"encoder": "gru"})
    unet = tiny_config.unet.model_copy(update={"prediction": True})
    model = tiny_config.model_copy(update={"unet": unet, "audio": audio, "inversion": audio})
    config = TrainingConfig(model=model, inversion_steps=2)
    spoken = read_motion(corpus, "train")
    inversion = learned_inversion(config, spoken)
    learned = initial_model(config, inversion=inversion)
    assert not needs_inversion(config, learned)
    assert needs_inversion(config, None)
    assert not needs_inversion(with_context(config, 0.5), learned)  # the same encoder
    again = initial_model(config, learned)
    for name, tensor in learned.inversion.state_dict().items():
        assert torch.equal(tensor, again.inversion.state_dict()[name])
    for a, b in zip(
        learned.audio.parameters(), learned.inversion.encoder.parameters(), strict=True
    ):
        assert torch.equal(a, b)  # the audio pathway starts from what inversion learned


def test_the_default_speaker_is_a_training_speaker(corpus, hearing_model):
    config = hearing_model.config.model_copy(update={"default_speaker": 84})
    model = Model(config)
    path = fit_default_speaker(model, corpus)
    clean = SimulatedRecording.load(path).truth().frames
    assert path in {entry.path for entry in AVDataset(corpus, "train").entries}
    mean = model.speaker_mean.numpy().ravel()
    assert np.corrcoef(mean, clean.mean(0).ravel())[0, 1] > 0.98
    assert model.speaker_modes.any()
    with pytest.raises(CorpusError, match="40x40"):
        fit_default_speaker(Model(config.model_copy(update={"default_speaker": 40})), corpus)
