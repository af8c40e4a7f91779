"""Results that hold no sound, by the command line: series of pictures, and the sound beside them."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from cleartract.cli import main
from cleartract.recordings.opening import open_recording
from cleartract.recordings.writing import write_recording


def denoise(source, out, weights, *options):
    return main(["denoise", str(source), "--weights", str(weights), "-o", str(out), *options])


def test_a_series_is_the_result_of_a_file(clip, weights, tmp_path, capsys):
    assert denoise(clip, tmp_path / "out.npz", weights) == 0
    assert denoise(clip, tmp_path / "s" / "%05d.png", weights) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == f"{tmp_path / 's.wav'}: the sound, beside frames that hold none"
    expected, found = open_recording(tmp_path / "out.npz"), open_recording(tmp_path / "s")
    assert np.abs(found.frames - expected.frames).max() < 0.51 / 257
    assert found.rate == expected.rate
    assert np.array_equal(found.audio, expected.audio)
    sidecar = json.loads((tmp_path / "s.json").read_text())
    assert sidecar["outputs"]["sound"] == str(tmp_path / "s.wav")
    assert set(sidecar["sha256"]) == {"result", "sound"}
    assert not list(tmp_path.glob(".*"))
    assert denoise(clip, tmp_path / "s" / "%05d.png", weights) == 6
    again = ["--overwrite", "--target", "ideal"]
    assert denoise(clip, tmp_path / "s" / "%05d.png", weights, *again) == 0
    assert denoise(tmp_path / "s", tmp_path / "s" / "%d.png", weights, "--overwrite") == 6


def test_sound_that_is_there_is_never_replaced(clip, weights, tmp_path, capsys):
    """Not with --overwrite either: only that of an earlier result is."""
    heard = tmp_path / "out.wav"
    heard.write_bytes(b"mine")
    for options in ([], ["--overwrite"], ["--dry-run"]):
        assert denoise(clip, tmp_path / "out.tif", weights, *options) == 6
        assert "out.wav: exists" in capsys.readouterr().err
        assert heard.read_bytes() == b"mine"
    assert sorted(p.name for p in tmp_path.glob("out*")) == ["out.wav"]


def test_the_same_sound_beside_two_results_is_written_once(clip, weights, tmp_path):
    assert denoise(clip, tmp_path / "out.tif", weights) == 0
    assert denoise(clip, tmp_path / "out.nii", weights) == 0
    assert np.array_equal(
        open_recording(tmp_path / "out.nii").audio, open_recording(tmp_path / "out.tif").audio
    )


def test_a_result_beside_its_input_shares_the_sound(clip, weights, tmp_path, recording):
    quiet = tmp_path / "lab" / "a.avi"
    quiet.parent.mkdir()
    write_recording(quiet, replace(recording, audio=None, sample_rate=None), {})
    write_recording(tmp_path / "t.tif", recording, {})
    shutil.copy(tmp_path / "t.wav", quiet.with_suffix(".wav"))
    before = quiet.with_suffix(".wav").stat().st_mtime_ns
    assert denoise(quiet, quiet.with_suffix(".tif"), weights, "--overwrite") == 0
    assert quiet.with_suffix(".wav").stat().st_mtime_ns == before
    other = tmp_path / "t.wav"
    options = ["--audio", str(other), "--overwrite"]
    assert denoise(quiet, quiet.with_suffix(".nii"), weights, *options) == 0  # the same bytes
    assert denoise(clip, quiet.with_suffix(".gif"), weights, "--overwrite") == 6  # other sound
    assert quiet.with_suffix(".wav").stat().st_mtime_ns == before


@pytest.mark.parametrize("suffix", ["%05d.png", ".nii.gz"])
def test_many_results_without_sound_are_done_once(clip, weights, tmp_path, suffix):
    lab = tmp_path / "lab" / "x"
    lab.mkdir(parents=True)
    for name in ("1.mp4", "2.mp4"):
        shutil.copy(clip, lab / name)
    out = tmp_path / "out"
    command = ["denoise", str(lab.parent), "--out", str(out), "--suffix", suffix]
    for done in (2, 0):
        assert main([*command, "--weights", str(weights)]) == 0
        assert json.loads((out / "summary.json").read_text())["done"] == done
    (out / "x" / "1.wav").unlink()
    if suffix == "%05d.png":
        assert open_recording(out / "x" / "2").audio is not None
    assert main([*command, "--weights", str(weights), "--overwrite"]) == 0
    assert (out / "x" / "1.wav").is_file()


def test_matlab_results_hold_the_sound(clip, weights, tmp_path):
    assert denoise(clip, tmp_path / "out.mat", weights) == 0
    found, given = open_recording(tmp_path / "out.mat"), open_recording(clip)
    assert np.array_equal(found.audio, given.audio)
