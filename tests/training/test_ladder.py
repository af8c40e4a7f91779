"""Configs that can be trained: shipped weights and every row of the ablations."""

import json
from pathlib import Path

import pytest

from cleartract.model.model import Model
from cleartract.model.weights import load_model
from cleartract.training.config import TrainingConfig

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*.json")), ids=lambda path: path.stem)
def test_every_config_describes_a_model(path):
    config = TrainingConfig.model_validate_json(path.read_text())
    assert sum(p.numel() for p in Model(config.model).parameters()) > 1e4


def test_the_ladder_is_what_the_experiments_say():
    experiments = pytest.importorskip("benchmarks.experiments")
    written = set()
    for number, rows in enumerate(experiments.QUESTIONS.values()):
        for name, values in rows.items():
            path = experiments.ladder_file(number, name)
            assert json.loads(path.read_text()) == values
            written.add(path)
    assert set((CONFIGS / "ladder").glob("*.json")) == written


def test_the_config_of_the_shipped_weights_is_there():
    model, _ = load_model()
    configs = [TrainingConfig.model_validate_json(p.read_text()) for p in CONFIGS.glob("*.json")]
    assert model.config in [config.model for config in configs]
