"""Files that are damaged, cut off, or ask players for more than grey frames: all of it is said."""

import threading
from fractions import Fraction

import av
import av.logging
import numpy as np
import pytest

from cleartract.errors import RecordingError
from cleartract.recordings.opening import open_recording
from cleartract.recordings.video_reader import VideoSource, probe
from cleartract.recordings.video_writer import write_video

RATE = Fraction(125000, 1501)


@pytest.fixture
def noisy_frames(moving_frames):
    """A hundred frames that compress badly, (frame, height, width) uint8."""
    noise = np.random.default_rng(4).normal(0, 9, (100, *moving_frames.shape[1:]))
    return (np.tile(moving_frames, (5, 1, 1))[:100] + noise).clip(0, 255).astype(np.uint8)


def write(path, frames, codec, pixel_format, rate=RATE, options=None, aspect=None, coder=None):
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=rate, options=coder or {})
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], pixel_format
        if pixel_format == "gray10le":
            stream.codec_context.color_range = 2  # or the file says it is limited
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        for frame in frames:
            kind = "rgb24" if frame.ndim == 3 else "gray"
            picture = av.VideoFrame.from_ndarray(frame, kind).reformat(format=pixel_format)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def damage(path, number, share=0.5, pattern=b"\x55"):
    """Overwrite a piece in the middle of a packet."""
    with av.open(str(path)) as container:
        packet = [p for p in container.demux(video=0) if p.size][number]
        start, length = packet.pos + packet.size // 3, max(1, int(packet.size * share))
    content = bytearray(path.read_bytes())
    length = min(length, packet.size - packet.size // 3 - 16)
    content[start : start + length] = pattern * length
    path.write_bytes(content)


def warnings_of(path):
    source = VideoSource(path)
    frames = np.concatenate(list(source.chunks()))
    return frames, source.provenance["warnings"]


@pytest.mark.parametrize(("name", "deep"), [("m.avi", True), ("m.avi", False), ("m.mkv", False)])
def test_damaged_ffv1_is_said(tmp_path, noisy_frames, name, deep):
    path = tmp_path / name
    frames = noisy_frames.astype(np.uint16) * 257 if deep else noisy_frames
    write_video(path, frames, RATE, None, "ffv1")
    whole, none = warnings_of(path)
    assert none == []
    damage(path, 14, share=0.001)
    spoiled, (warning,) = warnings_of(path)
    assert warning == "frame 14 is damaged; with those up to the next key frame, 10 may be wrong"
    wrong = np.nonzero((whole != spoiled).any((1, 2)))[0]
    assert wrong.min() == 14
    assert wrong.max() < 24
    assert av.logging.get_level() is None
    assert av.logging.get_skip_repeated()


def test_damage_is_told_of_the_right_file_when_threads_read(tmp_path, noisy_frames):
    paths = [tmp_path / f"{index}.avi" for index in range(4)]
    for index, path in enumerate(paths):
        write_video(path, noisy_frames, RATE, None, "ffv1")
        if index % 2:
            damage(path, 30 + index, share=0.001)
    said: dict[int, list[str]] = {}

    def read(index):
        said[index] = warnings_of(paths[index])[1]

    threads = [threading.Thread(target=read, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said[0] == said[2] == []
    assert [said[index][0][:8] for index in (1, 3)] == ["frame 31", "frame 33"]
    assert av.logging.get_level() is None


def test_the_log_level_of_others_is_restored(tmp_path, noisy_frames):
    path = tmp_path / "a.avi"
    write_video(path, noisy_frames[:5], RATE, None, "ffv1")
    av.logging.set_level(av.logging.FATAL)
    try:
        warnings_of(path)
        assert av.logging.get_level() == av.logging.FATAL
    finally:
        av.logging.set_level(None)


@pytest.mark.parametrize("codec", ["libx264", "ffv1", "mpeg4"])
@pytest.mark.parametrize("part", [0.9, 0.7, 0.5])
def test_a_cut_matroska_file_is_said_and_keeps_its_rate(tmp_path, noisy_frames, codec, part):
    path = tmp_path / "a.mkv"
    rate = Fraction(50) if codec == "mpeg4" else RATE
    write(path, noisy_frames, codec, "gray" if codec == "ffv1" else "yuv420p", rate)
    whole = probe(path)
    assert whole.provenance["warnings"] == []
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    cut = probe(path)
    assert cut.frames < 98
    assert cut.rate == whole.rate
    (warning,) = cut.provenance["warnings"]
    assert f"says about 100 frames, the file holds {cut.frames}" in warning


def test_a_cut_fast_start_file_is_said(tmp_path, noisy_frames):
    path = tmp_path / "a.mp4"
    write(path, noisy_frames, "mpeg4", "yuv420p", Fraction(50), {"movflags": "faststart"})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * 0.6)])
    frames, (cut, damaged) = warnings_of(path)
    assert f"says 100 frames, the file holds {len(frames)}" in cut
    assert "is damaged" in damaged


def test_a_cut_fast_start_file_that_ends_within_a_frame_names_both_numbers(tmp_path, noisy_frames):
    path = tmp_path / "a.mp4"
    write(path, noisy_frames, "libx264", "yuv420p", RATE, {"movflags": "faststart"})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * 0.6)])
    try:
        frames, (cut, *_) = warnings_of(path)
        assert f"says 100 frames, the file holds {len(frames)}" in cut
    except RecordingError as error:
        assert "damaged after frame" in str(error)  # noqa: PT017
        assert "says 100 frames, the file holds" in str(error)  # noqa: PT017


def test_matroska_without_a_duration_is_not_called_cut(tmp_path, noisy_frames):
    class Pipe:
        def __init__(self, file):
            self.write = file.write

    path = tmp_path / "live.mkv"
    with path.open("wb") as file, av.open(Pipe(file), "w", format="matroska") as container:
        stream = container.add_stream("ffv1", rate=RATE)
        stream.height, stream.width, stream.pix_fmt = *noisy_frames.shape[1:], "gray"
        for frame in noisy_frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "gray")))
        container.mux(stream.encode(None))
    assert probe(path).provenance["warnings"] == []


def test_damaged_h264_is_not_called_coloured(tmp_path, noisy_frames):
    path, told = tmp_path / "a.mp4", []
    rng = np.random.default_rng(1)
    for _ in range(12):
        write(path, noisy_frames[:40], "libx264", "yuv420p", coder={"crf": "20"})
        for number in rng.integers(1, 30, 3):
            damage(path, int(number), 0.3, bytes([rng.integers(1, 255)]))
        try:
            told += warnings_of(path)[1]
        except RecordingError as error:
            told.append(str(error))
    assert all("damaged" in warning for warning in told)
    assert len(told) > 6  # some damage is valid H.264


def test_colour_in_the_middle_is_told_apart(tmp_path, noisy_frames):
    path = tmp_path / "a.avi"
    frames = np.repeat(noisy_frames[:30, ..., None], 3, -1)
    frames[20:, 10:40, 10:40, 0] = 250
    write(path, frames, "rawvideo", "bgr24")
    with pytest.raises(RecordingError, match="frame 20 is in colour, frames before it are grey"):
        open_recording(path)


@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "yuv444p10le", "gray10le"])
@pytest.mark.parametrize("crf", ["10", "30"])
def test_deep_grey_h264_is_read(tmp_path, noisy_frames, pixel_format, crf):
    path = tmp_path / "a.mp4"
    write(path, noisy_frames, "libx264", pixel_format, coder={"crf": crf})
    back = open_recording(path)
    assert back.peak == 65535
    error = back.frames / 257 - noisy_frames
    assert abs(error.mean()) < 3
    assert np.abs(error).mean() < 8


def test_deep_grey_whose_chroma_is_rounded_is_read(tmp_path, noisy_frames):
    """Two levels of 8 bit beside neutral, as encoders leave them."""
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=50)
        stream.height, stream.width, stream.pix_fmt = *noisy_frames.shape[1:], "yuv422p10le"
        for frame in noisy_frames[:10]:
            picture = av.VideoFrame(frame.shape[1], frame.shape[0], "yuv422p10le")
            for index, plane in enumerate(picture.planes):
                levels = np.full((plane.height, plane.line_size // 2), 512 + 8, "<u2")
                if index == 0:
                    levels[:, : frame.shape[1]] = frame * np.uint16(4)
                plane.update(levels.tobytes())
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    back = open_recording(path)
    assert np.array_equal(back.frames[0], back.frames[0].round())
    assert back.frames.max() > 50_000 > back.frames.min() + 49_000


def test_deep_colour_is_refused(tmp_path, noisy_frames):
    frames = np.repeat(noisy_frames[:10, ..., None], 3, -1)
    frames[:, 10:40, 10:40, 0] = 250
    write(tmp_path / "a.mp4", frames, "libx264", "yuv420p10le")
    with pytest.raises(RecordingError, match="is in colour"):
        open_recording(tmp_path / "a.mp4")


def test_a_turned_image_is_said(tmp_path, noisy_frames):
    path = tmp_path / "a.mp4"
    write(path, noisy_frames[:10], "libx264", "yuv420p")
    content = bytearray(path.read_bytes())
    upright = np.array([1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30], ">i4").tobytes()
    turned = np.array([0, 1 << 16, 0, -1 << 16, 0, 0, 52 << 16, 0, 1 << 30], ">i4").tobytes()
    start = content.index(upright, content.index(b"tkhd"))
    content[start : start + 36] = turned
    path.write_bytes(content)
    frames, (warning,) = warnings_of(path)
    assert frames.shape[1:] == noisy_frames.shape[1:]
    assert "by 90 degrees clockwise" in warning


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_pixels_that_are_not_square_are_said(tmp_path, noisy_frames, name):
    write(tmp_path / name, noisy_frames[:10], "libx264", "yuv420p", aspect=Fraction(4, 3))
    _, (warning,) = warnings_of(tmp_path / name)
    assert "4:3" in warning
