"""What was removed, as a video: with the result it is the recording again."""

import json

import numpy as np
import pytest

from cleartract.cli import main
from cleartract.denoising.partial import PartialRun
from cleartract.recordings.opening import open_recording
from cleartract.recordings.writing import write_recording

OPTIONS = ["--window-duration", "4", "--step-duration", "2"]


@pytest.fixture
def clip(tmp_path, spoken):
    """Lossless, of 150 frames."""
    path = tmp_path / "spoken.avi"
    write_recording(path, spoken, {})
    return path


def denoise(clip, weights, out, *options) -> int:
    command = ["denoise", clip, "--weights", weights, "-o", out, *OPTIONS, *options]
    return main([str(part) for part in command])


def removed(path, sidecar):
    """As the sidecar says how to read it."""
    told = json.loads(sidecar.read_text())["residual_video"]
    frames = open_recording(path).frames
    return (frames - told["nothing"]) / told["levels_per_unit"], 1 / told["levels_per_unit"], frames


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("residual.avi", []),
        ("residual.npz", ["--fidelity", "0", "--preview", "70"]),
        ("residual.avi", ["--lost", "20-24", "--preview", "30"]),
    ],
)
def test_result_and_residual_are_the_recording(clip, weights, name, options):
    noisy, residual, out = open_recording(clip), clip.with_name(name), clip.with_name("out.npz")
    assert denoise(clip, weights, out, "--residual", residual, *options) == 0
    denoised = open_recording(out)
    part, level, stored = removed(residual, clip.with_name("out.npz.json"))
    assert part.shape == denoised.frames.shape
    assert open_recording(residual).rate == noisy.rate
    inside = (stored > 0) & (stored < 255) if name.endswith(".avi") else np.full(part.shape, True)
    assert inside.mean() > 0.9
    apart = np.abs(denoised.frames + part - noisy.frames[: len(part)])[inside]
    assert apart.max() <= (0.51 * level if name.endswith(".avi") else 1e-4)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_an_encoded_one_shows_the_same(clip, weights, suffix):
    residual, out = clip.with_name(f"residual{suffix}"), clip.with_name("out.npz")
    assert denoise(clip, weights, out, "--residual", residual, "--preview", "30") == 0
    part, level, _ = removed(residual, clip.with_name("out.npz.json"))
    exact = open_recording(clip).frames[:30] - open_recording(out).frames
    assert np.abs(part.mean(0) - exact.mean(0)).mean() < level
    assert np.corrcoef(part.ravel(), exact.ravel())[0, 1] > 0.9


def test_it_obeys_the_rules_of_all_results(clip, weights, capsys, spoken):
    write_recording(clip, spoken.excerpt(0, 24), {})
    out, residual = clip.with_name("out.npz"), clip.with_name("residual.avi")
    assert denoise(clip, weights, out, "--residual", residual, "--dry-run") == 0
    assert f"would write residual: {residual}" in capsys.readouterr().out
    assert not residual.exists()
    residual.write_text("mine")
    for options in ([], ["--dry-run"]):
        assert denoise(clip, weights, out, "--residual", residual, *options) == 6
        assert "exists; give --overwrite" in capsys.readouterr().err
    assert residual.read_text() == "mine"
    for wrong, code in ((clip, 6), (out, 6), ("a/%05d.png", 2), ("a.xyz", 6)):
        assert denoise(clip, weights, out, "--residual", wrong, "--overwrite") == code
    assert not out.exists()
    assert denoise(clip, weights, out, "--residual", residual, "--overwrite") == 0
    sidecar = json.loads(clip.with_name("out.npz.json").read_text())
    assert sidecar["outputs"]["residual"] == str(residual)
    assert sidecar["sha256"].keys() == {"result", "residual"}
    folder = [str(clip.parent), "--out", str(clip.parent / "o"), "--residual", str(residual)]
    assert main(["denoise", *folder]) == 2


def test_resumed_it_is_the_same(clip, weights, spoken, monkeypatch):
    write_recording(clip, spoken.excerpt(0, 60), {})
    whole, part = clip.with_name("whole.avi"), clip.with_name("part.avi")
    assert denoise(clip, weights, clip.with_name("a.npz"), "--residual", whole) == 0
    add = PartialRun.add

    def interrupted(self, frames, spread):
        add(self, frames, spread)
        if self.finished > 20:
            raise KeyboardInterrupt

    monkeypatch.setattr(PartialRun, "add", interrupted)
    assert denoise(clip, weights, clip.with_name("b.npz"), "--residual", part) == 130
    assert not part.exists()
    monkeypatch.setattr(PartialRun, "add", add)
    assert denoise(clip, weights, clip.with_name("b.npz"), "--residual", part, "--resume") == 0
    assert part.read_bytes() == whole.read_bytes()
    assert not list(clip.parent.glob(".*partial*"))
