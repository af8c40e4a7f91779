import json
from dataclasses import replace

import numpy as np
import soundfile

from cleartract.cli import main
from cleartract.files import sha256
from cleartract.model.weights import save_model
from cleartract.recordings.opening import open_recording
from cleartract.recordings.writing import write_recording


def voice(seconds, seed=0):
    return np.random.default_rng(seed).normal(size=int(seconds * 20_000)).astype(np.float32) * 0.1


def test_command(hearing_model, tmp_path, recording, capsys):
    weights = tmp_path / "w.safetensors"
    save_model(hearing_model, weights, {})
    soundfile.write(tmp_path / "voice.wav", voice(0.5), 20_000)
    write_recording(tmp_path / "speaker.avi", recording, {})
    command = ["generate", str(tmp_path / "voice.wav"), "--weights", str(weights)]
    assert main([*command, "--size", "32", "--rate", "40"]) == 0
    made = open_recording(tmp_path / "voice_generated.mp4")
    assert made.frames.shape == (20, 32, 32)
    assert made.audio is not None
    sidecar = json.loads((tmp_path / "voice_generated.mp4.json").read_text())
    assert "nothing here was measured" in sidecar["generated"]
    assert sidecar["sha256"] == {"result": sha256(tmp_path / "voice_generated.mp4")}
    assert sidecar["audio"]["path"] == str(tmp_path / "voice.wav")
    assert {"date", "command", "platform", "threads", "warnings"} <= set(sidecar)
    assert made.provenance["comment"].startswith("generated")
    # the mark in the corner is the same in every frame, and nowhere else
    plain = tmp_path / "plain.mp4"
    assert main([*command, "--size", "32", "--rate", "40", "--no-mark", "-o", str(plain)]) == 0
    change = np.abs(made.frames - open_recording(plain).frames).mean(0)
    assert change[22:, :20].max() > 40
    assert change[:20].max() < 12  # of the codec
    reference = ["--reference", str(tmp_path / "speaker.avi"), "-o", str(tmp_path / "as.avi")]
    assert main([*command, *reference]) == 0
    like = open_recording(tmp_path / "as.avi")
    assert like.frames.shape[1:] == recording.frames.shape[1:]
    assert like.rate == recording.rate
    capsys.readouterr()
    assert main(command) == 6  # the result exists
    assert main([*command, "--overwrite", "--rate", "0"]) == 2
    assert main([*command, "--overwrite", "--reference", str(tmp_path / "voice.wav")]) == 3
    assert main(["generate", str(tmp_path / "none.wav"), "--weights", str(weights)]) == 3
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 4


def test_a_dry_run_says_and_refuses_what_the_run_does(hearing_model, tmp_path, recording, capsys):
    weights = tmp_path / "w.safetensors"
    save_model(hearing_model, weights, {})
    soundfile.write(tmp_path / "voice.wav", voice(0.5), 20_000)
    silent = replace(recording, frames=recording.frames[:, :51, :41], audio=None, sample_rate=None)
    write_recording(tmp_path / "speaker.npz", silent, {})
    options = ["--reference", str(tmp_path / "speaker.npz"), "--window-duration", "60"]
    options += ["--seconds", "2"]
    command = ["generate", str(tmp_path / "voice.wav"), "--weights", str(weights), *options]
    said = []
    for more in (["--dry-run"], []):
        assert main([*command, *more]) == 0
        told = capsys.readouterr()
        said.append([line for line in told.err.splitlines() if line.startswith("cleartract: ")])
        assert (tmp_path / "voice_generated.mp4").exists() != bool(more)
        if more:
            assert "41 frames, 41x51, 65040/781 fps would be generated" in told.out
    assert said[0] == said[1]
    for words in (
        "the sound lasts 0.50 s, less than the 2 s asked for",
        "the reference has no sound",
        "41x51 pixels are unfamiliar",
        "padded from 41x51 to 42x52",
        "window of 60 frames is longer",
    ):
        assert words in "\n".join(said[0])
    sidecar = json.loads((tmp_path / "voice_generated.mp4.json").read_text())
    assert len(sidecar["warnings"]) == len(said[0])
    for wrong in (["--size", "64"], ["--samples", "2"], ["--seconds", "0.001"], []):
        codes = {main([*command, *wrong, *dry]) for dry in ([], ["--dry-run"])}
        assert len(codes) == 1
        assert codes != {0}
