"""MP4 and MOV trimmed by their edit list, as phones and QuickTime do: no packet is taken away."""

import struct
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from cleartract.recordings.opening import open_recording, open_source
from cleartract.recordings.video_checks import VariableRateError
from cleartract.recordings.video_reader import probe
from cleartract.recordings.writing import write_recording

RATE, TICKS = 50, 1000  # [frames/s], [ticks/s]
REGULAR = np.arange(40) * 20
UNEVEN = np.cumsum([20 if k % 7 else 60 for k in range(40)]) - 60  # [ms]


def written(path, stamps, b_frames):
    """Frames whose grey level tells their number, shown at these times [ms]."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"bf": b_frames, "crf": "1"})
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS)
        for number, stamp in enumerate(stamps):
            levels = np.full((32, 48), 30 + 4 * number, np.uint8)
            picture = av.VideoFrame.from_ndarray(levels, "gray").reformat(format="yuv420p")
            picture.pts, picture.time_base = int(stamp), Fraction(1, TICKS)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def trimmed(path, result, first, seconds):
    """The same file, of which `seconds` from `first` [s] on are shown."""
    content = bytearray(path.read_bytes())
    (scale,) = struct.unpack_from(">I", content, content.index(b"mdhd") + 16)
    (movie,) = struct.unpack_from(">I", content, content.index(b"mvhd") + 16)
    entry = content.index(b"elst") + 12
    _, begins = struct.unpack_from(">Ii", content, entry)
    struct.pack_into(">Ii", content, entry, round(seconds * movie), begins + round(first * scale))
    result.write_bytes(content)


def numbers(frames):
    return np.round((frames.mean((1, 2)) - 30) / 4).astype(int)


@pytest.mark.parametrize("b_frames", ["0", "2"])
@pytest.mark.parametrize(("first", "last"), [(10, 40), (0, 20), (7, 33)])
def test_only_what_is_shown_counts(tmp_path, first, last, b_frames):
    whole, path = tmp_path / "whole.mp4", tmp_path / "trimmed.mp4"
    written(whole, REGULAR, b_frames)
    trimmed(whole, path, first / RATE, (last - first) / RATE)
    source = open_source(path)
    read = numbers(np.concatenate(list(source.chunks())))
    assert read.tolist() == list(range(first, last))
    assert source.count == last - first
    assert probe(path).stamps.tolist() == sorted(set(probe(path).stamps.tolist()))
    assert source.rate == RATE
    assert source.provenance["cut"] is None
    said = f"was trimmed: {40 - last + first} more frames are in the file; its edit list hides them"
    assert source.provenance["warnings"] == [said]


def test_shown_frames_of_a_variable_rate_are_put_where_they_belong(tmp_path):
    whole, path = tmp_path / "whole.mp4", tmp_path / "trimmed.mp4"
    written(whole, UNEVEN, "0")
    first = 10
    trimmed(whole, path, UNEVEN[first] / TICKS, 10)
    with pytest.raises(VariableRateError):
        open_source(path)
    source = open_source(path, resample=True)
    read = numbers(np.concatenate(list(source.chunks())))
    shown = UNEVEN[first:] - UNEVEN[first]
    nearest = [first + int(np.argmin(np.abs(shown - 20 * k))) for k in range(shown[-1] // 20 + 1)]
    assert read.tolist() == nearest
    assert source.count == len(nearest)


@pytest.mark.parametrize("first", [0, 5])
def test_a_trimmed_file_that_is_cut_off_is_said_to_be_both(tmp_path, first):
    whole, fast, path = (tmp_path / f"{name}.mp4" for name in ("whole", "fast", "trimmed"))
    written(whole, REGULAR, "0")
    front = {"movflags": "faststart"}
    with av.open(str(whole)) as source, av.open(str(fast), "w", options=front) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    trimmed(fast, path, first / RATE, 0.5)
    assert open_source(path).provenance["cut"] is None
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    assert "may be cut off" in open_source(path).provenance["cut"]


def test_a_file_that_is_not_trimmed_says_nothing(tmp_path, recording):
    path = tmp_path / "whole.mp4"
    write_recording(path, replace(recording, rate=Fraction(50)), {})
    assert open_recording(path).provenance["warnings"] == []
