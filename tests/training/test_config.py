"""Configs that can be trained, among them that of the shipped weights."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from cleartract.model.model import Model
from cleartract.model.weights import load_model
from cleartract.training.config import TrainingConfig, read_config

CONFIGS = sorted((Path(__file__).resolve().parents[2] / "configs").glob("*.json"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_describes_a_model(path):
    config = read_config(path.read_text())
    assert sum(p.numel() for p in Model(config.model).parameters()) > 1e4


def test_the_config_of_the_shipped_weights_is_there():
    model, _ = load_model()
    assert model.config in [read_config(path.read_text()).model for path in CONFIGS]


def test_names_of_format_1_are_read():
    config = TrainingConfig()
    values = json.loads(config.model_dump_json())
    values["model"]["likeness"] = values["model"].pop("default_speaker")
    unet = values["model"]["unet"]
    unet["acoustic"], unet["interpolate"] = unet.pop("prediction"), unet.pop("interpolation")
    assert read_config(json.dumps(values)) == config


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '{"stepps": 1}', '{"model": {"unett": {}}}'])
def test_what_is_no_config_is_refused(text):
    with pytest.raises(ValidationError):
        read_config(text)
