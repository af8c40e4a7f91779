"""Files that were damaged at random: every reader reads them, or says in one line what is wrong."""

import contextlib
import io
import resource
import time
from fractions import Fraction
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleartract.errors import RecordingError
from cleartract.recordings.opening import open_source
from cleartract.recordings.recording import Recording
from cleartract.recordings.sound import whole
from cleartract.recordings.writing import write_recording

NEEDS = {".mat": "h5py", ".h5": "h5py", ".tif": "tifffile", ".nii": "nibabel", ".dcm": "pydicom"}
WRITTEN = (".mp4", ".avi", ".mov", ".npz", ".mat", ".tif", ".gif", ".nii", ".dcm")
KINDS = (*WRITTEN, ".mkv", ".h5", ".npy", ".wav")
_SECONDS, _GIGABYTES = 20, 4


class Files(dict):
    """Not printed where a case fails."""

    def __repr__(self):
        return f"{len(self)} files"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A small valid file of every kind."""
    folder = tmp_path_factory.mktemp("valid")
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (12, 32, 32)).astype(np.float32)
    audio = rng.normal(0, 0.1, 2400).astype(np.float32)
    recording = Recording(frames, Fraction(80), audio, 16000, peak=255.0)
    made = Files()
    for suffix in KINDS:
        if suffix in NEEDS and find_spec(NEEDS[suffix]) is None:
            continue
        path = folder / f"valid{suffix}"
        if suffix in WRITTEN:
            write_recording(path, recording, {})
        elif suffix == ".npy":
            np.save(path, frames.astype(np.uint8))
        elif suffix == ".wav":
            import soundfile

            soundfile.write(path, audio, 16000)
        elif suffix == ".h5":
            import h5py

            with h5py.File(path, "w") as file:
                file["recon"] = frames.transpose(0, 2, 1)
        else:
            import av

            with av.open(str(path), "w") as container:
                stream = container.add_stream("ffv1", rate=80)
                stream.width, stream.height, stream.pix_fmt = 32, 32, "gray"
                for frame in frames.astype(np.uint8):
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "gray")))
                container.mux(stream.encode())
        made[suffix] = path.read_bytes()
    return made


@st.composite
def damages(draw):
    """What happens to a file: places as shares of its length."""
    kind = draw(st.sampled_from(["flip", "cut", "zero", "insert", "swap", "head"]))
    places = draw(st.lists(st.floats(0, 1), min_size=1, max_size=4))
    return kind, places, draw(st.binary(min_size=1, max_size=16))


def damaged(data, damage):
    kind, places, noise = damage
    result = bytearray(data)
    for place in places:
        at = min(int(place * len(result)), max(len(result) - 1, 0))
        if kind == "head":  # headers decide most
            at = int(place * min(len(result), 600))
        if kind == "cut":
            del result[max(at, 1) :]
        elif kind == "zero":
            result[at : at + 64] = bytes(len(result[at : at + 64]))
        elif kind == "insert":
            result[at:at] = noise
        elif kind == "swap":
            piece = result[at : at + 32]
            del result[at : at + 32]
            result[len(result) // 2 : len(result) // 2] = piece
        else:
            result[at : at + len(noise)] = noise[: len(result[at : at + len(noise)])]
    return bytes(result)


def check(files, folder, suffix, damage):
    if suffix not in files:
        pytest.skip(f"{NEEDS[suffix]} is not installed")
    started = time.monotonic()
    path = folder / f"damaged{'.npz' if suffix == '.wav' else suffix}"
    beside = folder / "damaged.wav"
    beside.unlink(missing_ok=True)
    if suffix == ".wav":
        path.write_bytes(files[".npz"])
        beside.write_bytes(damaged(files[suffix], damage))
    else:
        path.write_bytes(damaged(files[suffix], damage))
    before = sorted(folder.iterdir())
    said = "damaged: nothing"
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            rate = Fraction(80) if suffix in (".h5", ".npy", ".tif", ".nii", ".dcm") else None
            source = open_source(path, beside if suffix == ".wav" else None, rate)
            for chunk in source.chunks():
                assert chunk.shape[1:] == tuple(source.size)
            if source.sound is not None:
                assert np.isfinite(whole(source.sound)).all()
        except RecordingError as error:
            said = str(error)
    assert len(said.splitlines()) == 1
    assert "damaged" in said  # the file's name
    assert time.monotonic() - started < _SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < _GIGABYTES * 1e6
    assert sorted(folder.iterdir()) == before
    path.unlink()


CASES = given(suffix=st.sampled_from(KINDS), damage=damages())
QUIET = dict(
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@settings(max_examples=100, **QUIET)
@CASES
def test_damaged_files(files, tmp_path, suffix, damage):
    check(files, tmp_path, suffix, damage)


@pytest.mark.slow
@settings(max_examples=2000, **QUIET)
@CASES
def test_many_damaged_files(files, tmp_path, suffix, damage):
    check(files, tmp_path, suffix, damage)
