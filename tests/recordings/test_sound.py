from dataclasses import replace

import numpy as np
import pytest
import soundfile

from cleartract.errors import RecordingError
from cleartract.recordings.opening import open_recording
from cleartract.recordings.sound import FileSound, open_sound, whole
from cleartract.recordings.sound_stream import StreamSound
from cleartract.recordings.writing import write_recording


def test_companion_sound_and_named_sound(tmp_path, recording, sound):
    path = tmp_path / "clip.avi"
    write_recording(path, replace(recording, audio=None, sample_rate=None), {})
    assert open_recording(path).audio is None
    soundfile.write(tmp_path / "clip.wav", sound[0], sound[1])
    assert open_recording(path).sample_rate == sound[1]
    stereo = np.stack([sound[0], -sound[0]], 1)
    soundfile.write(tmp_path / "other.flac", stereo, 16_000)
    named = open_recording(path, tmp_path / "other.flac")
    assert named.sample_rate == 16_000
    assert np.abs(named.audio).max() < 1e-3


def test_a_file_is_read_in_blocks(tmp_path):
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 150_000).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="FLOAT")
    sound = FileSound.open(tmp_path / "a.wav")
    assert max(len(block) for block in sound.blocks()) < len(samples) / 2
    np.testing.assert_array_equal(whole(sound), samples)


@pytest.mark.parametrize("content", [b"", b"no sound", b"RIFF" + bytes(60)])
def test_damaged_sound_files_give_one_line(tmp_path, content):
    for name in ("a.wav", "a.mp4"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(RecordingError) as caught:
            open_sound(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_video_without_sound_has_none(tmp_path, recording):
    path = tmp_path / "a.mp4"
    write_recording(path, replace(recording, audio=None, sample_rate=None), {})
    assert StreamSound.open(path) is None
    with pytest.raises(RecordingError, match="holds no sound"):
        open_sound(path)


def test_samples_that_are_not_finite_are_refused(tmp_path):
    samples = np.zeros(3000, np.float32)
    samples[2000] = np.nan
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="FLOAT")
    with pytest.raises(RecordingError, match="not finite"):
        whole(open_sound(tmp_path / "a.wav"))
