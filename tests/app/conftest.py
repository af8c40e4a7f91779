"""A lab with short recordings, light weights, and the pages that denoise them."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

FRAMES = 48


@pytest.fixture(scope="session")
def short(tmp_path_factory) -> Path:
    """The first frames of the shipped recording, with their sound."""
    from cleartract.recordings.opening import open_source
    from cleartract.recordings.source import FirstFrames, in_memory
    from cleartract.recordings.writing import write_recording

    path = tmp_path_factory.mktemp("short") / "speech.mp4"
    shipped = Path(str(resources.files("cleartract.examples") / "speech.mp4"))
    write_recording(path, in_memory(FirstFrames(open_source(shipped), FRAMES)), {})
    return path


@pytest.fixture(scope="session")
def light(tmp_path_factory) -> Path:
    """Weights of a small untrained model without sound: they are fast."""
    import torch

    from cleartract.model.config import ModelConfig
    from cleartract.model.model import Model
    from cleartract.model.weights import save_model
    from cleartract.networks.video_unet import UNetConfig
    from cleartract.sound.encoders import AudioConfig

    torch.manual_seed(0)
    unet = UNetConfig(
        stem=8, widths=(8,), blocks=1, attention_resolutions=(), heads=2, embedding=16,
        token_channels=16, noise=True,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("weights") / "light.safetensors"
    save_model(Model(ModelConfig(unet=unet, audio=AudioConfig(channels=16, mels=16))), path, {})
    return path


@pytest.fixture
def lab(short, tmp_path) -> Path:
    """A folder of two recordings, one of them with an evil name."""
    (tmp_path / "lab" / "day").mkdir(parents=True)
    for name in ("speech.mp4", "day/<img src=x onerror=alert(1)>.mp4"):
        (tmp_path / "lab" / name).write_bytes(short.read_bytes())
    return tmp_path / "lab"


@pytest.fixture
def app(lab, light, tmp_path, monkeypatch):
    """The server of the form; results go to a folder of their own.

    Nothing is looked at closely: that takes a process for each recording that is chosen.
    """
    pytest.importorskip("starlette", reason="the extra app is not installed")
    from cleartract.app.server import AppServer
    from cleartract.commands.denoise_form import DenoiseForm

    out = tmp_path / "out"
    form = DenoiseForm(str(light))
    server = AppServer(form, [lab], out, out / "uploads", 1_000_000, str(light))
    looked = {"warnings": ["a warning"], "late": [40.0, 3.0], "seconds": 20.0, "speed": 24.0}
    monkeypatch.setattr(server.looks, "of", lambda recorded, rate: looked)
    yield server
    server.close()
