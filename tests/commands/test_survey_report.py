"""What is said about a recording and its result."""

from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from cleartract.cli import main
from cleartract.commands.input_checks import check_sound
from cleartract.denoising.remarks import result_warnings, sound_warnings
from cleartract.errors import RecordingError
from cleartract.recordings.opening import open_source
from cleartract.recordings.sound import ArraySound, length
from cleartract.recordings.writing import write_recording

WINDOWS = ["--window-duration", "4", "--step-duration", "2"]


@pytest.mark.parametrize(
    ("lasts", "said"),
    [(20.0, None), (20.15, None), (19.85, None), (21.0, "longer"), (19.0, "shorter")],
)
def test_sound_of_another_length_is_said_with_both(lasts, said):
    sound = ArraySound(np.zeros(int(lasts * 8000), np.float32), 8000)
    warnings = sound_warnings(Fraction(20), sound, len(sound.samples))
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


def shifted(path, first, seconds):
    """The same packets, those of the sound so much later."""
    with av.open(str(first)) as source, av.open(str(path), "w") as target:
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                if packet.stream.type == "audio":
                    shift = int(seconds / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream = streams[packet.stream.index]
                target.mux(packet)


@pytest.mark.parametrize(
    ("late", "lasts", "said"),
    [
        (0.2, 1.0, "starts 0.20 s after the first frame"),
        (0.2, 1.2, "starts 0.20 s after the first frame and ends 0.20 s after the last one"),
        (0.2, 0.7, "starts 0.20 s after the first frame and ends 0.30 s before the last one"),
        (-0.2, 1.0, "starts 0.20 s before the first frame"),
        (0.02, 1.0, None),
    ],
)
def test_sound_that_starts_late_is_said_to_start_late(tmp_path, recording, late, lasts, said):
    """Told by where it starts and ends, `lasts` after the first frame; not by how long it is."""
    first, path = tmp_path / "first.mov", tmp_path / "late.mov"
    frames = np.tile(recording.frames, (4, 1, 1))[:80]
    samples = np.zeros(round((lasts - late) * 16_000), np.float32)
    write_recording(
        first,
        replace(recording, rate=Fraction(80), frames=frames, audio=samples, sample_rate=16_000),
        {},
    )
    shifted(path, first, late)
    source = open_source(path)
    check_sound(source, length(source.sound))
    warnings = sound_warnings(Fraction(1), source.sound, length(source.sound))
    assert warnings == ([] if said is None else [f"the sound {said}"])


def test_sound_that_starts_very_late_is_no_other_recordings(tmp_path, recording):
    """A second of sound that starts 0.8 s after a second of frames is as long as they are."""
    first, path = tmp_path / "first.mov", tmp_path / "late.mov"
    frames = np.tile(recording.frames, (4, 1, 1))[:80]
    for lasts, refused in ((1.0, False), (3.0, True)):
        samples = np.zeros(round(lasts * 16_000), np.float32)
        write_recording(
            first,
            replace(recording, rate=Fraction(80), frames=frames, audio=samples, sample_rate=16_000),
            {},
        )
        shifted(path, first, 0.8)
        source = open_source(path)
        with pytest.raises(RecordingError, match=r"3\.00 s of sound") if refused else nullcontext():
            check_sound(source, length(source.sound))
