import gc
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleartract.recordings import spool as spools
from cleartract.recordings.spool import Spool


@given(
    st.lists(st.integers(0, 9), max_size=5),
    st.integers(-12, 50),
    st.integers(0, 30),
    st.sampled_from([0, 1, 3]),
)
def test_spans_are_slices_with_zeros_beyond_the_ends(lengths, start, count, columns):
    shape = (sum(lengths), columns) if columns else (sum(lengths),)
    rows = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    spool = Spool(columns)
    for part in np.split(rows, np.cumsum(lengths)[:-1] if lengths else []):
        spool.append(part)
    assert len(spool) == len(rows)
    expected = np.zeros((count, *shape[1:]), np.float32)
    for place in range(count):
        if 0 <= start + place < len(rows):
            expected[place] = rows[start + place]
    np.testing.assert_array_equal(spool.span(start, count), expected)


@pytest.mark.parametrize("limit", [16, 1 << 20])
def test_rows_on_disk_are_those_in_memory(monkeypatch, limit):
    monkeypatch.setattr(spools, "_IN_MEMORY", limit)
    spool = Spool(2, "float64")
    for first in range(0, 90, 30):
        spool.append(np.arange(first, first + 30, dtype=float).reshape(-1, 2))
        spool.span(0, 4)  # reading does not disturb writing
    np.testing.assert_array_equal(spool.span(0, 45), np.arange(90.0).reshape(-1, 2))


@pytest.mark.parametrize("limit", [16, 1 << 20])
def test_nothing_is_left_open(monkeypatch, limit):
    monkeypatch.setattr(spools, "_IN_MEMORY", limit)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        spool = Spool()
        spool.append(np.zeros(100))
        del spool
        gc.collect()
    assert [one for one in caught if issubclass(one.category, ResourceWarning)] == []
