"""Fixtures: a corpus of short, coarse recordings and a model of a few thousand weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

FRAMES = 24  # [frames], enough for a run of four lost ones


@pytest.fixture(scope="session")
def short_corpus(corpus, tmp_path_factory) -> Path:
    """24 frames from the middle of `corpus`, half as fine.

    The first speaker has both reconstructions, the others one.
    """
    from cleartract.corpora.simulated import SimulatedRecording

    folder = tmp_path_factory.mktemp("short_corpus")
    (folder / "corpus.json").write_text((corpus / "corpus.json").read_text())
    for path in sorted(corpus.glob("speaker*/recording*.npz")):
        whole = SimulatedRecording.load(path)
        kinds = ["view_shared"] if list(folder.glob("speaker*")) else list(whole.reconstructions)
        first = (len(whole.clean) - FRAMES) // 2
        part = slice(first, first + FRAMES)
        short = replace(
            whole,
            clean=_coarse(whole.clean[part]),
            scans={k: _coarse(whole.scans[k][part]) for k in kinds},
            reconstructions={k: _coarse(whole.reconstructions[k][part]) for k in kinds},
            audio=whole.truth().excerpt(first, FRAMES).audio,
            outlines=whole.outlines[part],
        )
        target = folder / path.relative_to(corpus)
        target.parent.mkdir(exist_ok=True)
        short.save(target)
    return folder


def _coarse(frames: np.ndarray) -> np.ndarray:
    """Mean over blocks of 2x2 pixels, (..., height, width)."""
    height, width = (size // 2 for size in frames.shape[-2:])
    blocks = frames.astype(np.float32).reshape(*frames.shape[:-2], height, 2, width, 2)
    return blocks.mean((-3, -1)).astype(frames.dtype)


@pytest.fixture
def small_model():
    """An untrained model of one level, whose every weight is random."""
    from cleartract.model.config import ModelConfig
    from cleartract.model.model import Model
    from cleartract.networks.video_unet import UNetConfig
    from cleartract.sound.encoders import AudioConfig

    unet = UNetConfig(
        stem=4,
        widths=(4, 8),
        blocks=1,
        attention_resolutions=(2,),
        heads=2,
        embedding=8,
        token_channels=8,
    )
    torch.manual_seed(0)
    model = Model(ModelConfig(unet=unet, audio=AudioConfig(channels=8, mels=8))).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model


@pytest.fixture
def weights(small_model, tmp_path) -> str:
    """`small_model` in a file."""
    from cleartract.model.weights import save_model

    save_model(small_model, tmp_path / "small_test.safetensors", {"steps": 0})
    return str(tmp_path / "small_test.safetensors")
