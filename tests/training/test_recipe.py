"""The recipe: what Python and the command line do alike."""

import pytest
import torch

from cleartract.cli import main
from cleartract.corpora.dataset import AVDataset
from cleartract.errors import CorpusError, UsageError
from cleartract.model.weights import load_model, save_model
from cleartract.training.loop import LoopOptions
from cleartract.training.recipe import TrainOptions, train


def test_given_weights_bring_their_model(tmp_path, corpus, tiny_model):
    weights = tmp_path / "tiny.safetensors"
    save_model(tiny_model, weights, {})
    command = ["train", "--data", str(corpus), "--weights", str(weights), "--steps", "1"]
    assert main([*command, "--out", str(tmp_path / "run"), "--no-panel"]) == 0
    trained, _ = load_model(tmp_path / "run" / "weights.safetensors")
    assert trained.config == tiny_model.config


@pytest.fixture
def whole_config(config, hearing_model):
    """With inversion and a default speaker, one step of each."""
    model = hearing_model.config.model_copy(update={"default_speaker": 84})
    return config.model_copy(update={"model": model, "inversion_steps": 2, "steps": 1})


def test_a_new_run_trains_inversion_and_fits_the_default_speaker(
    tmp_path, corpus, whole_config, monkeypatch
):
    told = []
    options = TrainOptions(
        panel=False,
        inversion_progress=lambda *where: told.append(where[:2]),
        loop=LoopOptions("cpu"),
    )
    model = train(corpus, tmp_path / "run", whole_config, options)
    assert told[-1] == (2, 2)
    assert model.speaker_modes.any()
    dataset = AVDataset(corpus)
    before = dict(vars(dataset))
    again = train(dataset, tmp_path / "again", whole_config, options)
    assert dict(vars(dataset)) == before
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    told.clear()
    train(corpus, tmp_path / "run", whole_config, options)  # finished: nothing is begun anew
    assert not told


def test_the_command_trains_the_same(tmp_path, corpus, whole_config):
    options = TrainOptions(panel=False, loop=LoopOptions("cpu"))
    train(corpus, tmp_path / "python", whole_config, options)
    (tmp_path / "config.json").write_text(whole_config.model_dump_json())
    command = ["train", "--data", str(corpus), "--out", str(tmp_path / "command"), "--no-panel"]
    command += ["--config", str(tmp_path / "config.json"), "--device", "cpu"]
    assert main(command) == 0
    models = [load_model(tmp_path / n / "weights.safetensors")[0] for n in ("python", "command")]
    for name, tensor in models[0].state_dict().items():
        assert torch.equal(tensor, models[1].state_dict()[name]), name


def test_impossible_runs_are_refused_at_once(tmp_path, corpus, config, whole_config):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        train(corpus, tmp_path / "file", config)
    features = TrainOptions(loop=LoopOptions("cpu", speech_features=tmp_path))
    with pytest.raises(UsageError, match="frozen speech model"):
        train(corpus, tmp_path / "run", config, features)
    other = whole_config.model.model_copy(update={"default_speaker": 40})
    with pytest.raises(CorpusError, match="40x40"):
        train(corpus, tmp_path / "run", whole_config.model_copy(update={"model": other}))
    assert not (tmp_path / "run").exists()
