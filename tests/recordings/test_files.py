"""Reading and writing with the real codecs."""

import json
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile

from cleartract.errors import OutputError, RecordingError
from cleartract.recordings.intensity import Intensity
from cleartract.recordings.video_io import open_recording, probe
from cleartract.recordings.video_out import (
    display_levels,
    side_by_side,
    write_master,
    write_recording,
)
from cleartract.recordings.waveform import prepared_audio

RATES = [Fraction(65040, 781), Fraction(1159, 50), Fraction(125000, 1501), Fraction(50)]


def write_raw(path, frames, codec, pixel_format, rate=Fraction(1159, 50)):
    """Write with PyAV directly, as other programs would."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pixel_format
        for frame in frames:
            if pixel_format == "pal8":
                levels = np.arange(256, dtype=np.uint8)
                palette = np.stack([np.full(256, 255, np.uint8), levels, levels, levels], 1)
                picture = av.VideoFrame.from_ndarray((frame, palette), format="pal8")
                container.mux(stream.encode(picture))
                continue
            if frame.ndim == 3:
                picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            else:
                picture = av.VideoFrame.from_ndarray(frame, format="gray")
            container.mux(stream.encode(picture.reformat(format=pixel_format)))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".avi", ".npz"])
def test_round_trip_keeps_rate_frames_levels_and_sound(tmp_path, recording, suffix, rate):
    path = tmp_path / f"clip{suffix}"
    written = replace(recording, rate=rate)
    write_recording(path, written, {})
    back = open_recording(path)
    assert back.rate == rate
    assert back.frames.shape == written.frames.shape
    tolerance = 0 if suffix in (".npz", ".avi") else 6
    assert np.abs(back.frames - written.frames).max() <= tolerance
    assert abs(float((back.frames - written.frames).mean())) < 0.3
    assert back.audio is not None
    assert abs(len(back.audio) / back.sample_rate - len(written.audio) / written.sample_rate) < 0.1
    same = min(len(back.audio), len(written.audio))
    alike = np.corrcoef(back.audio[:same], written.audio[:same])[0, 1]
    assert alike > 0.95
    assert not list(tmp_path.glob(".*"))


def test_master_is_lossless_and_deep(tmp_path, recording):
    fine = replace(recording, frames=recording.frames * 0.9871)
    write_master(tmp_path / "m.avi", fine)
    back = open_recording(tmp_path / "m.avi")
    assert back.rate == recording.rate
    assert back.peak == 65535
    assert np.abs(back.frames / 257 - fine.frames).max() <= 0.5 / 257 + 1e-4


def test_sound_is_copied_without_encoding_again(tmp_path, recording):
    first, second = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_recording(first, recording, {})
    write_recording(second, recording, {}, sound_from=first)

    def packets(path):
        with av.open(str(path)) as container:
            return [bytes(p) for p in container.demux(container.streams.audio[0]) if p.size]

    assert packets(first) == packets(second)


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format", "tolerance"),
    [
        ("a.avi", "rawvideo", "bgr24", 0),
        ("a.avi", "rawvideo", "gray", 0),
        ("a.avi", "rawvideo", "pal8", 0),
        ("a.avi", "mpeg4", "yuv420p", 2),
        ("a.mkv", "ffv1", "gray", 0),
        ("a.mp4", "mpeg4", "yuv420p", 2),
        ("a.mov", "png", "gray", 0),
    ],
)
def test_kinds_of_grey_video(tmp_path, moving_frames, name, codec, pixel_format, tolerance):
    path = tmp_path / name
    write_raw(path, moving_frames.astype(np.uint8), codec, pixel_format)
    back = open_recording(path)
    assert np.abs(back.frames - moving_frames).mean() <= tolerance
    assert probe(path).frames == len(moving_frames)
    if name != "a.mkv":
        assert back.rate == Fraction(1159, 50)


def test_colour_is_refused(tmp_path, moving_frames):
    frames = np.repeat(moving_frames[..., None], 3, -1).astype(np.uint8)
    frames[:, 10:30, 10:30, 0] = 250
    for name, codec, pixel_format in (
        ("c.avi", "rawvideo", "bgr24"),
        ("c.mp4", "mpeg4", "yuv420p"),
    ):
        write_raw(tmp_path / name, frames, codec, pixel_format)
        with pytest.raises(RecordingError, match="is in colour"):
            open_recording(tmp_path / name)


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


def test_unknown_suffix_and_huge_frames(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(RecordingError, match="unknown kind of file"):
        open_recording(tmp_path / "a.txt")
    write_raw(tmp_path / "big.mp4", np.zeros((2, 1200, 64), np.uint8), "mpeg4", "yuv420p")
    with pytest.raises(RecordingError, match="pixels"):
        open_recording(tmp_path / "big.mp4")


def test_truncated_video_is_not_read_as_whole(tmp_path, recording):
    path = tmp_path / "a.mp4"
    write_recording(path, recording, {})
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(RecordingError):
        open_recording(path)


def test_variable_rate_is_refused(tmp_path, moving_frames):
    path = tmp_path / "v.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=50)
        stream.height, stream.width, stream.pix_fmt = 52, 60, "yuv420p"
        for index, frame in enumerate(moving_frames.astype(np.uint8)):
            picture = av.VideoFrame.from_ndarray(frame, format="gray").reformat(format="yuv420p")
            picture.pts = index * (1 if index < 12 else 2)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    with pytest.raises(RecordingError, match="variable frame rate"):
        open_recording(path)


def test_array_files(tmp_path, moving_frames):
    np.savez(tmp_path / "a.npz", frames=moving_frames.astype(np.uint16), fps=23.18)
    back = open_recording(tmp_path / "a.npz")
    assert back.rate == Fraction(1159, 50)
    assert back.peak == 65535
    np.savez(tmp_path / "b.npz", frames=moving_frames)
    with pytest.raises(RecordingError, match="no rate"):
        open_recording(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", frames=moving_frames + np.nan, rate=[50, 1])
    with pytest.raises(RecordingError, match="not finite"):
        open_recording(tmp_path / "c.npz")
    np.save(tmp_path / "d.npy", moving_frames)
    assert open_recording(tmp_path / "d.npy").provenance["warnings"]
    np.save(tmp_path / "e.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(RecordingError, match="not a readable"):
        open_recording(tmp_path / "e.npy")


def test_provenance_travels_in_npz(tmp_path, recording):
    write_recording(tmp_path / "a.npz", recording, {"seed": 3})
    with np.load(tmp_path / "a.npz") as file:
        assert json.loads(str(file["provenance"])) == {"seed": 3}
        assert file["frames"].dtype == np.float32


def test_unwritable_output_is_one_line(tmp_path, recording):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_recording(tmp_path / "file" / "a.mp4", recording, {})
    with pytest.raises(OutputError, match="unknown output"):
        write_recording(tmp_path / "a.wmv", recording, {})


def test_intensity_is_undone_exactly(recording):
    scale = Intensity.of(recording.frames)
    assert np.abs(scale.undo(scale.apply(recording.frames)) - recording.frames).max() < 1e-3
    assert np.percentile(scale.apply(recording.frames), 99.5) == pytest.approx(1, abs=1e-3)


def test_quiet_and_loud_sound_are_heard_alike(sound):
    quiet, loud = (prepared_audio(sound[0] * gain, sound[1], 16_000) for gain in (0.01, 1.0))
    np.testing.assert_allclose(quiet, loud, atol=1e-3)
    assert np.isfinite(prepared_audio(np.zeros(1000, np.float32), 20_000, 16_000)).all()


def test_display_levels_of_eight_bit_are_kept(recording):
    assert np.array_equal(display_levels(recording), recording.frames.astype(np.uint8))
    deep = replace(recording, frames=recording.frames * 40, peak=65535.0)
    assert np.percentile(display_levels(deep), 99.9) == pytest.approx(235, abs=1)


def test_side_by_side_keeps_panels_apart(recording):
    levels = display_levels(recording)
    both = side_by_side([levels, levels], zoom=2, gap=4)
    assert both.shape == (24, 104, 244)
    assert np.array_equal(both[:, :, :120], both[:, :, 124:])


def test_sixteen_bit_grey_of_other_programs(tmp_path, moving_frames):
    path = tmp_path / "deep.mov"
    deep = (moving_frames * 200).astype(np.uint16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=50)
        stream.height, stream.width, stream.pix_fmt = 52, 60, "gray16be"
        for frame in deep:
            picture = av.VideoFrame.from_ndarray(frame, format="gray16le")
            container.mux(stream.encode(picture.reformat(format="gray16be")))
        container.mux(stream.encode(None))
    back = open_recording(path)
    assert back.peak == 65535
    assert np.array_equal(back.frames, deep.astype(np.float32))


def test_sound_of_a_late_start_stays_with_its_frames(tmp_path, recording):
    """Both streams start at 2 s: read, and copied into a new file, the click stays in place."""
    late, copied = tmp_path / "late.mkv", tmp_path / "copied.mp4"
    first = tmp_path / "first.mp4"
    click = np.zeros(11_025, np.float32)
    click[5_000:5_040] = 0.9
    write_recording(first, replace(recording, audio=click, sample_rate=22_050), {})
    with av.open(str(first)) as source, av.open(str(late), "w") as target:
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                shift = int(2 / packet.time_base)
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    back = open_recording(late)
    assert np.abs(back.audio).argmax() / back.sample_rate == pytest.approx(5_000 / 22_050, abs=0.01)
    write_recording(copied, back, {}, sound_from=late)
    again = open_recording(copied)
    assert np.abs(again.audio).argmax() / again.sample_rate == pytest.approx(
        5_000 / 22_050, abs=0.01
    )


def test_whole_number_sound_is_scaled(tmp_path, moving_frames):
    sound = np.array([0, 16384, -32768], np.int16)
    np.savez(tmp_path / "a.npz", frames=moving_frames, rate=[50, 1], audio=sound, sample_rate=8000)
    assert open_recording(tmp_path / "a.npz").audio.tolist() == [0.0, 0.5, -1.0]


@pytest.mark.parametrize(
    "content",
    [
        {"fps": np.inf},
        {"rate": [0, 1]},
        {"rate": [50, 0]},
        {"rate": [50, 1], "audio": np.zeros(9), "sample_rate": [1, 2]},
        {"rate": [50, 1], "audio": np.zeros(9), "sample_rate": 0},
    ],
)
def test_unusable_numbers_in_arrays_give_one_line(tmp_path, moving_frames, content):
    np.savez(tmp_path / "a.npz", frames=moving_frames, **content)
    with pytest.raises(RecordingError) as caught:
        open_recording(tmp_path / "a.npz")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "frames", "rate"),
    [
        ("usc75/sub001_2drt_01_vcv1_r1_video.mp4", 3216, Fraction(65040, 781)),
        ("usc-timit/lac12112011_13_29_46.avi", 645, Fraction(1159, 50)),
    ],
)
def test_real_recordings(real_data, name, frames, rate):
    found = open_recording(real_data / name)
    assert (len(found), found.rate) == (frames, rate)
    assert found.audio is not None
    assert abs(len(found.audio) / found.sample_rate - found.duration) < 0.2


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mov"])
def test_sound_and_frames_are_interleaved(tmp_path, recording, suffix):
    long = replace(
        recording, frames=np.tile(recording.frames, (20, 1, 1)), audio=np.tile(recording.audio, 20)
    )
    path = tmp_path / f"long{suffix}"
    write_recording(path, long, {})
    last = {"video": 0.0, "audio": 0.0}
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.dts is not None:
                last[packet.stream.type] = float(packet.dts * packet.time_base)
                assert abs(last["video"] - last["audio"]) < 1.5  # H.264 looks ahead
    assert min(last.values()) > 5
