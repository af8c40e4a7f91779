from fractions import Fraction

import numpy as np
import pytest

from cleartract.errors import RecordingError
from cleartract.recordings.array_reader import UNCERTAINTY, ArraySource
from cleartract.recordings.opening import open_recording
from cleartract.recordings.sound import whole
from cleartract.recordings.source import CHUNK


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


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("suffix", [".npz", ".npy"])
def test_chunks_are_the_whole_in_either_order(tmp_path, moving_frames, order, suffix):
    frames = np.asarray(np.tile(moving_frames, (4, 1, 1)), order=order)
    path = tmp_path / f"a{suffix}"
    if suffix == ".npz":
        np.savez_compressed(path, frames=frames, rate=[50, 1])
    else:
        np.save(path, frames)
    source = ArraySource(path)
    for _ in range(2):
        chunks = list(source.chunks())
        assert [len(chunk) for chunk in chunks] == [CHUNK, len(frames) - CHUNK]
        assert np.array_equal(np.concatenate(chunks), frames)


def test_an_uncertainty_is_not_denoised(tmp_path, moving_frames):
    np.savez(tmp_path / "a.npz", frames=moving_frames, rate=[50, 1], kind=UNCERTAINTY)
    with pytest.raises(RecordingError, match="give the recording"):
        open_recording(tmp_path / "a.npz")


def test_an_archive_that_ends_too_early_gives_one_line(tmp_path, moving_frames):
    np.save(tmp_path / "a.npy", moving_frames)
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(content[: len(content) // 2])
    with pytest.raises(RecordingError, match="damaged or cut off") as caught:
        open_recording(tmp_path / "a.npy")
    assert "\n" not in str(caught.value)


def test_complex_frames_are_read_as_magnitude_and_channels_as_their_mean(tmp_path):
    rng = np.random.default_rng(0)
    frames = rng.normal(size=(5, 16, 16)) + 1j * rng.normal(size=(5, 16, 16))
    sound = rng.normal(size=(200, 2)).astype(np.float32)
    path = tmp_path / "complex.npz"
    np.savez(path, frames=frames, rate=50, audio=sound, sample_rate=16000)
    source = ArraySource(path)
    read = np.concatenate(list(source.chunks()))
    np.testing.assert_allclose(read, np.abs(frames), rtol=1e-6)
    np.testing.assert_allclose(whole(source.sound), sound.mean(1), rtol=1e-5)


@pytest.mark.parametrize("name", ["told.npz", "told.npy"])
def test_a_rate_is_told_where_the_file_holds_none(tmp_path, name):
    path, frames = tmp_path / name, np.ones((5, 16, 16), np.float32)
    np.savez(path, frames=frames) if name.endswith("z") else np.save(path, frames)
    assert ArraySource(path, rate=Fraction(50)).rate == 50


def test_a_rate_that_contradicts_the_file_is_refused(tmp_path):
    path = tmp_path / "held.npz"
    np.savez(path, frames=np.ones((5, 16, 16)), rate=50)
    with pytest.raises(RecordingError, match="leave out the rate 60"):
        ArraySource(path, rate=Fraction(60))
