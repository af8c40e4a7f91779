import json
import shlex
from dataclasses import fields
from pathlib import Path

import pytest
import tyro

from cleartract.app.library import Recorded
from cleartract.commands.denoise import Denoise
from cleartract.commands.denoise_form import DenoiseForm
from cleartract.denoising.settings import DenoiseSettings
from cleartract.errors import UsageError

CHOSEN = {
    "target": "ideal", "no_audio": True, "audio_offset": -12.5, "suffix": ".npz", "master": True,
    "opinion_map": True, "residual": True,
    "weights": "base", "fidelity": 0.5, "lost": "3-5,9", "rate": "65040/781",
    "resample": True, "salvage": True, "window_duration": 0.25, "step_duration": 4, "blend": "uniform",
    "sampler": "ddpm", "steps": 6, "guidance": 1.5, "samples": 3, "seed": 7, "batch": 2,
    "device": "cpu", "threads": 2, "max_memory": 4.5,
}  # fmt: skip


def recorded(folder: Path, name: str = "speech.mp4") -> Recorded:
    return Recorded(0, folder / name, Path(name).with_suffix(""), None, ".mp4", folder)


def parsed(arguments) -> Denoise:
    config = (tyro.conf.FlagCreatePairsOff,)
    return tyro.cli(Denoise, args=list(arguments), config=config)


def test_every_option_has_the_default_and_the_help_of_the_command_line():
    form = {field["name"]: field for field in DenoiseForm().described()}
    assert form.keys() == {"quality", *CHOSEN}
    for name, field in form.items():
        assert len(field["help"]) > 10, name
        if name in DenoiseSettings.model_fields:
            told = DenoiseSettings.model_fields[name]
            assert (field["default"], field["help"]) == (told.default, told.description)
    assert form["quality"]["choices"] == ["fast", "texture", "uncertainty"]
    assert (form["steps"]["least"], form["steps"]["largest"]) == (1, 1000)
    json.dumps(list(form.values()), allow_nan=False)


def test_the_command_line_that_is_shown_asks_for_what_the_form_holds(tmp_path):
    plan = DenoiseForm().plan(recorded(tmp_path, "-a b;.mp4"), CHOSEN, None, "2s", set())
    command = parsed(plan.arguments)
    assert command.inputs == (tmp_path / "-a b;.mp4",)
    for name, value in CHOSEN.items():
        if name in DenoiseSettings.model_fields:
            assert getattr(command.settings, name) == value, name
        elif name not in ("suffix", "opinion_map", "residual"):
            assert getattr(command, name) == value, name
    assert command.preview == "2s"
    assert command.targets() == plan.targets
    assert plan.targets["result"] == tmp_path / "-a b;_cleartract.npz"
    assert set(plan.targets) == {
        "result", "sidecar", "master", "opinion", "opinion_picture", "residual", "uncertainty",
    }  # fmt: skip
    words = shlex.split(plan.repeated())
    assert words[:2] == ["cleartract", "denoise"]
    assert parsed(words[2:]) == command


def test_what_is_as_by_default_is_left_out(tmp_path):
    form = DenoiseForm()
    defaults = {field["name"]: field["default"] for field in form.described()}
    plan = form.plan(recorded(tmp_path), defaults, tmp_path / "out", None, set())
    assert plan.arguments == (
        str(tmp_path / "speech.mp4"),
        f"--output={tmp_path / 'out' / 'speech_cleartract.mp4'}",
    )


def test_no_result_takes_the_name_of_another(tmp_path):
    form = DenoiseForm()
    (tmp_path / "speech_cleartract.mp4.json").write_text("mine")
    second = form.plan(recorded(tmp_path), {}, None, None, set())
    assert second.targets["result"].name == "speech_run2_cleartract.mp4"
    third = form.plan(recorded(tmp_path), {}, None, None, set(second.targets.values()))
    assert third.targets["result"].name == "speech_run3_cleartract.mp4"
    (tmp_path / ".speech_run3_cleartract.mp4.partial").mkdir()
    fourth = form.plan(recorded(tmp_path), {}, None, None, set(second.targets.values()))
    assert fourth.targets["result"].name == "speech_run4_cleartract.mp4"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"steps": "many"}, "--steps: give a whole number"), ({"steps": 1.5}, "--steps"),
        ({"steps": True}, "--steps"), ({"steps": 0}, "steps: "), ({"seed": -1}, "seed: "),
        ({"blend": "hamming"}, "--blend: give hann, triangular, uniform"),
        ({"no_audio": 1}, "--no-audio: give true or false"), ({"lost": ["1"]}, "--lost"),
        ({"guidance": float("nan")}, "--guidance"), ({"rate": "fast"}, "--rate"),
        ({"weights": "../../other.safetensors"}, "--weights: give small, base"),
        ({"output": "/etc/passwd"}, "output: there is no such option"),
        ({"audio": "/etc/passwd"}, "audio: there is no such option"),
        ({"opinion_map": "/etc/passwd"}, "--opinion-map: give true or false"),
        ({"samples": 4}, "with one step all samples are alike"),
        ({"quality": "texture", "steps": 3}, "--quality texture means"),
    ],
)  # fmt: skip
def test_an_option_of_the_wrong_type_or_out_of_range_is_refused(tmp_path, values, said):
    with pytest.raises(UsageError) as caught:
        DenoiseForm().plan(recorded(tmp_path), values, None, None, set())
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_that_name_files_or_many_recordings_are_not_offered():
    offered = {field["name"] for field in DenoiseForm().described()}
    left_out = {field.name for field in fields(Denoise)} - offered - {"settings", "many"}
    assert left_out == {"inputs", "output", "audio", "preview", "overwrite", "resume", "dry_run"}
