"""Reading video of many codecs, as other programs write it."""

from fractions import Fraction

import av
import numpy as np
import pytest

from cleartract.errors import RecordingError
from cleartract.recordings.opening import open_recording
from cleartract.recordings.source import CHUNK
from cleartract.recordings.video_reader import VideoSource, probe
from cleartract.recordings.video_writer import write_video
from cleartract.recordings.writing import write_recording


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


def test_chunks_are_the_whole_and_can_be_read_again(tmp_path, moving_frames):
    path = tmp_path / "long.avi"
    frames = np.tile(moving_frames, (6, 1, 1)).astype(np.uint8)
    write_video(path, frames, Fraction(50), None)
    source = VideoSource(path)
    for _ in range(2):
        chunks = list(source.chunks())
        assert [len(chunk) for chunk in chunks] == [CHUNK, CHUNK, len(frames) - 2 * CHUNK]
        assert np.array_equal(np.concatenate(chunks), frames.astype(np.float32))


def test_a_damaged_frame_is_told_after_reading(tmp_path, moving_frames):
    path = tmp_path / "a.mp4"
    write_video(path, moving_frames.astype(np.uint8), Fraction(50), None)
    with av.open(str(path)) as container:
        packet = [p for p in container.demux(video=0) if p.size][14]
        end, part = packet.pos + packet.size, packet.size // 3
    content = bytearray(path.read_bytes())
    content[end - part : end] = b"\x55" * part
    path.write_bytes(content)
    source = VideoSource(path)
    assert not source.provenance["warnings"]
    frames = np.concatenate(list(source.chunks()))
    assert len(frames) == len(moving_frames)
    (warning,) = source.provenance["warnings"]
    assert warning == "frame 14 is damaged; with those up to the next key frame, 10 may be wrong"
    list(source.chunks())
    assert source.provenance["warnings"] == [warning]  # not told twice


def test_a_file_that_was_cut_off_is_said(tmp_path, recording):
    whole, cut = tmp_path / "whole.avi", tmp_path / "cut.avi"
    write_recording(whole, recording, {})
    content = whole.read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    assert not VideoSource(whole).provenance["warnings"]
    (warning,) = VideoSource(cut).provenance["warnings"]
    assert "the header says 24 frames" in warning
