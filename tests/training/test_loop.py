"""The training loop: what it writes, and that it is the same however it is run."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch

from cleartract.cli import main
from cleartract.errors import CorpusError
from cleartract.model.weights import load_model
from cleartract.training.loop import LoopOptions, learning_rate, run_loop
from cleartract.training.panels import QualitativePanel


def run(dataset, folder, config, initial=None, **options):
    return run_loop(dataset, folder, config, LoopOptions("cpu", **options), initial)


def state(folder):
    return torch.load(folder / "checkpoint.pt", weights_only=True)


def test_resumed_equals_uninterrupted_bit_for_bit(tmp_path, dataset, config):
    run(dataset, tmp_path / "whole", config)
    run(dataset, tmp_path / "parts", config, stop_after=2)
    assert state(tmp_path / "parts")["step"] == 2
    run(dataset, tmp_path / "parts", config)
    whole, parts = state(tmp_path / "whole"), state(tmp_path / "parts")
    for kind in ("model", "ema"):
        for name, tensor in whole[kind].items():
            assert torch.equal(tensor, parts[kind][name]), name
    assert whole["step"] == parts["step"] == 6


def test_a_run_with_another_config_is_not_continued(tmp_path, dataset, config):
    run(dataset, tmp_path / "run", config, stop_after=1)
    with pytest.raises(CorpusError, match=r"another config \(seed is 1 there and 9 here\)"):
        run(dataset, tmp_path / "run", config.model_copy(update={"seed": 9}))


def test_run_folder(tmp_path, corpus, dataset, config):
    folder = tmp_path / "run"
    panel = QualitativePanel(corpus, folder, count=1, seconds=0.2)
    run(dataset, folder, config, on_epoch=panel)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 6
    assert lines[-1]["loss"] > 0
    model, described = load_model(folder / "weights.safetensors")
    assert model.config == config.model
    assert json.loads(described["training"])["steps"] == 6
    epochs = sorted(path.name for path in (folder / "samples").iterdir())
    player = folder / "samples" / epochs.pop(0)
    planes = json.loads(player.read_text().split('id="held-info">')[1].split("</script>")[0])[
        "planes"
    ]
    names = [plane["name"] for plane in planes]
    assert names[:2] == ["noisy", "epoch 2: matched sound"]
    assert names[-3:] == ["truth", "epoch 1: matched sound", "epoch 1: generated"]
    assert player.suffix == ".html"
    assert epochs == ["epoch-001", "epoch-002"]
    for epoch in epochs:
        kinds = sorted(
            path.name.split("_", 2)[2] if path.suffix == ".png" else path.suffix
            for path in (folder / "samples" / epoch).iterdir()
        )
        assert kinds == [".npz", "frames.png", "kymograph.png"]
    page = (folder / "index.html").read_text()
    assert page.count("epoch-002/") == 2
    assert page.index("epoch-002") < page.index("epoch-001")  # the newest first
    assert page.count("<circle") == len(lines)  # from the first line of the log on
    assert "&quot;epoch_steps&quot;: 3" in page  # the config
    assert "://" not in page


def test_an_accumulated_gradient_is_that_of_the_whole_batch(tmp_path, dataset, config):
    for parts in (1, 3):
        chosen = config.model_copy(update={"batch": 4, "accumulate": parts, "steps": 3})
        run(dataset, tmp_path / str(parts), chosen)
    whole, parts = state(tmp_path / "1")["model"], state(tmp_path / "3")["model"]
    for name, tensor in whole.items():
        torch.testing.assert_close(tensor, parts[name], rtol=1e-3, atol=1e-5, msg=name)


def test_two_processes_train_as_one_does(tmp_path, corpus, config):
    """As torchrun starts them."""
    chosen = config.model_copy(update={"batch": 3, "steps": 3})
    (tmp_path / "config.json").write_text(chosen.model_dump_json())
    command = ["train", "--data", str(corpus), "--no-panel", "--device", "cpu"]
    command += ["--config", str(tmp_path / "config.json"), "--threads", "1", "--out"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = os.environ | {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "cleartract.cli", *command, str(tmp_path / "two")],
            env=shared | {"RANK": rank, "LOCAL_RANK": rank},
        )
        for rank in ("0", "1")
    ]
    assert main([*command, str(tmp_path / "one")]) == 0
    assert [process.wait(120) for process in started] == [0, 0]
    one, two = (state(tmp_path / name) for name in ("one", "two"))
    for name, tensor in one["model"].items():
        torch.testing.assert_close(tensor, two["model"][name], rtol=1e-3, atol=1e-5, msg=name)
    losses = [
        json.loads((tmp_path / name / "metrics.jsonl").read_text().splitlines()[-1])["loss"]
        for name in ("one", "two")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_training_starts_from_given_weights(tmp_path, dataset, config, tiny_model):
    still = config.model_copy(update={"learning_rate": 1e-12})
    trained = run(dataset, tmp_path / "run", still, tiny_model, stop_after=1)
    for name, value in tiny_model.state_dict().items():
        torch.testing.assert_close(trained.state_dict()[name], value, rtol=0, atol=1e-6)


def test_bf16_trains_too(tmp_path, dataset, config):
    half = config.model_copy(update={"precision": "bf16", "steps": 2})
    run(dataset, tmp_path / "run", half)
    assert all(torch.isfinite(t).all() for t in state(tmp_path / "run")["model"].values())


def test_learning_rate_rises_and_falls_to_zero(config):
    rates = [learning_rate(config.model_copy(update={"steps": 1000}), s) for s in range(1001)]
    assert np.argmax(rates) == pytest.approx(100, abs=2)
    assert rates[-1] == pytest.approx(0, abs=1e-9)


def test_training_leaves_the_data_set_as_it_is(tmp_path, dataset, config):
    before = dict(vars(dataset))
    first = dataset[0].noisy
    run(dataset, tmp_path / "run", config, stop_after=1)
    assert dict(vars(dataset)) == before
    np.testing.assert_array_equal(dataset[0].noisy, first)
