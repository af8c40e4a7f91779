import subprocess
import sys
import time
from fractions import Fraction

import numpy as np
import pytest

from cleartract.errors import OutputError, RecordingError
from cleartract.recordings.matlab_reader import MatlabSource
from cleartract.recordings.opening import open_recording, open_source
from cleartract.recordings.source import CHUNK
from cleartract.recordings.writing import Described, open_sink, write_recording

h5py = pytest.importorskip("h5py")
io = pytest.importorskip("scipy.io")

VERSIONS = ["5", "5 compressed", "7.3"]


def save(path, version, content):
    """Write variables, given in MATLAB's axis order, as MATLAB stores them."""
    if version != "7.3":
        io.savemat(path, content, do_compression=version.endswith("compressed"))
        return
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in content.items():
            value = np.atleast_2d(value)
            kind = {"float64": "double", "float32": "single"}.get(
                str(value.dtype), str(value.dtype)
            )
            if value.dtype.kind == "c":
                pair = np.zeros(value.shape, [("real", "f8"), ("imag", "f8")])
                pair["real"], pair["imag"], kind = value.real, value.imag, "double"
                value = pair
            stored = file.create_dataset(name, data=value.T)
            stored.attrs["MATLAB_class"] = np.bytes_(kind)
    with open(path, "r+b") as file:
        text = b"MATLAB 7.3 MAT-file, Platform: PCWIN64, Created on: Mon Jan 1 HDF5 schema 1.00 ."
        file.write(text.ljust(124) + b"\x00\x02IM")


def in_matlab(frames):
    """(frame, height, width) in MATLAB's order (row, column, frame)."""
    return frames.transpose(1, 2, 0)


@pytest.mark.parametrize("version", VERSIONS)
def test_frames_rate_and_sound_of_both_versions(tmp_path, moving_frames, version):
    path, tone = tmp_path / "a.mat", np.sin(np.arange(900))[:, None]
    content = {"video": in_matlab(moving_frames), "FrameRate": 23.18, "y": tone, "Fs": 22050.0}
    save(path, version, content)
    back = open_recording(path)
    assert np.array_equal(back.frames, moving_frames)
    assert (back.rate, back.peak, back.sample_rate) == (Fraction(1159, 50), None, 22050)
    assert np.allclose(back.audio, tone[:, 0], atol=1e-6)
    assert back.provenance["audio"] == str(path)


@pytest.mark.parametrize("version", VERSIONS)
def test_chunks_are_the_whole_any_number_of_times(tmp_path, moving_frames, version):
    frames = np.tile(moving_frames, (4, 1, 1))
    save(tmp_path / "a.mat", version, {"x": in_matlab(frames), "rate": [125000.0, 1501.0]})
    source = open_source(tmp_path / "a.mat")
    assert (source.count, source.size) == (len(frames), frames.shape[1:])
    assert source.rate == Fraction(125000, 1501)
    for _ in range(2):
        chunks = list(source.chunks())
        assert [len(chunk) for chunk in chunks] == [CHUNK, len(frames) - CHUNK]
        assert all(chunk.dtype == np.float32 for chunk in chunks)
        assert np.array_equal(np.concatenate(chunks), frames)


@pytest.mark.parametrize("version", VERSIONS)
def test_whole_numbers_keep_their_peak(tmp_path, moving_frames, version):
    frames, beep = moving_frames.astype(np.uint16), np.array([[0, 16384, -32768]], np.int16)
    content = {"frames": in_matlab(frames), "fps": 50.0, "audio": beep, "fs": 8000.0}
    save(tmp_path / "a.mat", version, content)
    back = open_recording(tmp_path / "a.mat")
    assert back.peak == 65535
    assert back.audio.tolist() == [0.0, 0.5, -1.0]


def test_doubles_stored_as_bytes_have_no_peak(tmp_path, moving_frames):
    """MATLAB saves doubles that are whole numbers in the narrowest type, in version 5."""
    path = tmp_path / "a.mat"
    save(path, "5", {"frames": in_matlab(moving_frames.astype(np.uint8))})
    content = bytearray(path.read_bytes())
    assert content[128 + 16] == 9  # class uint8 in the array flags
    content[128 + 16] = 6  # class double
    path.write_bytes(content)
    source = MatlabSource(path, None, Fraction(50))
    assert source.peak is None
    assert np.array_equal(next(source.chunks()), moving_frames)


@pytest.mark.parametrize("version", VERSIONS)
def test_complex_frames_give_their_magnitude(tmp_path, moving_frames, version):
    turned = in_matlab(moving_frames) * np.exp(1j * np.arange(60))[None, :, None]
    save(tmp_path / "a.mat", version, {"img_recon": turned, "rate": 50.0})
    assert np.allclose(open_recording(tmp_path / "a.mat").frames, moving_frames, atol=1e-4)
    pair = {"recon_Re": turned.real, "recon_Im": turned.imag, "rate": 50.0}
    save(tmp_path / "b.mat", version, pair)
    back = open_recording(tmp_path / "b.mat")
    assert np.allclose(back.frames, moving_frames, atol=1e-4)
    assert back.provenance["warnings"] == []
    save(tmp_path / "c.mat", version, {"recon_Re": turned.real, "rate": 50.0})
    with pytest.raises(RecordingError, match="no frames"):
        open_recording(tmp_path / "c.mat")


@pytest.mark.parametrize("version", VERSIONS)
def test_several_arrays(tmp_path, moving_frames, version):
    path, frames = tmp_path / "a.mat", in_matlab(moving_frames)
    save(path, version, {"before": frames + 1, "Recon": frames, "maps": frames[..., :8]})
    source = MatlabSource(path, None, Fraction(50))
    assert np.array_equal(next(source.chunks()), moving_frames)
    assert "'before'" in source.provenance["warnings"][0]
    assert "'Recon' used" in source.provenance["warnings"][0]
    save(path, version, {"before": frames, "after": frames, "rate": 50.0})
    with pytest.raises(RecordingError, match="several arrays") as caught:
        MatlabSource(path)
    assert "'after'" in str(caught.value)
    save(path, version, {"frames": frames[:8], "rate": 50.0})
    with pytest.raises(RecordingError, match="8 x 60"):
        MatlabSource(path)


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_rates_are_asked_for_and_compared(tmp_path, moving_frames, version):
    path, frames = tmp_path / "a.mat", in_matlab(moving_frames)
    save(path, version, {"frames": frames})
    with pytest.raises(RecordingError, match="give --rate"):
        MatlabSource(path)
    assert MatlabSource(path, rate=Fraction(50)).rate == 50
    save(path, version, {"frames": frames, "rate": 83.2778})
    with pytest.raises(RecordingError, match="leave out the rate 50"):
        MatlabSource(path, rate=Fraction(50))
    assert MatlabSource(path, rate=Fraction(125000, 1501)).rate == Fraction(125000, 1501)
    for wrong in (0.0, np.inf, np.nan, [50.0, 0.0]):
        save(path, version, {"frames": frames, "rate": wrong})
        with pytest.raises(RecordingError, match="unusable frame rate"):
            MatlabSource(path)


def test_sound_beside_the_file_or_given(tmp_path, recording):
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / "a.mat"
    save(path, "7.3", {"frames": in_matlab(recording.frames), "rate": 50.0})
    assert MatlabSource(path).sound is None
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, recording.audio, recording.sample_rate)
    assert MatlabSource(path).sound.path == tmp_path / "a.wav"
    assert MatlabSource(path, tmp_path / "b.wav").sound.path == tmp_path / "b.wav"
    content = {"frames": in_matlab(recording.frames), "rate": 50.0, "audio": recording.audio}
    save(path, "7.3", content)
    with pytest.raises(RecordingError, match="no sample_rate"):
        MatlabSource(path)


@pytest.mark.parametrize("version", VERSIONS)
def test_damage_gives_one_line(tmp_path, moving_frames, version):
    path = tmp_path / "a.mat"
    save(path, version, {"frames": in_matlab(moving_frames), "rate": 50.0})
    content = path.read_bytes()
    for length in (0, 100, 127, 140, 300, 600, 1000, len(content) // 2, len(content) - 900):
        path.write_bytes(content[:length])
        with pytest.raises(RecordingError) as caught:
            open_recording(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(RecordingError, match="no such file"):
        open_recording(tmp_path / "b.mat")


def test_written_files_come_back(tmp_path, recording):
    path = tmp_path / "a.mat"
    write_recording(path, recording, {})
    back = open_recording(path)
    assert np.array_equal(back.frames, recording.frames)
    assert (back.rate, back.sample_rate) == (recording.rate, recording.sample_rate)
    assert np.array_equal(back.audio, recording.audio)
    read_mat = pytest.importorskip("pymatreader").read_mat
    content = read_mat(path)
    assert np.array_equal(content["frames"], in_matlab(recording.frames))
    assert content["frames"].dtype == np.float32
    assert content["rate"].tolist() == [recording.rate.numerator, recording.rate.denominator]
    assert np.array_equal(content["audio"], recording.audio)
    assert content["sample_rate"] == recording.sample_rate
    with h5py.File(path) as file:
        assert file["rate"].shape == (2, 1)
        assert {name: file[name].attrs["MATLAB_class"] for name in file} == {
            "frames": b"single", "rate": b"double", "audio": b"single", "sample_rate": b"double",
        }  # fmt: skip


def test_written_files_have_the_header_of_matlab_and_the_same_bytes(tmp_path, recording):
    write_recording(tmp_path / "a.mat", recording, {})
    time.sleep(1.1)
    sink = open_sink(tmp_path / "b.mat", Described.of(recording), {}, tmp_path / "b.mat")
    for first in range(0, len(recording), 5):
        sink.write(recording.frames[first : first + 5])
    sink.close()
    content = (tmp_path / "a.mat").read_bytes()
    assert content == (tmp_path / "b.mat").read_bytes()
    assert content.startswith(b"MATLAB 7.3 MAT-file")
    assert content[124:128] == b"\x00\x02IM"
    assert content[512:520] == b"\x89HDF\r\n\x1a\n"


def test_unwritable_and_abandoned_files(tmp_path, recording):
    with pytest.raises(OutputError, match="cannot be written"):
        open_sink(tmp_path / "no" / "a.mat", Described.of(recording), {}, tmp_path / "a.mat")
    sink = open_sink(tmp_path / "a.mat", Described.of(recording), {}, tmp_path / "a.mat")
    sink.abandon()
    sink.abandon()


def test_a_full_disk_gives_one_line(tmp_path):
    pytest.importorskip("resource")
    code = (
        "import resource, signal, sys, pathlib, fractions, numpy as np\n"
        "from cleartract.recordings.recording import Recording\n"
        "from cleartract.recordings.writing import write_recording\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "frames = np.ones((100, 84, 84), np.float32)\n"
        "made = Recording(frames, fractions.Fraction(50))\n"
        "write_recording(pathlib.Path(sys.argv[1]), made, {})\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.mat")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert last.endswith("a.mat: cannot be written (File too large)")
    assert list(tmp_path.iterdir()) == []


def test_without_h5py(tmp_path, recording, monkeypatch):
    write_recording(tmp_path / "a.mat", recording, {})
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(RecordingError, match="install: pip install"):
        open_recording(tmp_path / "a.mat")
    with pytest.raises(OutputError, match="install: pip install"):
        write_recording(tmp_path / "b.mat", recording, {})


def test_libraries_are_loaded_when_needed():
    code = "import sys, cleartract.recordings.writing; assert 'h5py' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_version_5_is_read_by_others_and_by_us(tmp_path, recording):
    from dataclasses import replace

    odd = replace(
        recording, frames=recording.frames[:, :51, :59] + 0.25, audio=recording.audio[:77]
    )
    path = tmp_path / "a.v5.mat"
    write_recording(path, odd, {})
    found = io.loadmat(path)
    assert np.array_equal(found["frames"], in_matlab(odd.frames))
    assert found["frames"].dtype == np.float32
    assert found["rate"].ravel().tolist() == [odd.rate.numerator, odd.rate.denominator]
    assert np.array_equal(found["audio"][:, 0], odd.audio)
    assert found["sample_rate"].item() == odd.sample_rate
    back = open_recording(path)
    assert np.array_equal(back.frames, odd.frames)
    assert (back.rate, back.sample_rate) == (odd.rate, odd.sample_rate)
    assert np.array_equal(back.audio, odd.audio)
    first = path.read_bytes()
    write_recording(path, odd, {})
    assert path.read_bytes() == first
    long = Described(300_000, (84, 84), odd.rate, None, 1.0, 1.0)
    with pytest.raises(OutputError, match="too long for version 5"):
        open_sink(path, long, {}, path)
    assert path.read_bytes() == first
