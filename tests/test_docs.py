import inspect
import re
import sys
import typing
from pathlib import Path

import pytest
from pydantic import BaseModel

from cleartract.model.config import ModelConfig
from cleartract.networks.video_unet import UNetConfig
from cleartract.sound.encoders import AudioConfig
from cleartract.training.config import TrainingConfig

DOCS = Path(__file__).parent.parent / "docs"
TRAINING = DOCS / "training.md"


@pytest.fixture(scope="module")
def configuration():
    """The generator of the reference of all settings."""
    sys.path.insert(0, str(DOCS))
    try:
        from generators import configuration
    finally:
        sys.path.remove(str(DOCS))
    return configuration


def test_every_setting_is_documented_with_its_default(configuration):
    text = configuration.configuration_page()
    for kinds in configuration.models().values():
        for kind in kinds.values():
            for name, field in kind.model_fields.items():
                meaning = configuration.meaning_of(kind, name, field)
                assert len(meaning) > 5, name
                assert f"| `{name}` | " in text
                assert meaning.replace("|", "\\|").replace("*_", "\\*_") in text


def test_every_settings_model_of_the_package_is_documented(configuration):
    """Whatever module it is in; those of commands only hide or add options of another one."""
    source = DOCS.parent / "src" / "cleartract"
    named = {
        name
        for path in source.rglob("*.py")
        if "commands" not in path.parts
        for name in re.findall(r"^class (\w+)\(BaseModel\)", path.read_text(), re.MULTILINE)
    }
    documented = {
        kind.__name__ for kinds in configuration.models().values() for kind in kinds.values()
    }
    assert len(named) > 10
    assert named <= documented


def test_all_models_of_a_training_config_are_documented(configuration):
    documented = set(configuration.models()["Training"].values())

    def nested(kind):
        fields = [part for field in kind.model_fields.values() for part in parts(field.annotation)]
        models = [part for part in fields if isinstance(part, type) and issubclass(part, BaseModel)]
        return {kind, *(found for model in models for found in nested(model))}

    def parts(annotation):
        return [annotation, *typing.get_args(annotation)]

    assert nested(TrainingConfig) == documented


def test_every_command_and_option_is_documented(configuration):
    from cleartract.cli import all_commands
    from generators.commands import command_page, parser_of

    text = command_page()
    for name, command in all_commands().items():
        part = text.partition(f"## cleartract {name}\n")[2].partition("\n## ")[0]
        assert part, name
        for action in parser_of(command)._actions:
            if action.dest != "help":
                assert all(f"`{option}`" in part for option in action.option_strings), action
                assert action.help, action


def test_every_public_name_is_documented(configuration):
    import cleartract
    from generators.python import python_page

    text = python_page()
    for name in cleartract.__all__:
        assert name.startswith("_") or f":: cleartract.{name}\n" in text
        assert name.startswith("_") or inspect.getdoc(getattr(cleartract, name)), name


def test_every_exit_code_is_documented(configuration):
    from cleartract import errors
    from generators.commands import exit_code_page

    text = exit_code_page()
    for name, kind in vars(errors).items():
        if (
            isinstance(kind, type)
            and issubclass(kind, errors.ClearTractError)
            and kind.exit_code > 1
        ):
            assert re.search(rf"^\| {kind.exit_code} \| .* \| `{name}` \|$", text, re.MULTILINE)


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


@pytest.mark.parametrize("name", ["small", "base"])
def test_the_page_of_earlier_results_names_the_weights_of_today(name):
    from cleartract.files import sha256
    from cleartract.model.weights import shipped_weights

    text = (DOCS / "earlier-results.md").read_text()
    (row,) = [line for line in text.splitlines() if f"`{name}`" in line and line.startswith("|")]
    assert f"`{sha256(shipped_weights(name))[:12]}`" in row


def test_the_lines_of_the_tutorial_are_all_scored(tmp_path, monkeypatch, capsys):
    from importlib import resources

    import cleartract
    from cleartract.cli import main
    from cleartract.recordings.writing import write_recording

    text = (DOCS / "tutorials" / "measure.md").read_text()
    first, count = map(int, re.search(r"speech\.excerpt\((\d+), (\d+)\)", text).groups())
    lines = re.search(r"^lines = ({.*?^})", text, re.DOTALL | re.MULTILINE)[1]
    monkeypatch.chdir(tmp_path)
    Path("lines.json").write_text(lines.replace(",\n}", "\n}"))
    speech = cleartract.open_recording(resources.files("cleartract.examples") / "speech.mp4")
    write_recording(Path("speech.mp4"), speech.excerpt(first, count), {})
    assert main(["measure", "speech.mp4", "--grid-lines", "lines.json"]) == 0
    assert "not scored" not in capsys.readouterr().out
