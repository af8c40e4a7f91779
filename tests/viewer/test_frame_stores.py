import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from cleartract.errors import RecordingError
from cleartract.recordings.opening import open_source
from cleartract.recordings.video_index import indexed_stamps
from cleartract.recordings.video_reader import VideoSource
from cleartract.recordings.video_writer import VideoFormat, VideoWriter
from cleartract.viewer.frame_stores import ArrayStore, ReadStore, VideoStore, open_store
from tests.viewer.conftest import RATE, coded, number_in


def written(path, count=700, rate=RATE, codec="libx264"):
    frames = coded(count)
    if path.suffix == ".npy":
        np.save(path, frames)
    elif path.suffix == ".npz":
        np.savez_compressed(path, frames=frames, rate=[rate.numerator, rate.denominator])
    else:
        writer = VideoWriter(path, VideoFormat(frames.shape[1:], rate, codec))
        writer.write(frames)
        writer.close()
    return open_source(path)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.npy", ArrayStore), ("a.npz", ReadStore), ("a.mp4", VideoStore), ("a.mov", VideoStore)],
)
def test_any_span_of_any_kind_of_file_holds_the_frames_asked_for(tmp_path, name, kind):
    source = written(tmp_path / name)
    store = open_store(source)
    assert isinstance(store, kind)
    everything = np.concatenate(list(source.chunks()))
    random = np.random.default_rng(0)
    for first in [0, 699, *random.integers(0, 700, 12)]:
        frames = store.frames(int(first), 40)
        assert np.array_equal(frames, everything[first : first + 40])
        assert [number_in(frame) for frame in frames] == list(range(first, min(first + 40, 700)))
    assert store.frames(700, 1).shape[0] == 0
    store.close()


def test_a_video_of_rounded_time_stamps_is_still_numbered_exactly(tmp_path):
    store = open_store(written(tmp_path / "a.mkv", 400, Fraction(83)))  # Matroska rounds to 1 ms
    assert [number_in(store.frames(n, 1)[0]) for n in (399, 3, 250, 251)] == [399, 3, 250, 251]


def test_the_index_of_a_video_tells_what_its_packets_tell(tmp_path, monkeypatch):
    monkeypatch.setattr("cleartract.recordings.video_index.LONG", 10)
    written(tmp_path / "a.mp4", 300)
    slow, quick = VideoSource(tmp_path / "a.mp4"), VideoSource(tmp_path / "a.mp4", quick=True)
    assert np.array_equal(slow.stamps, quick.stamps)
    assert (slow.count, slow.rate, slow.size) == (quick.count, quick.rate, quick.size)


def test_the_index_of_a_video_that_is_cut_off_is_not_believed(tmp_path, monkeypatch):
    import av

    monkeypatch.setattr("cleartract.recordings.video_index.LONG", 10)
    written(tmp_path / "a.mp4", 300)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert indexed_stamps(tmp_path / "a.mp4", container) is not None
        (tmp_path / "b.mp4").write_bytes((tmp_path / "a.mp4").read_bytes()[:-20_000])
        assert indexed_stamps(tmp_path / "b.mp4", container) is None


def test_a_video_without_key_frames_is_read_in_order_instead(tmp_path, monkeypatch):
    monkeypatch.setattr("cleartract.viewer.video_store._FARTHEST", 20)
    store = open_store(written(tmp_path / "a.mp4", 240))
    assert [number_in(frame) for frame in store.frames(200, 8)] == list(range(200, 208))


@pytest.mark.slow
def test_videos_are_opened_and_closed_while_others_are_read(tmp_path):
    written(tmp_path / "a.mp4", 300)
    code = """if True:
        import sys, threading
        from pathlib import Path
        from cleartract.recordings.video_reader import VideoSource
        from cleartract.viewer.video_store import VideoDecoder, can_seek
        source = VideoSource(Path(sys.argv[1]))
        def read():
            while True:
                list(VideoSource(source.path).chunks())
        threading.Thread(target=read, daemon=True).start()
        decoder = VideoDecoder(source)
        for number in range(60):
            assert can_seek(source)
            decoder.frames(number * 97 % 299, 1)
    """
    # in a process of its own: a deadlock would hold the interpreter
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.mp4")], check=True, timeout=100)


def test_values_come_as_they_are_stored(tmp_path):
    for values, kind in ((np.float64, "<f4"), (np.uint16, "<u2"), (np.int16, "<f4")):
        frames = (coded(20).astype(values) * 3).astype(values)
        np.save(tmp_path / "a.npy", frames)
        store = open_store(open_source(tmp_path / "a.npy"))
        assert store.dtype == np.dtype(kind)
        assert np.array_equal(store.frames(5, 3), frames[5:8])


def test_an_array_that_shrinks_under_the_player_says_so(tmp_path):
    source = written(tmp_path / "a.npy", 50)
    store = open_store(source)
    with open(tmp_path / "a.npy", "r+b") as file:
        file.truncate(5000)
    with pytest.raises(RecordingError, match=r"a\.npy: is cut off"):
        store.frames(40, 10)
