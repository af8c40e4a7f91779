import hashlib
import json
import subprocess
import sys
import time

import numpy as np
import pytest

from cleartract.cli import main
from cleartract.model.weights import save_model
from cleartract.recordings.video_io import open_recording
from cleartract.recordings.video_out import write_recording


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


def run(*arguments) -> int:
    return main([str(a) for a in arguments])


def test_denoise_writes_video_and_sidecar(clip, weights, recording):
    assert (
        run(
            "denoise",
            clip,
            "--weights",
            weights,
            "--window-duration",
            5,
            "--step-duration",
            2,
            "--master",
        )
        == 0
    )
    result = clip.with_name("speech_cleartract.mp4")
    back = open_recording(result)
    assert (len(back), back.rate) == (len(recording), recording.rate)
    assert back.sample_rate == recording.sample_rate
    sidecar = json.loads(result.with_name("speech_cleartract.mp4.json").read_text())
    assert sidecar["input"]["sha256"] == hashlib.sha256(clip.read_bytes()).hexdigest()
    assert sidecar["weights"]["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert sidecar["parameters"]["window_frames"] == 5
    assert sidecar["parameters"]["audio_used"] is True
    assert sidecar["rate"] == [65040, 781]
    master = open_recording(clip.with_name("speech_cleartract_master.avi"))
    assert master.peak == 65535
    assert np.abs(master.frames / 257 - back.frames).mean() < 2


def test_an_audio_offset_is_heard_and_kept_out_of_the_result(clip, weights):
    frames = {}
    for offset in ("0", "30"):
        out = clip.with_name(f"by_{offset}.npz")
        assert run("denoise", clip, "--weights", weights, "--audio-offset", offset, "-o", out) == 0
        frames[offset] = open_recording(out)
    assert not np.array_equal(frames["0"].frames, frames["30"].frames)
    np.testing.assert_array_equal(frames["0"].audio, frames["30"].audio)
    assert run("denoise", clip, "--audio-offset", "99999", "-o", clip.with_name("z.npz")) == 2


def test_the_null_path_is_said_in_the_output(clip, weights, capsys):
    assert (
        run("denoise", clip, "--weights", weights, "--no-audio", "-o", clip.with_name("x.npz")) == 0
    )
    assert "not used" in capsys.readouterr().err
    sidecar = json.loads(clip.with_name("x.npz.json").read_text())
    assert sidecar["parameters"]["audio_used"] is False
    assert any("sound is not used" in w for w in sidecar["warnings"])
    with np.load(clip.with_name("x.npz")) as file:
        assert file["frames"].dtype == np.float32
        assert file["rate"].tolist() == [65040, 781]
        assert file["audio"].size
        assert json.loads(str(file["provenance"]))["frames"] == 24


def test_nothing_is_overwritten(clip, weights):
    target = clip.with_name("out.mp4")
    target.write_text("mine")
    assert run("denoise", clip, "-o", target, "--weights", weights) == 6
    assert target.read_text() == "mine"
    assert run("denoise", clip, "-o", clip, "--overwrite", "--weights", weights) == 6
    assert open_recording(clip)
    assert run("denoise", clip, "-o", target, "--overwrite", "--weights", weights) == 0
    assert open_recording(target)


def test_dry_run_writes_nothing(clip, weights, capsys):
    before = sorted(clip.parent.iterdir())
    assert run("denoise", clip, "--dry-run", "--weights", weights) == 0
    assert sorted(clip.parent.iterdir()) == before
    assert "24 frames" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--steps", "0"], 2),
        (["--audio", "a.wav", "--no-audio"], 2),
        (["--device", "warp"], 2),
        (["--audio", "missing.wav"], 3),
        (["--step-duration", "9", "--window-duration", "5"], 4),
        (["--weights", "missing"], 5),
        (["-o", "a.wmv"], 6),
        (["-o", "/dev/null/a.mp4"], 6),
    ],
)
def test_exit_codes_and_one_line(clip, weights, options, code, capsys):
    given = options if "--weights" in options else [*options, "--weights", weights]
    assert run("denoise", clip, *given) == code
    message = capsys.readouterr().err.strip()
    assert message.startswith("cleartract: ")
    assert len(message.splitlines()) == 1
    assert not list(clip.parent.glob("*cleartract*"))


def test_a_damaged_input_leaves_nothing(tmp_path, weights):
    path = tmp_path / "bad.mp4"
    path.write_bytes(b"0" * 500)
    assert run("denoise", path, "--weights", weights) == 3
    assert not list(tmp_path.glob("bad_*"))


def test_missing_corpus(tmp_path):
    assert run("train", "--data", tmp_path / "none", "--out", tmp_path / "run") == 7


def seconds(*arguments: str) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return min(times)


def test_import_and_help_load_no_torch():
    code = (
        "import sys, cleartract; assert 'torch' not in sys.modules; print(cleartract.__version__)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    code = (
        "import sys\nfrom cleartract.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_import_and_help_are_fast():
    empty = seconds("-c", "pass")
    assert seconds("-c", "import cleartract") - empty < 0.3
    assert seconds("-m", "cleartract.cli", "--help") - empty < 0.5


def test_public_names_resolve():
    import cleartract

    for name in cleartract.__all__:
        assert getattr(cleartract, name) is not None
    with pytest.raises(AttributeError):
        cleartract.nothing  # noqa: B018


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["denoise"], "cleartract denoise --help"),
        (["denoise", "x.mp4", "--nope"], "--nope"),
        (["denoise", "x.mp4", "--steps", "abc"], "--steps"),
        (["denoise", "x.mp4", "--blend", "cosine"], "'triangular'"),
        (["frobnicate"], "frobnicate"),
        (["train", "--data", "corpus"], "--out"),
    ],
)
def test_mistyped_options_are_one_line_too(arguments, said, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.strip().count("\n") == 0
    assert captured.err.startswith("cleartract: ")
    assert not captured.out


@pytest.mark.parametrize("arguments", [[], ["--help"], ["denoise", "--help"]])
def test_help_is_no_error(arguments, capsys):
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert "usage" in captured.out.lower()
    assert not captured.err
