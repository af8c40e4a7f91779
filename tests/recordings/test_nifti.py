"""NIfTI images made with nibabel, and our own read back."""

import gzip
import shutil
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from cleartract.errors import RecordingError
from cleartract.recordings.nifti_reader import NiftiSource
from cleartract.recordings.nifti_writer import NiftiWriter
from cleartract.recordings.source import CHUNK

nibabel = pytest.importorskip("nibabel")

EXACT = Fraction(125000, 1501)


@pytest.fixture
def frames():
    """(frame, height, width), not square, longer than a chunk; all values differ."""
    return np.arange(CHUNK * 2 + 5, dtype=np.float32)[:, None, None] * 20 * 14 + np.arange(
        20 * 14, dtype=np.float32
    ).reshape(20, 14)


def stored(path, frames, step=0.012008, units=("mm", "sec"), affine=None, kind=np.float32, flat=2):
    """(x, y, 1, frame) as nibabel writes it; `flat` is the axis of one slice, or None."""
    array = frames.transpose(2, 1, 0).astype(kind)
    if flat is not None:
        array = np.expand_dims(array, flat)
    image = nibabel.Nifti1Image(array, np.eye(4) if affine is None else affine)
    image.header.set_xyzt_units(*units)
    image.header["pixdim"][4] = step
    nibabel.save(image, path)
    return path


def whole(source):
    chunks = list(source.chunks())
    assert all(chunk.dtype == np.float32 and len(chunk) <= CHUNK for chunk in chunks)
    return np.concatenate(chunks)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "A.NII.GZ"])
@pytest.mark.parametrize("flat", [2, None])
def test_frames_are_read_in_chunks_as_often_as_wanted(tmp_path, frames, name, flat):
    source = NiftiSource(stored(tmp_path / name, frames, flat=flat))
    assert (source.count, source.size, source.rate) == (len(frames), (20, 14), EXACT)
    assert source.peak is None
    assert np.array_equal(whole(source), frames)
    assert np.array_equal(whole(source), frames)
    assert source.provenance["orientation"] == "as stored"
    assert source.provenance["warnings"] == []


@pytest.mark.parametrize("signs", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
@pytest.mark.parametrize("swapped", [False, True])
def test_sagittal_slices_stand_upright_and_look_to_the_left(tmp_path, frames, signs, swapped):
    back, down = signs  # whether the stored axes run to the back and downwards
    picture = frames[:, ::down, ::back]
    affine = np.array([[0, 0, 1, 0], [-back, 0, 0, 0], [0, -down, 0, 0], [0, 0, 0, 1]], float)
    if swapped:
        picture, affine = picture.transpose(0, 2, 1), affine[:, [1, 0, 2, 3]]
    source = NiftiSource(stored(tmp_path / "a.nii", picture, affine=affine))
    assert source.size == (20, 14)
    assert np.array_equal(whole(source), frames)


def test_a_slice_may_be_flat_along_any_axis(tmp_path, frames):
    ras = np.eye(4)  # as after reorientation to a standard space: (1, y, z, frame)
    upright = frames[:, ::-1, ::-1]
    source = NiftiSource(stored(tmp_path / "a.nii", upright, affine=ras, flat=0))
    assert np.array_equal(whole(source), frames)


def test_several_slices_are_refused(tmp_path, frames):
    array = np.zeros((14, 20, 3, 5), np.float32)
    nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(RecordingError, match="holds 3 slices"):
        NiftiSource(tmp_path / "a.nii", None, EXACT)
    nibabel.save(nibabel.Nifti1Image(array[:, :, 0, 0], np.eye(4)), tmp_path / "b.nii")
    with pytest.raises(RecordingError, match="must be"):
        NiftiSource(tmp_path / "b.nii", None, EXACT)


def test_scaling_gives_the_unit_of_the_file(tmp_path, frames):
    path = tmp_path / "a.nii"
    image = nibabel.Nifti1Image(np.zeros((14, 20, 1, 3), np.int16), np.eye(4))
    image.header.set_slope_inter(0.5, -3.0)
    levels = np.arange(14 * 20 * 3, dtype=np.int16).reshape(14, 20, 1, 3)
    nibabel.save(image, path)
    raw = bytearray(path.read_bytes())
    raw[352:] = levels.tobytes(order="F")
    path.write_bytes(raw)
    source = NiftiSource(path, None, EXACT)
    assert source.peak is None
    assert np.array_equal(whole(source), 0.5 * levels[:, :, 0].transpose(2, 1, 0) - 3)


@pytest.mark.parametrize(("kind", "peak"), [(np.uint8, 255), (np.uint16, 65535), (np.int16, 32767)])
def test_peak_is_that_of_whole_numbers(tmp_path, frames, kind, peak):
    source = NiftiSource(stored(tmp_path / "a.nii", frames % 200, kind=kind))
    assert source.peak == peak
    assert np.array_equal(whole(source), frames % 200)


@pytest.mark.parametrize(
    ("step", "unit", "rate"),
    [
        (0.012008, "sec", EXACT), (12.008, "msec", EXACT), (12008, "usec", EXACT),
        (0.02, "sec", Fraction(50)), (1 / 24, "sec", Fraction(24)),
        (1000 / 55, "msec", Fraction(55)),
        (1.0, "sec", Fraction(1)),
    ],
)  # fmt: skip
def test_rate_is_exact_though_stored_as_a_float(tmp_path, frames, step, unit, rate):
    assert NiftiSource(stored(tmp_path / "a.nii", frames, step, ("mm", unit))).rate == rate


@pytest.mark.parametrize(
    ("step", "unit"), [(0, "sec"), (-1, "sec"), (np.nan, "sec"), (1.0, "unknown"), (0.02, "hz")]
)
def test_a_file_without_rate_wants_one(tmp_path, frames, step, unit):
    path = stored(tmp_path / "a.nii", frames, step, ("mm", unit))
    with pytest.raises(RecordingError, match=r"a\.nii: holds no frame rate; give --rate"):
        NiftiSource(path)
    assert NiftiSource(path, None, EXACT).rate == EXACT


def test_seconds_are_assumed_with_a_warning(tmp_path, frames):
    source = NiftiSource(stored(tmp_path / "a.nii", frames, 0.02, ("unknown", "unknown")))
    assert source.rate == 50
    assert "assumed" in source.provenance["warnings"][0]


def test_a_rate_that_contradicts_is_refused(tmp_path, frames):
    path = stored(tmp_path / "a.nii", frames)
    assert NiftiSource(path, None, Fraction("83.278")).rate == EXACT
    with pytest.raises(RecordingError, match=r"holds 83\.2778 frames a second; leave out"):
        NiftiSource(path, None, Fraction("83.3"))


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_damage_is_one_line(tmp_path, frames, name):
    whole_file = stored(tmp_path / name, frames).read_bytes()
    for kept in (0, 100, 349, len(whole_file) // 2, len(whole_file) * 9 // 10):
        (tmp_path / name).write_bytes(whole_file[:kept])
        with pytest.raises(RecordingError, match=rf"{name}: not a readable NIfTI") as caught:
            whole(NiftiSource(tmp_path / name))
        assert "\n" not in str(caught.value)
    (tmp_path / name).write_bytes(b"\x07" * 5000)
    with pytest.raises(RecordingError, match="not a readable NIfTI"):
        NiftiSource(tmp_path / name)
    with pytest.raises(RecordingError, match="no such file"):
        NiftiSource(tmp_path / "none.nii")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_of_complex_numbers_the_magnitude_is_taken(tmp_path, frames, name):
    phase = np.exp(1j * np.linspace(0, 9, frames.size)).reshape(frames.shape)
    source = NiftiSource(stored(tmp_path / name, frames * phase, kind=np.complex64))
    np.testing.assert_allclose(whole(source), frames, rtol=1e-6)
    assert source.peak is None


@pytest.mark.parametrize("name", ["clip.nii", "clip.nii.gz"])
def test_sound_lies_beside(tmp_path, frames, name):
    import soundfile

    path = stored(tmp_path / name, frames)
    assert NiftiSource(path).sound is None
    soundfile.write(tmp_path / "clip.wav", np.zeros(1600), 16_000)
    assert NiftiSource(path).provenance["audio"] == str(tmp_path / "clip.wav")
    shutil.copy(tmp_path / "clip.wav", tmp_path / "other.wav")
    assert NiftiSource(path, tmp_path / "other.wav").sound.path == tmp_path / "other.wav"


def written(path, frames, rate, step=7):
    writer = NiftiWriter(path, frames.shape, rate, path.suffix == ".gz")
    for first in range(0, len(frames), step):
        writer.write(frames[first : first + step])
    writer.close()
    return path


@pytest.mark.parametrize("rate", [EXACT, Fraction(65040, 781), Fraction(50)])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_what_is_written_comes_back(tmp_path, frames, name, rate):
    frames = np.sqrt(frames)
    source = NiftiSource(written(tmp_path / name, frames, rate))
    assert source.rate == rate
    assert np.array_equal(whole(source), frames)
    image = nibabel.load(tmp_path / name)
    assert nibabel.aff2axcodes(image.affine) == ("P", "I", "R")
    assert np.array_equal(image.get_fdata()[:, :, 0], frames.transpose(2, 1, 0))
    assert image.header.get_zooms()[3] == np.float32(1 / rate)
    again = written(tmp_path / f"again_{name}", frames, rate, step=64)
    assert again.read_bytes() == (tmp_path / name).read_bytes()
    if name.endswith("gz"):
        assert gzip.decompress(again.read_bytes())[:4] == (348).to_bytes(4, "little")


def test_more_frames_than_nifti_1_can_count(tmp_path):
    frames = np.arange(40_000, dtype=np.float32)[:, None, None] * np.ones((1, 2, 3), np.float32)
    source = NiftiSource(written(tmp_path / "a.nii", frames, EXACT, step=40_000))
    assert (source.count, source.rate) == (40_000, EXACT)
    assert np.array_equal(whole(source), frames)


def test_recordings_are_written_by_name(tmp_path, recording):
    from cleartract.recordings.opening import open_recording
    from cleartract.recordings.writing import write_recording

    exact = replace(recording, rate=EXACT)
    for name in ("a.nii", "a.nii.gz"):
        write_recording(tmp_path / name, exact, {})
        back = open_recording(tmp_path / name)
        assert back.rate == EXACT
        assert np.array_equal(back.frames, exact.frames)
