import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.devices import pick_device
from cleartract.errors import WeightsError
from cleartract.model.weights import FORMAT_VERSION, load_model, save_model, shipped_weights
from cleartract.recordings.recording import Recording
from tests.conditions import random_condition
from tests.golden.case import golden_output

FOLDER = Path(__file__).parent.parent / "golden"
GOLDEN = sorted(FOLDER.glob("weights-format-*.safetensors"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_every_format_ever_written_still_loads_and_computes_the_same(path):
    model, _ = load_model(path)
    expected = np.load(path.with_name(f"output-format-{path.stem.rsplit('-', 1)[1]}.npy"))
    np.testing.assert_allclose(golden_output(model), expected, atol=1e-4)


def test_names_of_format_1_are_migrated(tmp_path):
    """The newest golden file under the names that format 1 had is the same model."""
    with safe_open(GOLDEN[-1], "pt") as file:
        described = file.metadata()
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    config = json.loads(described["config"])
    config["likeness"] = config.pop("default_speaker")
    config["unet"]["acoustic"] = config["unet"].pop("prediction")
    config["unet"]["interpolate"] = config["unet"].pop("interpolation")
    for kind in ("mean", "modes"):
        state[f"likeness_{kind}"] = state.pop(f"speaker_{kind}")
    old = described | {"format": "1", "config": json.dumps(config)}
    save_file(state, tmp_path / "old.safetensors", metadata=old)
    found, _ = load_model(tmp_path / "old.safetensors")
    expected, _ = load_model(GOLDEN[-1])
    assert found.config == expected.config
    assert expected.speaker_modes.any()
    for name, tensor in expected.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor), name


def test_there_is_a_golden_file_of_the_present_format():
    assert GOLDEN[-1].stem == f"weights-format-{FORMAT_VERSION}"


@pytest.mark.parametrize("name", ["small", "base"])
def test_shipped_weights_are_small_and_load(name):
    assert shipped_weights(name).stat().st_size < 16e6
    model, described = load_model(name)
    assert described["training"]
    assert sum(p.numel() for p in model.parameters()) > 1e6


def test_shipped_weights_hide_the_diffusion_noise_at_the_largest_sigma():
    """One step gives the posterior mean: the seed must not matter."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:48, :48]
    disc = 180 / (1 + np.exp(np.hypot(y - 24, x - 24) - 12))
    frames = np.abs(disc + rng.normal(0, 6, (8, 48, 48))).astype(np.float32)
    recording = Recording(frames, Fraction(50), peak=255.0)
    model, _ = load_model()
    first, second = (
        denoise_recording(recording, model, DenoiseSettings(seed=s)).recording.frames
        for s in (0, 1)
    )
    assert np.abs(first - second).mean() < 0.2
    air = disc < 1
    assert first.std(0)[air].mean() < 0.3 * frames.std(0)[air].mean()


def test_weights_rebuild_the_model(tmp_path, tiny_model):
    path = tmp_path / "w.safetensors"
    save_model(tiny_model, path, {"steps": 1}, half=False)
    again, described = load_model(path)
    assert again.config == tiny_model.config
    assert described["training"] == '{"steps": 1}'
    x, sigma, condition = torch.rand(2, 5, 20, 22), torch.ones(2), random_condition()
    assert torch.equal(again(x, sigma, condition), tiny_model(x, sigma, condition))


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


@pytest.mark.parametrize(
    ("described", "words"),
    [
        ({}, "format none"),
        ({"format": "99"}, "format 99"),
        ({"format": "1", "config": "{}"}, "do not match"),
        ({"format": "2", "config": '{"unett": {}}'}, "do not match"),
        ({"format": "2"}, "do not match"),
        ({"format": "2", "config": "no json"}, "do not match"),
        ({"format": "1", "config": "5"}, "do not match"),
    ],
)
def test_files_of_something_else_are_refused(tmp_path, described, words):
    path = tmp_path / "w.safetensors"
    save_file({"a": torch.zeros(1)}, path, metadata=described or None)
    with pytest.raises(WeightsError, match=words):
        load_model(path)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_cpu():
    here, _ = load_model(GOLDEN[-1])
    there, _ = load_model(GOLDEN[-1], pick_device("cuda"))
    assert next(there.parameters()).is_cuda
    np.testing.assert_allclose(golden_output(there.cpu()), golden_output(here), atol=1e-3)
