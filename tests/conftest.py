"""Fixtures: a tiny simulated corpus, a moving test recording, a small untrained model."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import jaxtyping
import numpy as np
import pytest
import torch
from filelock import FileLock

import tests.typechecking  # noqa: F401
from tests.browser import chromium  # noqa: F401

hypothesis.settings.register_profile("unhurried", deadline=None)  # where coverage is measured

jaxtyping.install_import_hook("cleartract", "tests.typechecking.checked")

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real recordings, which are not part of the project."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"real recordings are not at {REAL_DATA.name}/ beside the project")
    return REAL_DATA


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Path:
    """Three speakers, one per split, half a second each, who all move; only to be read.

    The processes that run the tests share it: the first that needs it makes it.
    """
    from cleartract.simulation.corpus import simulate
    from cleartract.simulation.settings import CorpusSettings

    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent
    settings = CorpusSettings(
        speakers=3, minutes=0.025, seed=5, seconds=0.5, coils=2, timit_share=0.0
    )
    with FileLock(place / "corpus.lock"):
        return simulate(place / "corpus", settings)


@pytest.fixture
def moving_frames() -> np.ndarray:
    """A bright disc that moves over a dark background, (24, 52, 60), 0 to 200."""
    y, x = np.mgrid[:52, :60]
    frames = [
        160.0 / (1 + np.exp(np.hypot(y - 26 - 6 * np.sin(t / 4), x - 30) - 12)) + 20
        for t in range(24)
    ]
    return np.round(np.stack(frames)).astype(np.float32)


@pytest.fixture
def sound() -> tuple[np.ndarray, int]:
    """A third of a second of a tone, (sample,), and its rate [Hz]."""
    rate = 22_050
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(rate // 3) / rate)).astype(np.float32), rate


@pytest.fixture
def recording(moving_frames, sound):
    from cleartract.recordings.recording import Recording

    return Recording(moving_frames, Fraction(65040, 781), *sound, peak=255.0)


@pytest.fixture
def tiny_config():
    from cleartract.model.config import ModelConfig
    from cleartract.networks.video_unet import UNetConfig
    from cleartract.sound.encoders import AudioConfig

    unet = UNetConfig(
        stem=8,
        widths=(8, 16),
        blocks=1,
        attention_resolutions=(2, 4),
        heads=2,
        embedding=16,
        token_channels=16,
        noise=True,
    )
    return ModelConfig(unet=unet, audio=AudioConfig(channels=16, mels=16))


@pytest.fixture
def tiny_model(tiny_config):
    """An untrained model whose every weight is random, so that nothing is zero by construction."""
    from cleartract.model.model import Model

    torch.manual_seed(0)
    model = Model(tiny_config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model


@pytest.fixture
def predicting_model(tiny_config):
    """An untrained model that interpolates and takes predicted frames; its last layer is zero."""
    from cleartract.model.model import Model

    unet = tiny_config.unet.model_copy(update={"prediction": True, "interpolation": True})
    torch.manual_seed(0)
    update = {"unet": unet, "inversion": tiny_config.audio}
    return Model(tiny_config.model_copy(update=update)).eval()


@pytest.fixture
def hearing_model(tiny_config):
    """A random model with inversion, predicted frames and a default speaker of 32 pixels."""
    from cleartract.model.model import Model

    torch.manual_seed(0)
    unet = tiny_config.unet.model_copy(update={"prediction": True, "interpolation": True})
    audio = tiny_config.audio.model_copy(update={"encoder": "gru"})
    update = {"unet": unet, "audio": audio, "inversion": audio, "default_speaker": 32}
    model = Model(tiny_config.model_copy(update=update)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        model.speaker_mean.copy_(torch.rand(32, 32))
        model.speaker_modes.copy_(0.1 * torch.randn(19, 32, 32))
    return model


@pytest.fixture
def spoken():
    """Noisy frames that follow a sound, (150, 20, 22), 8 bit."""
    from cleartract.recordings.recording import Recording

    rng, rate = np.random.default_rng(0), Fraction(65040, 781)
    y, x = np.mgrid[:20, :22]
    loud = np.abs(np.interp(np.arange(150), np.arange(0, 151, 6), rng.normal(size=26)))
    radius = 3 + 2 * loud
    frames = 150 / (1 + np.exp(np.hypot(y - 12, x - 11) - radius[:, None, None])) + 20
    frames = np.round(frames + rng.normal(0, 4, frames.shape)).clip(0, 255)
    count = round(150 / rate * 16_000)
    level = np.interp(np.arange(count) / 16_000, (np.arange(150) + 0.5) / float(rate), loud)
    audio = (0.1 * level * rng.normal(size=count)).clip(-1, 1).astype(np.float32)
    return Recording(frames.astype(np.float32), rate, audio, 16_000, peak=255.0)
