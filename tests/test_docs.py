import inspect
import re
from pathlib import Path

import pytest

from cleartract.diffusion.noise_levels import NoiseLevels
from cleartract.model.config import ModelConfig
from cleartract.networks.video_unet import UNetConfig
from cleartract.sound.encoders import AudioConfig
from cleartract.training.config import TrainingConfig

TRAINING = Path(__file__).parent.parent / "docs" / "training.md"


@pytest.mark.parametrize(
    "kind", [TrainingConfig, ModelConfig, UNetConfig, AudioConfig, NoiseLevels]
)
def test_every_setting_is_documented_with_its_default(kind):
    text = TRAINING.read_text()
    listed = (inspect.getdoc(kind) or "").partition("Attributes:")[2]
    for name, field in kind.model_fields.items():
        found = re.search(rf"\n    {name}: (.*(?:\n {{8}}.*)*)", listed)
        assert found, name
        default = field.get_default(call_default_factory=True)
        if hasattr(default, "model_dump"):
            shown = ""
        elif default is None:
            shown = "–"
        else:
            shown = f"`{list(default) if isinstance(default, tuple) else default}`"
        assert f"| `{name}` | {shown} | {' '.join(found[1].split())} |" in text


def test_what_is_trained_without_a_config_is_documented():
    text = " ".join(TRAINING.read_text().split())
    model = TrainingConfig().model
    assert model == ModelConfig(
        unet=UNetConfig(
            widths=(64, 96, 128), blocks=1, prediction=True, interpolation=True, noise=True
        ),
        audio=AudioConfig(encoder="gru", context=0.25),
        inversion=AudioConfig(encoder="gru", context=0.25),
    )
    shape = '{"widths": [64, 96, 128], "blocks": 1, "prediction": true, "interpolation": true, '
    assert shape + '"noise": true}' in text
    assert '"encoder": "gru", "context": 0.25' in text


def test_every_fault_names_a_test_that_is_there():
    tests = Path(__file__).parent
    text = (tests.parent / "docs" / "reliability.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ") and "| test |" not in line]
    assert len(rows) > 30
    for row in rows:
        named = re.findall(r"`([\w/]+\.py)::(\w+)`", row)
        assert named, row
        for file, test in named:
            assert f"\ndef {test}(" in (tests / file).read_text(), (file, test)
