import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleartract.recordings.intensity import Intensity, ValueHistogram

SHARES = (0, 0.1, 1, 25, 50, 99.5, 99.9, 100)


def test_intensity_is_undone_exactly(recording):
    scale = Intensity.of(recording.frames)
    assert np.abs(scale.undo(scale.apply(recording.frames)) - recording.frames).max() < 1e-3
    assert np.percentile(scale.apply(recording.frames), 99.5) == pytest.approx(1, abs=1e-3)


def counted(values, pieces=1):
    histogram = ValueHistogram()
    for part in np.array_split(values, pieces):
        histogram.add(part)
    return histogram


@given(st.lists(st.integers(-2047, 2047), min_size=1, max_size=60), st.sampled_from(SHARES))
def test_percentiles_of_whole_numbers_are_exact(values, share):
    found = counted(np.array(values, np.float32)).percentile(share)
    assert found == pytest.approx(np.percentile(values, share), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("kind", ["levels", "normal", "deep", "negative"])
def test_percentiles_of_any_numbers_are_close(kind):
    rng = np.random.default_rng(0)
    values = {
        "levels": rng.gamma(2.0, 40.0, 40_000),
        "normal": rng.normal(0, 1e-3, 40_000),
        "deep": rng.uniform(0, 65_535, 40_000),
        "negative": -rng.gamma(2.0, 1e5, 40_000),
    }[kind].astype(np.float32)
    histogram = counted(values, 3)
    for share in SHARES:
        exact = np.percentile(values, share)
        assert histogram.percentile(share) == pytest.approx(exact, rel=1e-3, abs=1e-6)
    assert (histogram.minimum, histogram.maximum) == (values.min(), values.max())


@pytest.mark.parametrize("pieces", [2, 7, 50])
def test_percentiles_do_not_depend_on_the_chunks(pieces):
    values = np.random.default_rng(1).normal(5, 40, (50, 9, 11)).astype(np.float32)
    for share in SHARES:
        assert counted(values).percentile(share) == counted(values, pieces).percentile(share)
    assert counted(values).intensity() == counted(values, pieces).intensity()


def test_the_scale_is_that_of_the_frames(recording):
    found, expected = counted(recording.frames, 5).intensity(), Intensity.of(recording.frames)
    assert found.offset == pytest.approx(expected.offset, abs=1e-3)
    assert found.scale == pytest.approx(expected.scale, rel=1e-6)


def test_no_values_have_no_percentile():
    with pytest.raises(ValueError, match="no values"):
        ValueHistogram().percentile(50)
