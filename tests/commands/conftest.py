"""A clip and weights for the command line."""

import pytest

from cleartract.model.weights import save_model
from cleartract.recordings.writing import write_recording


@pytest.fixture
def weights(tmp_path, tiny_model):
    path = tmp_path / "tiny.safetensors"
    save_model(tiny_model, path, {"steps": 0})
    return path


@pytest.fixture
def clip(tmp_path, recording):
    path = tmp_path / "speech.mp4"
    write_recording(path, recording, {})
    return path
