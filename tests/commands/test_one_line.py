"""What a user can give by mistake, or find in somebody else's file, is one line and an exit code."""

import json
import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from cleartract.cli import all_commands, main
from cleartract.errors import CorpusError, RecordingError, WeightsError, WindowError
from cleartract.evaluation.evaluate import _window
from cleartract.model.weights import load_model
from cleartract.recordings.opening import open_recording, open_source, open_with_usable_sound
from cleartract.recordings.sidecar import sidecar_of
from cleartract.recordings.windows import SlidingWindowTransform
from cleartract.training.checkpoint import load_checkpoint


def said(capsys, code, *arguments) -> str:
    assert main([str(part) for part in arguments]) == code
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_names_that_are_no_files(clip, capsys, monkeypatch):
    monkeypatch.chdir(clip.parent)
    assert "is a folder" in said(capsys, 6, "denoise", "/")
    for wrong in (".", "/"):
        assert "is a folder" in said(capsys, 6, "denoise", clip, "-o", wrong)
        assert "is a folder" in said(capsys, 6, "generate", clip, "-o", wrong)
        assert "is a folder" in said(capsys, 6, "generate", wrong)
        assert "is a folder" in said(capsys, 6, "measure", wrong)


def test_an_empty_argument_is_not_this_folder(clip, capsys, monkeypatch):
    """As of `"$FILE"` where nothing is in it."""
    monkeypatch.chdir(clip.parent)
    before = sorted(clip.parent.iterdir())
    for command in all_commands():
        assert "an argument is empty" in said(capsys, 2, command, "")
    assert "an argument is empty" in said(capsys, 2, "denoise", clip, "", "--out", "o")
    assert "an argument is empty" in said(capsys, 2, "view", clip, "")
    for option in ("-o", "--out", "--audio", "--weights"):
        assert f"{option}: is empty" in said(capsys, 2, "denoise", clip, option, "")
        assert f"{option}: is empty" in said(capsys, 2, "denoise", clip, f"{option}=")
    assert sorted(clip.parent.iterdir()) == before
    for opener in (open_recording, open_source):
        with pytest.raises(RecordingError, match="no name"):
            opener("")


def test_a_line_break_in_a_name_makes_no_second_line(clip, weights, capsys, monkeypatch):
    """And no name moves the cursor or colours the terminal."""
    monkeypatch.chdir(clip.parent)
    for name in ("a\nb.mp4", "a\rb.mp4", "\x1b[31ma.mp4", "a\u202eb.mp4"):
        line = said(capsys, 3, "denoise", name)
        assert repr(name)[1:-1] in line
        assert line.isprintable()
        clip.rename(name)
        assert main(["denoise", name, "--no-audio", "--weights", str(weights)]) == 0
        warned = capsys.readouterr().err
        assert f"cleartract: {repr(name)[1:-1]}: the sound is not used (--no-audio)\n" in warned
        clip.with_name(name).rename(clip)


def test_a_device_that_computes_nothing(clip, capsys):
    assert "--device meta" in said(capsys, 2, "denoise", clip, "--device", "meta")


@pytest.mark.parametrize("duration", [1e6, 1e300, 1e308, 10**9])
def test_windows_that_no_memory_holds(duration):
    with pytest.raises(WindowError, match="10000 frames at most"):
        SlidingWindowTransform(duration, 4).windows(12, Fraction(83))


@pytest.mark.parametrize(
    "wrong",
    [{"audio": np.array(["a", "b"])}, {"audio": np.array("a")}, {"sample_rate": np.array("fast")}],
)
def test_text_for_sound(tmp_path, wrong):
    path = tmp_path / "a.npz"
    arrays = {
        "frames": np.zeros((4, 16, 16)),
        "rate": 83,
        "audio": np.zeros(9),
        "sample_rate": 8000,
    }
    np.savez(path, **arrays | wrong)
    with pytest.raises(RecordingError, match="must be real numbers"):
        open_source(path)


@pytest.mark.parametrize(
    "wrong",
    [{"blocks": 10**6}, {"widths": [-64, 96]}, {"widths": [10**9]}, {"stem": 10**9}],
)
def test_weights_of_an_absurd_size(weights, wrong):
    with safe_open(weights, framework="pt") as file:
        described, state = file.metadata(), {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
    config = json.loads(described["config"])
    config["unet"] |= wrong
    save_file(state, weights, metadata=described | {"config": json.dumps(config)})
    with pytest.raises(WeightsError, match="do not match"):
        load_model(weights)


@pytest.mark.parametrize("training", ["{no", "[" * 100_000])
def test_weights_whose_history_is_damaged(clip, weights, training, capsys):
    with safe_open(weights, framework="pt") as file:
        described, state = file.metadata(), {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
    save_file(state, weights, metadata=described | {"training": training})
    assert "its training is no JSON" in said(capsys, 5, "denoise", clip, "--weights", weights)


@pytest.mark.parametrize(
    "text",
    ["[1]", "[" * 100_000, '{"parameters": [1], "weights": "x"}', '{"parameters": null}',
     '{"parameters": {"window_frames": 1e999, "step_frames": 1}}',
     '{"parameters": {"window_frames": 0, "step_frames": -1}}'],
)  # fmt: skip
def test_a_sidecar_of_another_kind(tmp_path, text):
    (tmp_path / "a.mp4.json").write_text(text)
    sidecar = sidecar_of(tmp_path / "a.mp4")
    assert _window(sidecar) is None
    assert not sidecar.get("weights")


@pytest.mark.parametrize("state", [{}, {"step": 3}, [1], torch.zeros(2)])
def test_a_checkpoint_without_its_config(tmp_path, state):
    torch.save(state, tmp_path / "checkpoint.pt")
    with pytest.raises(CorpusError, match="is no checkpoint of training"):
        load_checkpoint(tmp_path, "{}")


def test_a_closed_pipe_and_names_of_any_bytes(clip, weights):
    name = os.fsencode(clip.with_name("a")) + b"\xff.npz"
    command = [sys.executable, "-m", "cleartract.cli", "denoise", clip, "--weights", weights]
    done = subprocess.run(
        [*command, "-o", name, "--preview", "4"],
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )
    assert b"\\udcff.npz: 4 frames" in done.stdout
    assert os.path.exists(name)
    reader, writer = os.pipe()
    os.close(reader)
    closed = subprocess.run(
        [*command, "--dry-run"], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert closed.returncode == 6
    assert closed.stderr == b"cleartract: standard output was closed\n"


@pytest.mark.parametrize("wav", [b"no sound", b"RIFF\x00\x00\x00\x00WAVE"])
def test_sound_that_is_not_used_may_be_damaged(tmp_path, weights, wav, capsys):
    path = tmp_path / "a.npz"
    frames = np.random.default_rng(0).integers(0, 255, (6, 16, 16)).astype(np.uint8)
    np.savez(path, frames=frames, rate=83)
    path.with_suffix(".wav").write_bytes(wav)
    with pytest.raises(RecordingError):
        open_source(path)
    source, damage = open_with_usable_sound(path)
    assert source.sound is None
    assert "a.wav" in str(damage)
    assert main(["denoise", str(path), "--no-audio", "--weights", str(weights)]) == 0
    assert "the result is without sound" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["array", "wav", "mat"])
def test_sound_beyond_all_measure_is_a_fault_of_the_recording(tmp_path, weights, place, capsys):
    import scipy.io
    import soundfile

    frames = np.random.default_rng(0).integers(0, 255, (6, 16, 16)).astype(np.uint8)
    loud = np.full(1200, 1e30)
    path = tmp_path / ("a.mat" if place == "mat" else "a.npz")
    if place == "mat":
        content = {"frames": frames.transpose(1, 2, 0), "rate": 83.0, "audio": loud, "Fs": 16e3}
        scipy.io.savemat(path, content)
    else:
        extra = {"audio": loud, "sample_rate": 16_000} if place == "array" else {}
        np.savez(path, frames=frames, rate=83, **extra)
        soundfile.write(tmp_path / "a.wav", loud, 16_000, subtype="FLOAT")
    line = said(capsys, 3, "denoise", path, "--weights", weights, "-o", tmp_path / "o.npz")
    assert "sound reaches 1e+30" in line


@pytest.mark.parametrize("weight", ["1e300", "-1e300", "101"])
def test_guidance_beyond_all_measure_is_a_wrong_option(clip, capsys, weight):
    assert "--guidance" in said(capsys, 2, "denoise", clip, "--guidance", weight)


def test_names_that_begin_with_a_dash_are_files_without_further_ado(clip, weights, monkeypatch):
    monkeypatch.chdir(clip.parent)
    clip.rename("-x.mp4")
    command = ["denoise", "-x.mp4", "--weights", str(weights), "--preview", "4"]
    assert main([*command, "-o", "-o.npz"]) == 0
    assert os.path.exists("-o.npz")
    assert main([*command, "--output", "-y.avi"]) == 0
    assert main(["measure", "-y.avi", "-o=-z.csv"]) in (0, 2)  # still values are refused
    assert main(command) == 0
    assert os.path.exists("-x_cleartract_preview.mp4")


def test_a_closed_pipe_loses_no_result(clip, weights, tmp_path):
    out = tmp_path / "out.tif"
    command = [sys.executable, "-m", "cleartract.cli", "denoise", clip, "--weights", weights]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*command, "-o", out], stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert done.returncode == 6
    assert b"Traceback" not in done.stderr
    assert len(open_source(out).provenance) > 0
    assert out.with_suffix(".wav").is_file()
    assert not list(tmp_path.glob(".out*"))


def test_a_terminal_that_knows_ascii_alone(clip, weights, tmp_path):
    out = tmp_path / "\u00fcn\u00efc\u00f6d\u00e9 \u0436.npz"
    command = [sys.executable, "-m", "cleartract.cli", "denoise", clip, "--weights", weights]
    done = subprocess.run(
        [*command, "-o", out],
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
    )
    assert b"\\xfcn\\xefc" in done.stdout
    assert out.is_file()
