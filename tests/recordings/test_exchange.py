from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from cleartract.errors import RecordingError
from cleartract.recordings.exchange import from_napari, from_xarray, to_napari, to_xarray
from cleartract.recordings.recording import Recording

RATES = (Fraction(125000, 1501), Fraction(65040, 781), Fraction(25))


def spoken(rate=RATES[0], sound=True, seed=0):
    rng = np.random.default_rng(seed)
    frames = rng.random((12, 20, 16), np.float32)
    audio = rng.normal(0, 0.1, 5000).astype(np.float32) if sound else None
    told = {"path": "speech.mp4", "warnings": ["the sound is late"]}
    return Recording(frames, rate, audio, 16_000 if sound else None, 255.0, told)


def same(one, other):
    sounds = [r.sound or (np.zeros(0), 0) for r in (one, other)]
    return (
        np.array_equal(one.frames, other.frames)
        and one.rate == other.rate
        and np.array_equal(sounds[0][0], sounds[1][0])
        and sounds[0][1] == sounds[1][1]
        and one.peak == other.peak
        and one.provenance == other.provenance
    )


@pytest.mark.parametrize("sound", [True, False])
@pytest.mark.parametrize("rate", RATES)
def test_through_xarray_and_back_is_the_same(rate, sound):
    pytest.importorskip("xarray")
    recording = spoken(rate, sound)
    assert same(from_xarray(to_xarray(recording, 2.4)), recording)
    assert same(from_xarray(to_xarray(recording).transpose("x", "frame", "y")), recording)
    bare = replace(recording, peak=None, provenance={})
    assert same(from_xarray(to_xarray(bare)), bare)


@pytest.mark.parametrize(("first", "frames"), [(0, 5), (3, 4), (7, 5)])
def test_a_part_of_an_array_is_the_excerpt(first, frames):
    pytest.importorskip("xarray")
    recording = spoken()
    part = to_xarray(recording).isel(frame=slice(first, first + frames))
    assert same(from_xarray(part), recording.excerpt(first, frames))


def test_axes_have_units():
    pytest.importorskip("xarray")
    recording = spoken()
    array = to_xarray(recording, 2.4)
    assert array.dims == ("frame", "y", "x")
    assert [array[name].attrs["units"] for name in ("frame", "time", "y", "x")] == [
        "frames", "s", "mm", "mm",
    ]  # fmt: skip
    assert float(array["x"][-1] - array["x"][0]) == pytest.approx(15 * 2.4)
    assert float(array["time"][1]) == pytest.approx(1.5 / float(recording.rate))
    assert to_xarray(recording)["x"].attrs["units"] == "pixels"


def test_an_array_survives_a_netcdf_file(tmp_path):
    pytest.importorskip("xarray")
    import xarray

    recording = spoken()
    to_xarray(recording, 2.4).to_netcdf(tmp_path / "speech.nc", engine="scipy")
    with xarray.open_dataarray(tmp_path / "speech.nc", engine="scipy") as array:
        assert same(from_xarray(array), recording)


def test_arrays_that_are_no_recording_are_refused():
    xarray = pytest.importorskip("xarray")
    array = to_xarray(spoken())
    with pytest.raises(RecordingError, match="not consecutive"):
        from_xarray(array.isel(frame=slice(None, None, 2)))
    with pytest.raises(RecordingError, match="frame, y and x"):
        from_xarray(array.isel(frame=0))
    bare = xarray.DataArray(np.ones((4, 16, 16)), dims=("frame", "y", "x"))
    with pytest.raises(RecordingError, match="give rate"):
        from_xarray(bare)
    assert from_xarray(bare, Fraction(25)).rate == 25


@pytest.mark.parametrize("sound", [True, False])
def test_through_napari_and_back_is_the_same(sound):
    class Layer:
        """What a layer of napari keeps of its layer data."""

        def __init__(self, data, options):
            self.data, self.name, self.metadata = data, options["name"], options["metadata"]

    recording = spoken(sound=sound)
    data = to_napari(recording, 2.4)
    assert data[1]["scale"] == pytest.approx((1501 / 125000, 2.4, 2.4))
    assert data[1]["units"] == ("s", "mm", "mm")
    assert data[2] == "image"
    assert same(from_napari(data), recording)
    assert same(from_napari(Layer(*data[:2])), recording)


def test_foreign_layers_need_a_rate():
    frames = np.ones((4, 16, 16), np.uint8)
    with pytest.raises(RecordingError, match="give rate"):
        from_napari((frames,))
    assert from_napari((frames, {"name": "tongue"}, "image"), Fraction(25)).rate == 25
    with pytest.raises(RecordingError, match="must hold"):
        from_napari((np.ones((16, 16)), {}, "image"), Fraction(25))
