import hashlib
import json

import numpy as np
import pytest

from cleartract.cli import main
from cleartract.recordings.opening import open_recording


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
        (["--lost", "5-2"], 2),
        (["--lost", "24"], 2),
        (["--lost", "x"], 2),
        (["--lost", "0-23"], 4),
        (["--preview", "5m"], 2),
        (["--threads", "0"], 2),
        (["--samples", "3"], 2),
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


def test_lost_frames_and_a_preview(clip, weights, capsys):
    out, options = clip.with_name("a.npz"), ["--weights", weights, "--preview", "0.25s"]
    assert run("denoise", clip, *options, "--lost", "3, 7-9", "-o", out) == 0
    assert len(open_recording(out)) == 21
    sidecar = json.loads(out.with_name("a.npz.json").read_text())
    assert sidecar["parameters"]["lost_frames"] == [3, 7, 8, 9]
    assert sidecar["frames"] == 21
    assert run("denoise", clip, *options, "--lost", "22", "-o", clip.with_name("b.npz")) == 2
    assert run("denoise", clip, "--weights", weights, "--preview", "4") == 0
    preview = open_recording(clip.with_name("speech_cleartract_preview.mp4"))
    assert len(preview) == 4
    assert len(preview.audio) / preview.sample_rate < 0.2


def test_spikes_are_named_and_can_be_treated_as_lost(tmp_path, weights, moving_frames, capsys):
    y, x = np.mgrid[:52, :60]
    noise = np.random.default_rng(0).normal(0, 2, moving_frames.shape)
    frames = (moving_frames + noise).astype(np.float32)
    frames[11] += 40 * np.cos(2 * np.pi * (20 * y / 52 + 16 * x / 60))
    np.savez(tmp_path / "a.npz", frames=frames, rate=[50, 1])
    for lost, said in ((["--lost", "auto"], "treated as lost"), ([], "kept; try --lost auto")):
        out = tmp_path / f"{len(lost)}.npz"
        assert run("denoise", tmp_path / "a.npz", "--weights", weights, "-o", out, *lost) == 0
        sidecar = json.loads(out.with_name(f"{out.name}.json").read_text())
        assert sidecar["spikes"] == [11]
        assert sidecar["parameters"]["lost_frames"] == ([11] if lost else [])
        assert f"spikes in frame 11: {said}" in " ".join(capsys.readouterr().err.split())


def test_several_samples_give_an_uncertainty(clip, weights):
    out = clip.with_name("a.npz")
    options = ["--samples", 2, "--steps", 2, "--window-duration", 24, "--step-duration", 24]
    assert run("denoise", clip, "--weights", weights, "-o", out, *options) == 0
    with np.load(clip.with_name("a_uncertainty.npz")) as file:
        assert file["frames"].shape == (24, 52, 60)
        assert (file["frames"] >= 0).all()
