"""The paragraph for a paper says what the sidecar says; the self-test tells working weights from others."""

import json
from dataclasses import replace

import pytest

from cleartract.cli import main
from cleartract.errors import WeightsError
from cleartract.recordings.writing import write_recording


def test_the_paragraph_holds_what_was_done(clip, weights, tmp_path, capsys):
    out = tmp_path / "out.npz"
    command = ["denoise", str(clip), "--weights", str(weights), "-o", str(out)]
    assert main([*command, "--audio-offset", "120", "--lost", "3-5"]) == 0
    capsys.readouterr()
    assert main(["methods", str(out)]) == 0
    text = capsys.readouterr().out
    sidecar = json.loads((tmp_path / "out.npz.json").read_text())
    height, width = sidecar["size"]
    for part in (
        f"{sidecar['frames']} frames of {width} x {height} pixels", sidecar["weights"]["sha256"][:16],
        "120 ms late", "3 frames were lost", "posterior mean", "@software{cleartract", "@karras2022",
    ):  # fmt: skip
        assert part in text
    target = tmp_path / "methods.txt"
    assert main(["methods", str(out), "-o", str(target)]) == 0
    assert target.read_text() == text
    assert main(["methods", str(out), "-o", str(target)]) == 6


def test_sound_that_was_not_used_is_not_said_to_have_made_anything(
    recording, weights, tmp_path, capsys
):
    silent = tmp_path / "silent.mp4"
    write_recording(silent, replace(recording, audio=None, sample_rate=None), {})
    out = tmp_path / "out.npz"
    assert (
        main(["denoise", str(silent), "--weights", str(weights), "-o", str(out), "--lost", "3"])
        == 0
    )
    capsys.readouterr()
    assert main(["methods", str(out)]) == 0
    text = capsys.readouterr().out
    assert "There was no sound that the model could use." in text
    assert "1 frame was lost and made from the frames around, not measured." in text
    assert "the sound was used" not in text.lower()
    path = tmp_path / "out.npz.json"
    sidecar = json.loads(path.read_text())
    sidecar["audio"] = {"path": "speech.wav", "sha256": "0"}
    told = {}
    for asked in (True, False):
        sidecar["parameters"]["use_audio"] = asked  # the sound has no skill, or --no-audio
        path.write_text(json.dumps(sidecar))
        assert main(["methods", str(path)]) == 0
        told[asked] = capsys.readouterr().out
    assert "did not use it" in told[True]
    assert "The model did not use the sound." in told[False]


def methods(path, capsys):
    capsys.readouterr()
    code = main(["methods", str(path)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_a_generated_video_is_never_said_to_be_measured(clip, weights, tmp_path, capsys):
    out = tmp_path / "out.mp4"
    command = ["generate", str(clip), "--weights", str(weights), "--seconds", "0.3", "-o", str(out)]
    assert main(command) == 0
    code, text, _ = methods(out, capsys)
    sidecar = json.loads((tmp_path / "out.mp4.json").read_text())
    assert code == 0
    assert "denoised" not in text
    for part in (
        f"({sidecar['frames']} frames of", "was generated from sound", "Nothing in this video was measured",
        sidecar["weights"]["sha256"][:16], "@software{cleartract", "@inproceedings{karras2022",
    ):  # fmt: skip
        assert part in text
    reference = {"path": "/data/speaker 1.mp4", "sha256": "0"}
    path = tmp_path / "out.mp4.json"
    path.write_text(json.dumps(sidecar | {"reference": reference, "reference_frame": 7}))
    assert "looks like frame 7 of the reference speaker 1.mp4" in methods(out, capsys)[1]


def test_measurements_are_told_with_what_was_measured(clip, weights, tmp_path, capsys):
    out, table, lines = (tmp_path / name for name in ("out.npz", "degrees.csv", "lines.json"))
    lines.write_text('{"lips": [[20, 20], [20, 60]], "nowhere": [[1, 1], [1, 8]]}')
    assert main(["denoise", str(clip), "--weights", str(weights), "-o", str(out)]) == 0
    command = ["measure", str(out), "--grid-lines", str(lines), "--pixel-size", "2.5"]
    assert main([*command, "-o", str(table)]) == 0
    sidecar = json.loads((tmp_path / "degrees.csv.json").read_text())
    code, text, _ = methods(table, capsys)
    assert code == 0
    assert text.startswith(methods(out, capsys)[1].partition("\n")[0])
    assert "were measured in" in text
    assert "a pixel was taken as 2.5 mm" in text
    assert "Grid lines were given by hand" in text
    for name, line in sidecar["lines"].items():
        told = f"The line {name} was not scored ({line['not_scored']})." in text
        assert told == (line["not_scored"] is not None), name
    assert text.count("@software{cleartract") == 1
    out.write_bytes(out.read_bytes() + b"0")  # the recording is another one now
    path = tmp_path / "out.npz.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sha256": {"result": "0"}}))
    code, text, _ = methods(table, capsys)
    assert code == 0
    assert text.startswith("Constriction degrees")


def test_a_report_of_evaluate_names_what_to_give_instead(tmp_path, capsys):
    path = tmp_path / "report.json"
    path.write_text('{"title": "x", "made": {}, "recordings": []}')
    code, _, said = methods(path, capsys)
    assert code == 3
    assert "give the recording that it judges" in said


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"generated": "x", "parameters": {}, "weights": {}, "frames": 1, "size": [1, 1], '
     '"rate": [1, 1], "cleartract": "0"}',
     '{"parameters": {}, "weights": {}, "frames": 1, "size": [1], "rate": [1, 0], "cleartract": "0"}',
     '{"lines": [], "pixel_size": 1, "input": "x", "frames": 1, "size": [1, 1], "rate": [1, 1], '
     '"cleartract": "0"}'],
)  # fmt: skip
def test_other_sidecars_are_one_line(tmp_path, capsys, content):
    path = tmp_path / "a.json"
    path.write_text(content)
    assert main(["methods", str(path)]) == 3
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert main(["methods", str(tmp_path / "none.mp4")]) == 3


def test_the_self_test_tells_untrained_weights(weights, capsys):
    assert main(["doctor", "--weights", str(weights)]) == WeightsError.exit_code
    printed = capsys.readouterr()
    assert "extra formats" in printed.out
    assert "self-test gained" in printed.err


@pytest.mark.slow
def test_the_shipped_weights_are_well(capsys):
    assert main(["doctor"]) == 0
    assert "all well" in capsys.readouterr().out
