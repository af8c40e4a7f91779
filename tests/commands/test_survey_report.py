"""What is said about a recording and its result."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cleartract.cli import main
from cleartract.commands.survey_report import result_warnings, sound_warnings
from cleartract.recordings.sound import ArraySound
from cleartract.recordings.writing import write_recording

WINDOWS = ["--window-duration", "4", "--step-duration", "2"]


class Surveyed:
    """As much of a survey as is looked at."""

    frames, rate = 1000, 50


@pytest.mark.parametrize(
    ("lasts", "said"),
    [(20.0, None), (20.15, None), (19.85, None), (21.0, "longer"), (19.0, "shorter")],
)
def test_sound_of_another_length_is_said_with_both(lasts, said):
    sound = ArraySound(np.zeros(int(lasts * 8000), np.float32), 8000)
    warnings = sound_warnings(Surveyed(), sound, len(sound.samples))
    assert len(warnings) == (said is not None)
    for warning in warnings:
        assert f"{said} than the frames: {lasts:.2f} s of sound, 20.00 s of frames" in warning


def test_padding_is_said():
    assert result_warnings((52, 60), Path("a.mp4")) == []
    assert result_warnings((51, 59), Path("a.avi")) == []
    assert result_warnings((51, 59), Path("a.tif")) == []
    (warning,) = result_warnings((51, 59), Path("a.mov"))
    assert "from 59x51 to 60x52" in warning


def test_a_run_says_both(tmp_path, recording, weights, capsys):
    clip, out = tmp_path / "clip.avi", tmp_path / "out.mp4"
    sound = np.resize(recording.audio, round(0.42 * recording.sample_rate))
    odd = replace(recording, frames=recording.frames[:, :51, :59], audio=sound)
    write_recording(clip, odd, {})
    command = ["denoise", clip, "--weights", weights, "-o", out, *WINDOWS]
    assert main([str(part) for part in command]) == 0
    said = capsys.readouterr().err
    assert "longer than the frames: 0.42 s of sound, 0.29 s of frames" in said
    assert "padded from 59x51 to 60x52" in said
