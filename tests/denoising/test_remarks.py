"""What is said before the work is said in Python too, for arrays as for files."""

import warnings
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import soundfile

from cleartract.denoising.denoise import Restored
from cleartract.denoising.interface import denoise, generate
from cleartract.denoising.remarks import in_python
from cleartract.errors import ClearTractWarning
from cleartract.recordings.recording import Recording
from cleartract.recordings.writing import write_recording

WINDOWS = {"window_duration": 12, "step_duration": 12}  # few: this is about what is said before
RATE = Fraction(80)


def said(work, *arguments, **options):
    """What is warned of before the first window or frame is done."""
    before = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        options["progress"] = lambda *_: before.append(len(caught))
        work(*arguments, **options)
    later = [one for one in caught[before[0] :] if issubclass(one.category, ClearTractWarning)]
    assert not later  # nothing after the work began
    caught = [one for one in caught if issubclass(one.category, ClearTractWarning)]
    assert not any("src/cleartract" in one.filename for one in caught)  # a line one can change
    return "\n".join(str(one.message) for one in caught)


def shaken(side=52, frames=24, rate=RATE, sound=True):
    """A noisy disc that breathes on a grey field, with noise as its sound."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] - side / 2
    radius = (side / 4 + 2 * np.sin(np.arange(frames) / 3))[:, None, None]
    shown = (
        60 + 80 / (1 + np.exp(np.hypot(y, x) - radius)) + 4 * rng.normal(size=(frames, side, side))
    )
    shown = shown.round().clip(0, 255).astype(np.float32)
    audio = rng.normal(size=round(frames / rate * 16_000)).astype(np.float32) * 0.1
    return Recording(shown, rate, *((audio, 16_000) if sound else (None, None)), peak=255.0)


CASES = {
    "no sound": (shaken(sound=False), {}, "no sound found"),
    "not used": (shaken(), {"use_audio": False}, "not used (use_audio=False)"),
    "longer": (replace(shaken(), audio=shaken(frames=48).audio), {}, "longer than the frames"),
    "size": (shaken(side=24), {}, "24x24 pixels are unfamiliar"),
    "rate": (shaken(rate=Fraction(400)), {}, "400 frames a second are unfamiliar"),
    "window": (shaken(), {"window_duration": 30}, "window of 30 frames is longer"),
    "short": (
        shaken(frames=10),
        {"window_duration": 16},
        "16 frames is longer than the recording of 10",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_the_command_line_says_of_a_recording_is_said_in_python(tiny_model, case):
    recording, options, words = CASES[case]
    heard = {"audio": recording.audio, "sample_rate": recording.sample_rate, "rate": recording.rate}
    frames = recording.frames.astype(np.uint8)
    assert words in said(denoise, frames, model=tiny_model, **heard, **(WINDOWS | options))


def test_it_is_said_of_files_with_their_names(tmp_path, tiny_model):
    path = tmp_path / "file.npz"
    write_recording(path, shaken(sound=False), {})
    told = said(denoise, path, model=tiny_model, **(WINDOWS | {"window_duration": 30}))
    for words in ("no sound found", "a window of 30 frames is longer"):
        assert f"{path}: {words}" in told


def test_a_usual_recording_is_denoised_without_a_warning(tiny_model):
    usual = shaken()
    assert said(denoise, usual, model=tiny_model, **WINDOWS) == ""


def test_late_sound_is_told_in_seconds():
    text = "the sound seems to be 440 ms late: check it, or give --audio-offset 440"
    assert in_python(text).endswith("give audio_offset=0.44")
    assert "--" not in in_python("kept; try --lost auto, --no-audio, --lost restores them")


def test_padding_is_said_when_a_result_is_saved(tmp_path):
    odd = replace(shaken(), frames=shaken().frames[:, :51, :49])
    with pytest.warns(ClearTractWarning, match="padded from 49x51 to 50x52"):
        Restored(odd, None, {}).save(tmp_path / "a.mp4")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Restored(odd, None, {}).save(tmp_path / "a.npz")


def test_what_is_said_before_frames_are_made(tmp_path, hearing_model):
    sound = shaken().audio
    options = WINDOWS | {"model": hearing_model}
    plain = {"sample_rate": 16_000, "rate": "80", "size": 48}
    assert said(generate, sound, **plain, **options) == ""
    unused = said(generate, sound, **plain, use_audio=False, **options)
    assert "not used (use_audio=False)" in unused
    for more, words in (
        ({"size": 24}, "24x24 pixels are unfamiliar"),
        ({"rate": "200"}, "200 frames a second are unfamiliar"),
        ({"window_duration": 30}, "longer than the recording of 24"),
    ):
        assert words in said(generate, sound, **(plain | options | more))
    path = tmp_path / "voice.wav"
    soundfile.write(path, sound, 16_000)
    silent = said(generate, path, reference=shaken(sound=False), **options)
    assert "the reference has no sound" in silent
    short = said(generate, path, reference=shaken(), **options)
    assert "the reference is too short (0.30 s, less than 1 s)" in short
    longer = shaken(side=20, frames=100)
    longer = replace(longer, audio=np.resize(longer.audio, 60_000))
    assert "reference: the sound is longer" in said(generate, path, reference=longer, **options)


def test_frames_for_a_video_are_as_many_and_as_fast_as_its_own(tmp_path, hearing_model):
    for seconds in (0.2, 0.9):  # of sound: shorter and longer than the frames
        video = replace(shaken(rate=Fraction(65040, 781)), audio=None, sample_rate=None)
        audio = np.resize(shaken().audio, int(seconds * 16_000))
        path = tmp_path / f"{seconds}.mp4"
        write_recording(path, replace(video, audio=audio, sample_rate=16_000), {})
        made = generate(path, size=32, model=hearing_model, **WINDOWS).recording
        assert len(made) == len(video)
        assert made.rate == video.rate
