"""What is refused, or said, before any work."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from cleartract.cli import main
from cleartract.recordings.opening import open_recording
from cleartract.recordings.writing import write_recording


def denoise(path, weights, *options):
    out = path.with_name("out.npz")
    code = main(["denoise", str(path), "--weights", str(weights), "-o", str(out), *options])
    return code, out


def cut_video(tmp_path, recording):
    """A Matroska file without its last part."""
    import av

    path = tmp_path / "cut.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=recording.rate)
        stream.width, stream.height, stream.pix_fmt = *recording.frames.shape[:0:-1], "gray"
        for frame in recording.frames.round().clip(0, 255).astype(np.uint8):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "gray")))
        container.mux(stream.encode())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(0.7 * len(whole))])
    return path


def test_a_cut_recording_is_denoised_only_when_asked(tmp_path, spoken, weights, capsys):
    silent = replace(spoken, audio=None, sample_rate=None)
    path = cut_video(tmp_path, silent)
    code, out = denoise(path, weights)
    said = capsys.readouterr().err
    assert code == 3
    assert "the last good frame is" in said
    assert "--salvage" in said
    assert not out.exists()
    assert not list(tmp_path.glob(".*"))
    code, out = denoise(path, weights, "--salvage")
    assert code == 0
    frames = open_recording(out).frames
    assert 10 <= len(frames) < len(spoken)
    sidecar = json.loads(out.with_name("out.npz.json").read_text())
    assert any("cut off" in warning for warning in sidecar["warnings"])


@pytest.mark.parametrize("factor", [0.3, 3.0])
def test_sound_of_quite_another_length_is_refused(tmp_path, spoken, weights, capsys, factor):
    length = int(factor * len(spoken.audio))
    path = tmp_path / "other.npz"
    write_recording(path, replace(spoken, audio=np.resize(spoken.audio, length)), {})
    code, out = denoise(path, weights)
    assert code == 3
    assert "do not belong together" in capsys.readouterr().err
    assert not out.exists()
    assert denoise(path, weights, "--audio-offset", "0")[0] == 0
    assert denoise(path, weights, "--no-audio", "--overwrite")[0] == 0


@pytest.mark.parametrize(
    "options", [["--window-duration", "400"], ["--batch", "100000"], ["--max-memory", "0.0001"]]
)
def test_what_would_need_much_memory_is_refused_at_once(tmp_path, weights, capsys, options):
    """A file of a few kilobytes whose frames are large and many."""
    path = tmp_path / "bomb.npz"
    frames = np.zeros((400, 512, 512), np.uint8)
    frames[::7, ::3, ::5] = 9
    np.savez_compressed(path, frames=frames, rate=np.array([80, 1]))
    assert path.stat().st_size < 2_000_000
    code, out = denoise(path, weights, *options)
    assert code == 2
    assert "--max-memory" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("command", ["measure", "evaluate", "adapt"])
def test_what_is_worked_on_as_a_whole_is_refused_by_its_header(tmp_path, capsys, command):
    """A video of a few kilobytes whose black frames take gigabytes."""
    import av

    path = tmp_path / "bomb.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=50, options={"preset": "ultrafast"})
        stream.width = stream.height = 1024
        stream.pix_fmt = "yuv420p"
        black = av.VideoFrame.from_ndarray(np.zeros((1024, 1024), np.uint8), "gray")
        for _ in range(60):
            container.mux(stream.encode(black))
        container.mux(stream.encode())
    assert path.stat().st_size < 20_000
    before = sorted(tmp_path.iterdir())
    out = ["-o", str(tmp_path / "w.safetensors")] if command == "adapt" else []
    for most, said in (("0.5", "60 frames of 1024x1024 pixels would take about 1.0 GB"), ("0", "")):
        assert main([command, str(path), "--max-memory", most, *out]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line
        assert "--max-memory" in line
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(("rate", "side"), [(4, 64), (400, 64), (80, 30)])
def test_unfamiliar_recordings_are_said(tmp_path, weights, capsys, rate, side):
    rng = np.random.default_rng(0)
    frames = (100 + 20 * rng.normal(size=(24, side, side))).clip(0, 255).astype(np.uint8)
    path = tmp_path / "odd.npz"
    np.savez(path, frames=frames, rate=np.array([rate, 1]))
    assert denoise(path, weights)[0] == 0
    assert "unfamiliar" in capsys.readouterr().err


def test_familiar_recordings_are_not(tmp_path, weights, capsys):
    rng = np.random.default_rng(0)
    frames = (100 + 5 * rng.normal(size=(24, 64, 64))).clip(0, 255).astype(np.uint8)
    path = tmp_path / "usual.npz"
    write_recording(path, replace(_still(frames), rate=Fraction(80)), {})
    assert denoise(path, weights)[0] == 0
    assert "unfamiliar" not in capsys.readouterr().err


def _still(frames):
    from cleartract.recordings.recording import Recording

    return Recording(frames.astype(np.float32), Fraction(80))


def test_a_dry_run_refuses_what_the_run_would(tmp_path, spoken, weights, capsys):
    path, out = tmp_path / "other.npz", tmp_path / "out.npz"
    write_recording(path, replace(spoken, audio=np.resize(spoken.audio, 200_000)), {})
    said = []
    for options in ([], ["--dry-run"]):
        assert denoise(path, weights, *options)[0] == 3
        said.append(capsys.readouterr().err.splitlines()[-1])
    assert said[0] == said[1]
    for options in ([], ["--dry-run"]):
        memory = ["--max-memory", "0.0001", "--audio-offset", "0"]
        assert denoise(path, weights, *memory, *options)[0] == 2
        said.append(capsys.readouterr().err.splitlines()[-1])
    assert said[2] == said[3]
    assert not out.exists()


def test_the_length_of_the_sound_is_measured_once(tmp_path, spoken, weights, monkeypatch):
    """Once for its length, once for the model: an hour of sound takes a minute to decode."""
    from cleartract.recordings.sound_stream import StreamSound

    path = tmp_path / "spoken.mp4"
    write_recording(path, spoken, {})
    calls, blocks = [], StreamSound.blocks
    monkeypatch.setattr(StreamSound, "blocks", lambda self: calls.append(1) or blocks(self))
    assert main(["denoise", str(path), "--weights", str(weights), "--preview", "1s"]) == 0
    assert len(calls) <= 3  # and once to be written, because a preview is cut
