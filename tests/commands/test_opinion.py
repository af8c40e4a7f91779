"""What was removed although it repeats: given back, and written by itself."""

import json

import numpy as np
import pytest

from cleartract.cli import main
from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.model.weights import load_model
from cleartract.recordings.opening import open_recording
from cleartract.recordings.writing import write_recording

OPTIONS = ["--window-duration", "4", "--step-duration", "2"]


@pytest.fixture
def clip(tmp_path, spoken):
    """Long enough to learn what repeats."""
    path = tmp_path / "spoken.avi"
    write_recording(path, spoken, {})
    return path


def denoised(clip, weights, out, *options):
    command = ["denoise", clip, "--weights", weights, "-o", out, *OPTIONS, *options]
    code = main([str(part) for part in command])
    return code, (open_recording(out).frames if code == 0 else None)


def test_what_is_given_back_is_what_the_map_shows(clip, weights):
    opinion = clip.with_name("opinion.npz")
    nothing = ["--fidelity", "0", "--opinion-map", opinion]
    code, plain = denoised(clip, weights, clip.with_name("a.npz"), *nothing)
    assert code == 0
    _, half = denoised(clip, weights, clip.with_name("b.npz"), "--fidelity", "0.5")
    part = open_recording(opinion).frames
    assert np.abs(part).max() > 0
    given_back = (plain + 0.5 * part).clip(0, 255)  # magnitudes stay in range
    np.testing.assert_allclose(half, given_back, atol=1e-3)
    assert clip.with_name("opinion.png").stat().st_size > 0
    residual = json.loads(clip.with_name("a.npz.json").read_text())["residual"]
    parts = np.hypot(residual["repeating"], residual["noise"])
    assert parts == pytest.approx(residual["removed"], rel=0.02)


def test_python_gives_back_the_same(clip, weights):
    _, written = denoised(clip, weights, clip.with_name("a.npz"))
    settings = DenoiseSettings(window_duration=4, step_duration=2)  # all of it, by default
    model, _ = load_model(weights)
    found = denoise_recording(open_recording(clip), model, settings)
    np.testing.assert_allclose(found.recording.frames, written, atol=1e-2)
    assert found.split.described() | {"given_back": 1.0} == found.used["residual"]


def test_a_video_of_the_opinion_is_brighter_where_more_is_given_back(clip, weights):
    shown, part = clip.with_name("opinion.avi"), clip.with_name("part.npz")
    for out, opinion in (("a.npz", shown), ("b.npz", part)):
        assert denoised(clip, weights, clip.with_name(out), "--opinion-map", opinion)[0] == 0
    levels, values = (open_recording(path).frames for path in (shown, part))
    inside = (levels > 0) & (levels < 255)
    slope = (levels[inside] - 127.5) / values[inside]
    steep = np.abs(values[inside]) > 0.2 * np.abs(values).max()
    told = 127.5 + np.median(slope[steep]) * values[inside]
    np.testing.assert_allclose(levels[inside], told, atol=1.0)


def test_a_recording_too_short_has_no_opinion(clip, weights, capsys):
    options = ["--preview", "10", "--opinion-map", clip.with_name("opinion.npz")]
    code, _ = denoised(clip, weights, clip.with_name("a.npz"), *options)
    assert code == 6
    assert "too short" in capsys.readouterr().err
    assert not clip.with_name("a.npz").exists()
    assert not clip.with_name("opinion.npz").exists()


@pytest.mark.parametrize("frames", [24, 60])
def test_a_recording_that_is_too_short_for_it_is_told_in_one_line(
    tmp_path, weights, spoken, capsys, frames
):
    path = tmp_path / "short.npz"
    np.savez(path, frames=spoken.frames[:frames].astype(np.uint8), rate=[65040, 781])
    arguments = ["denoise", str(path), "--weights", str(weights), "--device", "cpu"]
    assert main([*arguments, "--opinion-map", str(tmp_path / "opinion.npz")]) == 6
    said = capsys.readouterr().err.splitlines()
    assert any("opinion.npz: the recording is too short, or nothing moves" in text for text in said)
    assert not any(text.startswith("Traceback") for text in said)
    assert not (tmp_path / "short_cleartract.npz").exists()
