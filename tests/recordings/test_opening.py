from fractions import Fraction
from pathlib import Path

import pytest

from cleartract.errors import RecordingError
from cleartract.recordings.opening import open_recording, open_source
from cleartract.recordings.source import CHUNK
from cleartract.recordings.writing import write_recording


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mov", "a.mkv", "a.npz", "a.npy"])
def test_damaged_and_foreign_files_give_one_line(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(RecordingError, match="no such file"):
        open_recording(path)
    for content in (b"", b"ffconcat version 1.0\nfile other.mp4\n", bytes(range(256)) * 40):
        path.write_bytes(content)
        with pytest.raises(RecordingError) as caught:
            open_recording(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "frames", "rate"),
    [
        ("usc75/sub001_2drt_01_vcv1_r1_video.mp4", 3216, Fraction(65040, 781)),
        ("usc-timit/lac12112011_13_29_46.avi", 645, Fraction(1159, 50)),
    ],
)
def test_real_recordings(real_data, name, frames, rate):
    source = open_source(real_data / name)
    assert (source.count, source.rate) == (frames, rate)
    assert next(iter(source.chunks())).shape == (CHUNK, *source.size)
    samples = sum(len(block) for block in source.sound.blocks())
    assert abs(samples / source.sound.rate - frames / rate) < 0.2


@pytest.mark.parametrize("name", ["http:/a.mp4", "file:other.mp4", "2024-01-01T12:30:00.mp4"])
def test_a_relative_path_is_no_address(tmp_path, monkeypatch, recording, name):
    monkeypatch.chdir(tmp_path)
    write_recording(Path("other.mp4"), recording.excerpt(0, 3), {})
    write_recording(Path(name), recording.excerpt(0, 6), {})
    assert (tmp_path / name).is_file()
    again = open_recording(name)
    assert len(again) == 6
    assert again.provenance["path"] == name
    write_recording(Path("gif:a.gif"), recording.excerpt(0, 6), {})
