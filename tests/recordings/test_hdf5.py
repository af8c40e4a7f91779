import sys
from fractions import Fraction

import numpy as np
import pytest

from cleartract.errors import RecordingError
from cleartract.recordings.hdf5_reader import USC_RATE, Hdf5Source
from cleartract.recordings.opening import open_recording, open_source
from cleartract.recordings.source import CHUNK

h5py = pytest.importorskip("h5py")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.h5"


def save(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, value in arrays.items():
            file[name] = value


def by_matlab(frames):
    """As h5py sees what MATLAB wrote as (row, column, frame)."""
    return frames.transpose(0, 2, 1)


def test_reconstruction_by_matlab(path, moving_frames):
    numbers = {"lambda_t": [[0.08]], "lambda_s": [[0.0]], "iterations": [[150.0]]}
    save(path, recon=by_matlab(moving_frames.astype(np.float64)), **numbers)
    back = open_recording(path)
    assert np.array_equal(back.frames, moving_frames)
    assert (back.rate, back.peak) == (Fraction(125000, 1501), None)
    assert "125000/1501" in back.provenance["warnings"][0]
    assert open_source(path, rate=Fraction(50)).rate == 50


def test_reconstruction_by_python(tmp_path, moving_frames):
    upright = np.stack([np.rot90(frame, -1) for frame in moving_frames])
    path = tmp_path / "sub001_2drt_01_vcv1_r1_recon.h5"
    save(path, image=(upright * np.exp(0.3j)).astype(np.complex64), comp_time=12.5)
    source = Hdf5Source(path)
    assert (source.size, source.rate) == (moving_frames.shape[1:], USC_RATE)
    assert np.allclose(next(source.chunks()), moving_frames, atol=1e-4)
    assert "rotated" in source.provenance["warnings"][0]


def test_real_and_imaginary_part(path, moving_frames):
    real, imaginary = by_matlab(moving_frames) * 0.6, by_matlab(moving_frames) * -0.8
    save(path, recon_Re=real, recon_Im=imaginary)
    with pytest.raises(RecordingError, match="give --rate"):
        Hdf5Source(path)
    source = Hdf5Source(path, rate=Fraction(50))
    assert np.allclose(next(source.chunks()), moving_frames, atol=1e-3)
    save(path, recon_Re=real, recon_Im=imaginary[:-1])
    with pytest.raises(RecordingError, match="differ in size"):
        Hdf5Source(path, rate=Fraction(50))


@pytest.mark.parametrize("place", ["array", "pair", "frames", "file"])
def test_plain_frames_with_a_rate(path, moving_frames, place):
    save(path, frames=moving_frames.astype(np.uint8))
    with h5py.File(path, "r+") as file:
        if place in ("array", "pair"):
            file["rate"] = 83.27781479013991 if place == "array" else [125000, 1501]
        else:
            (file["frames"] if place == "frames" else file).attrs["rate"] = 125000 / 1501
    back = open_recording(path)
    assert np.array_equal(back.frames, moving_frames)
    assert (back.rate, back.peak) == (USC_RATE, 255)
    assert open_source(path, rate=USC_RATE).rate == USC_RATE
    with pytest.raises(RecordingError, match="leave out the rate 50"):
        open_source(path, rate=Fraction(50))


def test_chunks_are_the_whole_any_number_of_times(tmp_path, moving_frames):
    frames = np.tile(moving_frames, (4, 1, 1))
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file.create_dataset("recon", data=by_matlab(frames), chunks=(7, 60, 9), compression="gzip")
    source = open_source(tmp_path / "a.hdf5")
    assert (source.count, source.size) == (len(frames), frames.shape[1:])
    for _ in range(2):
        chunks = list(source.chunks())
        assert [len(chunk) for chunk in chunks] == [CHUNK, len(frames) - CHUNK]
        assert np.array_equal(np.concatenate(chunks), frames)


def test_sound_of_the_layout(tmp_path, recording):
    soundfile = pytest.importorskip("soundfile")
    for folder in ("recon", "audio"):
        (tmp_path / folder).mkdir()
    path = tmp_path / "recon" / "sub001_2drt_01_vcv1_r1_recon.h5"
    save(path, recon=by_matlab(recording.frames))
    assert Hdf5Source(path).sound is None
    beside = path.with_suffix(".wav")
    layout = tmp_path / "audio" / "sub001_2drt_01_vcv1_r1_audio.wav"
    for place in (beside, layout):
        soundfile.write(place, recording.audio, recording.sample_rate)
        assert Hdf5Source(path).sound.path == place
    assert Hdf5Source(path, beside).sound.path == beside
    save(path, recon=by_matlab(recording.frames), audio=recording.audio, sample_rate=22050)
    back = open_recording(path)
    assert np.array_equal(back.audio, recording.audio)


def test_what_is_no_recording_is_named(path, moving_frames):
    save(path, other=moving_frames)
    with pytest.raises(RecordingError, match="found: 'other'"):
        Hdf5Source(path)
    save(path, frames=moving_frames[0], rate=50)
    with pytest.raises(RecordingError, match="no frames"):
        Hdf5Source(path)
    save(path, **{"dataset/data": np.zeros(3)})
    with pytest.raises(RecordingError, match="raw data"):
        Hdf5Source(path)
    save(path, frames=moving_frames, recon=by_matlab(moving_frames))
    warnings = Hdf5Source(path).provenance["warnings"]
    assert "'frames' used" in warnings[0]


@pytest.mark.parametrize("shape", [(3, 15, 60), (3, 60, 1025), (10_000_001, 16, 16), (0, 16, 16)])
def test_sizes_out_of_range_are_refused(path, shape):
    with h5py.File(path, "w") as file:
        file.create_dataset("frames", shape, "u1", chunks=(1, 15, 16), maxshape=(None, None, None))
    with pytest.raises(RecordingError, match=r"16 to 1024|holds 0") as caught:
        Hdf5Source(path, rate=Fraction(50))
    assert "\n" not in str(caught.value)


def test_other_files_are_never_read(tmp_path, path, moving_frames):
    other = tmp_path / "secret.h5"
    save(other, frames=moving_frames)
    (tmp_path / "secret.bin").write_bytes(moving_frames.tobytes())
    shape = moving_frames.shape

    def external_link(file):
        file["frames"] = h5py.ExternalLink(str(other), "/frames")

    def soft_through_external(file):
        file["elsewhere"] = h5py.Group(file.create_group("g").id)
        file["elsewhere"]["out"] = h5py.ExternalLink(str(other), "/")
        file["frames"] = h5py.SoftLink("/elsewhere/out/frames")

    def external_storage(file):
        storage = [(str(tmp_path / "secret.bin"), 0, moving_frames.nbytes)]
        file.create_dataset("frames", shape, "f4", external=storage)

    def virtual(file):
        layout = h5py.VirtualLayout(shape, "f4")
        layout[:] = h5py.VirtualSource(str(other), "frames", shape)
        file.create_virtual_dataset("frames", layout)

    for attack in (external_link, soft_through_external, external_storage, virtual):
        with h5py.File(path, "w") as file:
            attack(file)
        for suffix in (".h5", ".mat"):
            named = path.replace(path.with_suffix(suffix))
            with pytest.raises(RecordingError, match="into this file") as caught:
                open_source(named, rate=Fraction(50))
            assert "\n" not in str(caught.value)
            path = named


def test_soft_links_inside_are_followed(path, moving_frames):
    save(path, **{"group/held": moving_frames})
    with h5py.File(path, "r+") as file:
        file["frames"] = h5py.SoftLink("/group/held")
        file["nowhere"] = h5py.SoftLink("/group/missing/at/all")
    source = Hdf5Source(path, rate=Fraction(50))
    assert np.array_equal(next(source.chunks()), moving_frames)


def test_damage_gives_one_line(path, moving_frames):
    save(path, recon=moving_frames)
    content = path.read_bytes()
    for length in (0, 7, 100, 1000, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(RecordingError, match="not a readable HDF5 file") as caught:
            open_recording(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(RecordingError, match="no such file"):
        Hdf5Source(path.with_name("b.h5"))


def test_damaged_pieces_give_one_line(path, moving_frames):
    with h5py.File(path, "w") as file:
        made = file.create_dataset("recon", data=moving_frames, chunks=(24, 52, 60), compression=4)
        place = made.id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[place + 50 : place + 90] = bytes(40)
    path.write_bytes(content)
    with pytest.raises(RecordingError, match="not a readable HDF5 file") as caught:
        open_recording(path)
    assert "\n" not in str(caught.value)


def test_without_h5py(path, moving_frames, monkeypatch):
    save(path, recon=moving_frames)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(RecordingError, match="install: pip install"):
        Hdf5Source(path)


def test_what_was_only_declared_is_refused(path, moving_frames):
    """Two terabytes in a file of a few kilobytes; packed zeros are none of it."""
    with h5py.File(path, "w") as file:
        file.create_dataset("frames", (10**7, 68, 68), "f4", chunks=(1, 68, 68))
        file["rate"] = 50.0
    assert path.stat().st_size < 10_000
    with pytest.raises(RecordingError, match="asks for 184960000000 bytes and holds 0"):
        open_source(path)
    with h5py.File(path, "w") as file:
        packed = {"compression": "gzip", "chunks": (64, 52, 60)}
        file.create_dataset("frames", (1000, 52, 60), "f4", **packed)[:24] = moving_frames
        file["rate"] = 50.0
    assert open_source(path).count == 1000
