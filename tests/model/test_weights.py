from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from cleartract.devices import pick_device
from cleartract.model.config import ModelConfig
from cleartract.model.weights import load_model, shipped_weights
from cleartract.sound.encoders import AudioConfig
from tests.golden.case import golden_output

GOLDEN = sorted((Path(__file__).parent.parent / "golden").glob("weights-format-*.safetensors"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_every_format_ever_written_still_loads_and_computes_the_same(path):
    model, _ = load_model(path)
    expected = np.load(path.with_name(f"output-format-{path.stem.rsplit('-', 1)[1]}.npy"))
    np.testing.assert_allclose(golden_output(model), expected, atol=1e-4)


def test_shipped_weights_are_small_and_load():
    assert shipped_weights().stat().st_size < 16e6
    model, described = load_model()
    assert described["training"]
    assert sum(p.numel() for p in model.parameters()) > 1e6


def test_shipped_weights_hide_the_diffusion_noise_at_the_largest_sigma():
    """One step gives the posterior mean: the seed must not matter."""
    from fractions import Fraction

    from cleartract.denoising.denoise import denoise_recording
    from cleartract.denoising.settings import DenoiseSettings
    from cleartract.recordings.recording import Recording

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


def test_contradicting_configs_are_refused():
    with pytest.raises(ValidationError, match="token_channels"):
        ModelConfig(audio=AudioConfig(channels=64))
    with pytest.raises(ValidationError, match="extra"):
        ModelConfig.model_validate({"unett": {}})


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_cpu():
    here, _ = load_model(GOLDEN[-1])
    there, _ = load_model(GOLDEN[-1], pick_device("cuda"))
    assert next(there.parameters()).is_cuda
    np.testing.assert_allclose(golden_output(there.cpu()), golden_output(here), atol=1e-3)
