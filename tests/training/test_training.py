import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from cleartract.corpora.dataset import AVDataset
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.diffusion.denoiser import loss_weight
from cleartract.errors import CorpusError
from cleartract.model.condition import Condition
from cleartract.model.model import Model
from cleartract.model.weights import load_model
from cleartract.simulation.scanner.degradation import Degradation
from cleartract.training.batches import BatchSource
from cleartract.training.config import TrainingConfig
from cleartract.training.degradation import TrainingDegradation
from cleartract.training.initial import (
    initial_model,
    learned_inversion,
    lend_likeness,
    needs_inversion,
    take_over,
)
from cleartract.training.inversion import explained, read_motion
from cleartract.training.loop import batch_loss, learning_rate, severity, train
from cleartract.training.panels import QualitativePanel


@pytest.fixture
def config(tiny_config):
    return TrainingConfig(
        model=tiny_config, steps=6, epoch_steps=3, batch=2, window_frames=3, inversion_steps=0
    )


@pytest.fixture
def dataset(corpus):
    return AVDataset(corpus, "train")


def state(folder):
    return torch.load(folder / "checkpoint.pt", weights_only=True)


def test_resumed_equals_uninterrupted_bit_for_bit(tmp_path, dataset, config):
    train(dataset, tmp_path / "whole", config, device="cpu")
    train(dataset, tmp_path / "parts", config, device="cpu", stop_after=2)
    assert state(tmp_path / "parts")["step"] == 2
    train(dataset, tmp_path / "parts", config, device="cpu")
    whole, parts = state(tmp_path / "whole"), state(tmp_path / "parts")
    for kind in ("model", "ema"):
        for name, tensor in whole[kind].items():
            assert torch.equal(tensor, parts[kind][name]), name
    assert whole["step"] == parts["step"] == 6


def test_a_run_with_another_config_is_not_continued(tmp_path, dataset, config):
    train(dataset, tmp_path / "run", config, device="cpu", stop_after=1)
    with pytest.raises(CorpusError, match=r"another config \(seed is 1 there and 9 here\)"):
        train(dataset, tmp_path / "run", config.model_copy(update={"seed": 9}), device="cpu")


def test_run_folder(tmp_path, corpus, dataset, config):
    run = tmp_path / "run"
    panel = QualitativePanel(corpus, run, count=1, seconds=0.2)
    train(dataset, run, config, device="cpu", on_epoch=panel)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 6
    assert lines[-1]["loss"] > 0
    model, described = load_model(run / "weights.safetensors")
    assert model.config == config.model
    assert json.loads(described["training"])["steps"] == 6
    epochs = sorted(path.name for path in (run / "samples").iterdir())
    assert epochs == ["epoch-001", "epoch-002"]
    for epoch in epochs:
        kinds = sorted(
            path.name.split("_", 2)[2] if path.suffix == ".png" else path.suffix
            for path in (run / "samples" / epoch).iterdir()
        )
        assert kinds == [".mp4", "frames.png", "kymograph.png"]
    page = (run / "index.html").read_text()
    assert page.count("epoch-002/") == 3
    assert "http" not in page


def test_batches_depend_on_seed_and_step_alone(dataset, config):
    first, second = BatchSource(dataset, config), BatchSource(dataset, config)
    second.draw(3)
    a, b = first.draw(7), second.draw(7)
    assert torch.equal(a.clean, b.clean)
    assert torch.equal(a.noise, b.noise)
    assert torch.equal(a.condition.noisy, b.condition.noisy)
    assert not torch.equal(a.clean, first.draw(8).clean)


def test_a_share_of_a_batch_is_that_of_the_whole(dataset, config):
    source = BatchSource(dataset, config.model_copy(update={"batch": 4}))
    whole, share = source.draw(5), source.draw(5, [1, 3])
    assert torch.equal(whole.clean[1::2], share.clean)
    assert torch.equal(whole.sigma[1::2], share.sigma)
    assert torch.equal(whole.noise[1::2], share.noise)
    assert torch.equal(whole.condition.given[1::2], share.condition.given)
    assert torch.equal(whole.condition.waveform[1::2], share.condition.waveform)


def test_an_accumulated_gradient_is_that_of_the_whole_batch(tmp_path, dataset, config):
    for parts in (1, 3):
        chosen = config.model_copy(update={"batch": 4, "accumulate": parts, "steps": 3})
        train(dataset, tmp_path / str(parts), chosen, device="cpu")
    whole, parts = state(tmp_path / "1")["model"], state(tmp_path / "3")["model"]
    for name, tensor in whole.items():
        torch.testing.assert_close(tensor, parts[name], rtol=1e-3, atol=1e-5, msg=name)


def test_two_processes_train_as_one_does(tmp_path, corpus, config):
    chosen = config.model_copy(update={"batch": 3, "steps": 3})
    (tmp_path / "config.json").write_text(chosen.model_dump_json())
    command = ["-m", "cleartract.cli", "train", "--data", str(corpus), "--no-panel"]
    command += ["--config", str(tmp_path / "config.json"), "--device", "cpu", "--threads", "1"]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for name, start in (("one", []), ("two", launcher)):
        subprocess.run(
            [sys.executable, *start, *command, "--out", str(tmp_path / name)],
            check=True, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    one, two = (state(tmp_path / name) for name in ("one", "two"))
    for name, tensor in one["model"].items():
        torch.testing.assert_close(tensor, two["model"][name], rtol=1e-3, atol=1e-5, msg=name)
    losses = [
        json.loads((tmp_path / name / "metrics.jsonl").read_text().splitlines()[-1])["loss"]
        for name in ("one", "two")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_a_model_that_grew_does_at_first_what_it_did(tiny_config, tiny_model):
    inversion = tiny_config.audio
    unet = tiny_config.unet.model_copy(update={"acoustic": True})
    config = tiny_config.model_copy(update={"unet": unet, "inversion": inversion})
    torch.manual_seed(9)
    grown = Model(config).eval()
    missing = take_over(grown, tiny_model.state_dict())
    assert all(name.startswith("inversion.") for name in missing)
    noisy, times = torch.rand(1, 5, 20, 22), torch.linspace(-0.02, 0.02, 5)[None]
    condition = Condition(noisy, torch.ones(1, 5).bool(), times)
    told = dataclasses.replace(condition, mean=noisy.mean(1), acoustic=noisy)
    x, sigma = torch.rand(1, 5, 20, 22), torch.ones(1)
    expected = tiny_model(x, sigma, condition)
    torch.testing.assert_close(grown(x, sigma, condition), expected)
    torch.testing.assert_close(grown(x, sigma, told), expected)


def with_context(config, seconds):
    model = config.model
    changed = {
        name: getattr(model, name).model_copy(update={"context": seconds})
        for name in ("audio", "inversion")
    }
    return config.model_copy(update={"model": model.model_copy(update=changed)})


def test_inversion_is_learned_and_not_learned_again(corpus, tiny_config):
    audio = tiny_config.audio.model_copy(update={"encoder": "gru"})
    unet = tiny_config.unet.model_copy(update={"acoustic": True})
    model = tiny_config.model_copy(update={"unet": unet, "audio": audio, "inversion": audio})
    config = TrainingConfig(model=model, inversion_steps=40)
    spoken = read_motion(corpus, "train")
    head = learned_inversion(config, spoken)
    learned = initial_model(config, head=head)
    assert explained(learned.inversion, spoken).max() > 0.2
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


def test_shares_of_dropped_audio_and_frames(dataset, tiny_config):
    config = TrainingConfig(
        model=tiny_config,
        batch=64,
        window_frames=2,
        audio_dropout=0.3,
        frames_dropout=0.4,
        lost_runs=0.0,
    )
    source = BatchSource(dataset, config)
    source.dataset.degrade = None
    batch = source.draw(0)
    assert float((~batch.condition.heard).float().mean()) == pytest.approx(0.3, abs=0.15)
    hidden = (~batch.condition.given).any(1)
    assert float(hidden.float().mean()) == pytest.approx(0.4, abs=0.17)


def test_a_step_against_the_gradient_lowers_the_loss(dataset, config, tiny_model):
    batch = BatchSource(dataset, config).draw(0)
    before = batch_loss(tiny_model, batch).mean()
    before.backward()
    with torch.no_grad():
        for parameter in tiny_model.parameters():
            if parameter.grad is not None:
                parameter -= 1e-4 * parameter.grad / (parameter.grad.norm() + 1e-9)
    assert float(batch_loss(tiny_model, batch).mean().detach()) < float(before.detach())


def test_frame_difference_in_the_loss(dataset, config, tiny_model):
    batch = BatchSource(dataset, config).draw(0)
    with torch.no_grad():
        plain, heavy = batch_loss(tiny_model, batch), batch_loss(tiny_model, batch, 2.0)
        sigma = batch.sigma[:, None, None, None]
        estimate = tiny_model(batch.clean + sigma * batch.noise, batch.sigma, batch.condition)
        scale = loss_weight(sigma, tiny_model.guess(batch.condition)[1]).sqrt()
        change = (scale * (estimate - batch.clean)).diff(dim=1)
    torch.testing.assert_close(heavy - plain, 2 * (change**2).mean((1, 2, 3)))


def test_training_starts_from_given_weights(tmp_path, dataset, config, tiny_model):
    still = config.model_copy(update={"learning_rate": 1e-12})
    trained = train(dataset, tmp_path / "run", still, "cpu", stop_after=1, initial=tiny_model)
    for name, value in tiny_model.state_dict().items():
        torch.testing.assert_close(trained.state_dict()[name], value, rtol=0, atol=1e-6)


def test_bf16_trains_too(tmp_path, dataset, config):
    half = config.model_copy(update={"precision": "bf16", "steps": 2})
    train(dataset, tmp_path / "run", half, device="cpu")
    assert all(torch.isfinite(t).all() for t in state(tmp_path / "run")["model"].values())


def test_severity_is_the_loss_of_doing_nothing(dataset, config, tiny_model):
    batch = BatchSource(dataset, config).draw(1)
    spread = tiny_model.guess(batch.condition)[1]
    guess = torch.where(
        batch.condition.given[..., None, None],
        batch.condition.noisy,
        torch.tensor(tiny_model.config.intensity_mean),
    )
    expected = (((guess - batch.clean) / spread) ** 2).mean((1, 2, 3))
    torch.testing.assert_close(severity(tiny_model, batch), expected)


def test_learning_rate_rises_and_falls_to_zero(config):
    rates = [learning_rate(config.model_copy(update={"steps": 1000}), s) for s in range(1001)]
    assert np.argmax(rates) == pytest.approx(100, abs=2)
    assert rates[-1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_augmentation_keeps_the_pair_together(corpus, seed):
    dataset = AVDataset(corpus, "train")
    entry, window = dataset.index[0]
    rng = np.random.default_rng(seed)
    sample = dataset.sample(entry, window, rng, TrainingDegradation(size=48))
    assert sample.clean.shape == sample.noisy.shape == (8, 48, 48)
    assert np.isfinite(sample.noisy).all()
    together = np.corrcoef(sample.clean.ravel(), sample.noisy.ravel())[0, 1]
    assert together > 0.6


@pytest.mark.parametrize("seed", range(4))
def test_told_frames_are_varied_like_the_truth(corpus, seed, monkeypatch):
    """Where sound tells the truth itself and nothing is degraded, it still is the truth."""
    monkeypatch.setattr(Degradation, "random", classmethod(lambda cls, rng: cls()))
    dataset = AVDataset(corpus, "train")
    clean = dataset[0].clean
    vary = TrainingDegradation(size=48, geometry=1.0, mirror=0.5, texture=0.0, softness=1.0)
    told = np.concatenate([clean, clean.mean(0)[None]])
    found, _, varied = vary(clean, None, told, np.random.default_rng(seed))
    apart = np.abs(varied[:-1] - found)
    assert np.quantile(apart, 0.99) < 1e-4  # some air is below 0, a magnitude never
    if not np.isclose(found.mean(0), varied[-1], atol=0.02).all():  # gamma is not linear
        assert np.corrcoef(found.mean(0).ravel(), varied[-1].ravel())[0, 1] > 0.999


def test_a_training_speaker_lends_a_likeness(spiral_corpus, tiny_config):
    unet = tiny_config.unet.model_copy(update={"acoustic": True})
    audio = tiny_config.audio.model_copy(update={"encoder": "gru"})
    update = {"unet": unet, "audio": audio, "inversion": audio, "likeness": 84}
    model = Model(tiny_config.model_copy(update=update))
    path = lend_likeness(model, spiral_corpus)
    clean = SimulatedRecording.load(path).truth().frames
    assert path in {entry.path for entry in AVDataset(spiral_corpus, "train").entries}
    mean = model.likeness_mean.numpy().ravel()
    assert np.corrcoef(mean, clean.mean(0).ravel())[0, 1] > 0.99
    with pytest.raises(CorpusError, match="40x40"):
        lend_likeness(Model(model.config.model_copy(update={"likeness": 40})), spiral_corpus)
