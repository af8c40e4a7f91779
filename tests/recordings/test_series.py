"""Results as a folder with one file a frame, and the sound beside results that hold none."""

import json
import os
import shutil
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

from cleartract.errors import OutputError, RecordingError
from cleartract.recordings.companion import companion_target, write_companion
from cleartract.recordings.opening import open_recording, open_source
from cleartract.recordings.recording import Recording
from cleartract.recordings.sound import ArraySound, FileSound, whole
from cleartract.recordings.sound_stream import StreamSound
from cleartract.recordings.writing import write_recording

EXACT = Fraction(125000, 1501)


@pytest.fixture
def fine(recording):
    """Frames as a result has them: between whole grey levels."""
    rng = np.random.default_rng(0)
    frames = recording.frames + rng.uniform(0, 1, recording.frames.shape).astype(np.float32)
    return replace(recording, frames=frames, rate=EXACT)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy"])
def test_a_series_is_read_as_it_was_written(tmp_path, fine, suffix):
    write_recording(tmp_path / "a" / f"f_%03d{suffix}", fine, {})
    back = open_recording(tmp_path / "a")
    most = 0.5 * 255 / 65535 * 1.001 if suffix == ".png" else 0.0
    assert np.abs(back.frames - fine.frames).max() <= most
    assert (back.rate, back.peak, back.sample_rate) == (EXACT, 255.0, fine.sample_rate)
    assert np.array_equal(back.audio, fine.audio)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "a.wav"]
    assert (tmp_path / "a" / f"f_000{suffix}").is_file()


@pytest.mark.parametrize("peak", [255.0, 65535.0])
def test_whole_grey_levels_stay_exactly_in_png(tmp_path, recording, peak):
    frames = np.round(recording.frames * (peak // 255))
    whole_levels = replace(recording, frames=frames, peak=peak)
    write_recording(tmp_path / "a" / "%d.png", whole_levels, {})
    back = open_recording(tmp_path / "a")
    assert np.array_equal(back.frames, frames)
    assert back.peak == peak
    write_recording(tmp_path / "b" / "%d.png", back, {})
    one, two = tmp_path / "a" / "7.png", tmp_path / "b" / "7.png"
    assert one.read_bytes() == two.read_bytes()
    with Image.open(one) as image:
        assert image.mode == "I;16"


def test_other_units_come_back_within_half_a_level(tmp_path, recording):
    frames = (recording.frames - 90) * 0.01
    write_recording(tmp_path / "a" / "%05d.png", replace(recording, frames=frames, peak=None), {})
    back = open_recording(tmp_path / "a")
    assert back.peak is None
    assert np.abs(back.frames - frames).max() < 0.51 * 1.2 * np.ptp(frames) / 65535


def test_other_programs_read_the_files_too(tmp_path, fine):
    """Without the notes it is a folder of pictures like any other."""
    write_recording(tmp_path / "a" / "%05d.png", fine, {})
    os.remove(tmp_path / "a" / "series.json")
    with pytest.raises(RecordingError, match="--rate"):
        open_source(tmp_path / "a")
    back = open_recording(tmp_path / "a", rate=EXACT)
    assert np.abs(back.frames / 257 - fine.frames).max() < 0.01


@pytest.mark.parametrize(
    "change",
    [{"rate": "80"}, {"rate": [1, 0]}, {"rate": [10**400, -1]}, {"scale": 0}, {"scale": None},
     {"scale": float("nan")}, {"offset": []}, {"peak": "x"}, {"peak": -1}],
)  # fmt: skip
def test_damaged_notes_are_refused_in_one_line(tmp_path, recording, change):
    write_recording(tmp_path / "a" / "%d.npy", recording, {})
    notes = tmp_path / "a" / "series.json"
    notes.write_text(json.dumps(json.loads(notes.read_text()) | change))
    with pytest.raises(RecordingError, match=r"series\.json: is damaged"):
        open_source(tmp_path / "a")
    notes.write_text("[" * 100_000)
    with pytest.raises(RecordingError, match=r"series\.json: is damaged"):
        open_source(tmp_path / "a")


def test_files_that_are_not_as_the_notes_say_are_refused(tmp_path, recording):
    write_recording(tmp_path / "a" / "%d.png", recording, {})
    Image.fromarray(np.zeros(recording.frames.shape[1:], np.uint8)).save(tmp_path / "a" / "3.png")
    with pytest.raises(RecordingError, match=r"3\.png.*series\.json"):
        open_recording(tmp_path / "a")


def test_a_series_replaces_only_a_series(tmp_path, recording):
    recording = replace(recording, audio=None, sample_rate=None)
    target = tmp_path / "a" / "%d.png"
    write_recording(target, recording, {})
    write_recording(target, recording.excerpt(0, 4), {})  # not 24 files, 4 of them new
    assert len(open_recording(tmp_path / "a")) == 4
    (tmp_path / "a" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds other files"):
        write_recording(target, recording, {})
    foreign = tmp_path / "b"
    foreign.mkdir()
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(foreign / "1.png")
    with pytest.raises(OutputError, match="holds other files"):
        write_recording(foreign / "%d.png", recording, {})
    assert [p.name for p in foreign.iterdir()] == ["1.png"]
    (tmp_path / "empty").mkdir()
    write_recording(tmp_path / "empty" / "%d.png", recording, {})
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_a_series_appears_whole_or_not_at_all(tmp_path, recording, monkeypatch):
    from cleartract.recordings.series_writer import SeriesWriter

    def broken(self):
        raise OSError(28, "No space left on device")

    target = tmp_path / "a" / "%d.png"
    write_recording(target, recording, {})
    monkeypatch.setattr(SeriesWriter, "close", broken)
    for place in (target, tmp_path / "b" / "%d.png"):
        with pytest.raises(OutputError, match="No space left"):
            write_recording(place, recording.excerpt(0, 4), {})
    assert len(open_recording(tmp_path / "a")) == len(recording)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "a.wav"]


@pytest.mark.parametrize(
    ("name", "said"), [("%d.png", "folder of its own"), ("a.png", "a/%05d"), ("a/%s.png", "/%05d")]
)
def test_names_that_are_no_series_say_what_would_be(recording, name, said, tmp_path, monkeypatch):
    from pathlib import Path

    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match=said):
        write_recording(Path(name), recording, {})


@pytest.mark.parametrize("name", ["a.tif", "a.nii", "a.nii.gz", "a.dcm", "a.gif", "a/%d.npy"])
def test_sound_lies_beside_what_holds_none(tmp_path, recording, name):
    write_recording(tmp_path / name, recording, {})
    assert (tmp_path / "a.wav").is_file()
    back = open_recording(tmp_path / name.split("/")[0])
    assert back.sample_rate == recording.sample_rate
    assert np.array_equal(back.audio, recording.audio)
    first = (tmp_path / "a.wav").read_bytes()
    write_recording(tmp_path / name, recording, {})
    assert (tmp_path / "a.wav").read_bytes() == first


def test_another_sound_is_never_replaced_or_taken_for_that_of_a_result(tmp_path, recording):
    (tmp_path / "a.wav").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"a\.wav: exists"):
        write_recording(tmp_path / "a.tif", recording, {})
    (tmp_path / "a.wav").rename(tmp_path / "a.FLAC")
    with pytest.raises(OutputError, match=r"a\.FLAC: exists"):
        write_recording(tmp_path / "a.tif", recording, {})
    assert (tmp_path / "a.FLAC").read_bytes() == b"mine"
    assert [p.name for p in tmp_path.iterdir()] == ["a.FLAC"]


def test_files_and_streams_of_plain_samples_are_copied(tmp_path, recording):
    rng = np.random.default_rng(0)
    stereo = rng.integers(-9000, 9000, (6000, 2)).astype(np.int16)
    soundfile.write(tmp_path / "s.wav", stereo, 20_000)
    soundfile.write(tmp_path / "f.flac", stereo, 20_000)
    for given in (tmp_path / "s.wav", tmp_path / "f.flac"):
        sound = FileSound.open(given)
        target = companion_target(tmp_path / "r.tif", sound)
        assert target == tmp_path / f"r{given.suffix}"
        write_companion(target, sound)
        assert target.read_bytes() == given.read_bytes()
        target.unlink()
    assert companion_target(tmp_path / "s.tif", FileSound.open(tmp_path / "s.wav")) is None
    silent = replace(recording, audio=None, sample_rate=None)
    assert companion_target(tmp_path / "r.mp4", sound) is None
    with av.open(str(tmp_path / "v.mkv"), "w") as made:
        shown = made.add_stream("ffv1", rate=80)
        shown.height, shown.width = silent.frames.shape[1:]
        shown.pix_fmt = "gray"
        heard = made.add_stream("pcm_s16le", rate=20_000, layout="stereo")
        frame = av.AudioFrame.from_ndarray(stereo.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 20_000, 0, Fraction(1, 20_000)
        for plane in silent.frames.astype(np.uint8):
            made.mux(shown.encode(av.VideoFrame.from_ndarray(plane, "gray")))
        made.mux(shown.encode())
        made.mux(heard.encode(frame))
        made.mux(heard.encode())
    write_companion(tmp_path / "c.wav", StreamSound.open(tmp_path / "v.mkv"))
    copied, rate = soundfile.read(tmp_path / "c.wav", dtype="int16")
    assert rate == 20_000
    assert np.array_equal(copied, stereo)


def test_sound_that_starts_late_is_written_with_the_silence_before_it(tmp_path, recording):
    late = ArraySound(np.concatenate([np.zeros(4000, np.float32), recording.audio]), 22_050)
    write_companion(tmp_path / "a.wav", late)
    assert np.array_equal(whole(FileSound.open(tmp_path / "a.wav")), late.samples)


def test_the_name_of_a_folder_may_hold_dots(tmp_path, recording):
    write_recording(tmp_path / "sub.001.v2" / "%d.png", recording, {})
    assert (tmp_path / "sub.001.v2.wav").is_file()
    assert open_recording(tmp_path / "sub.001.v2").audio is not None
    shutil.rmtree(tmp_path / "sub.001.v2")
    silent = Recording(recording.frames, recording.rate)
    write_recording(tmp_path / "quiet" / "%d.png", silent, {})
    assert not (tmp_path / "quiet.wav").exists()
