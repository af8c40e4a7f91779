import numpy as np
import pytest

from tests.golden.shipped import FILE, KEPT, LEVELS, frames_of


@pytest.mark.parametrize("case", KEPT)
def test_shipped_weights_compute_what_they_always_did(case):
    expected = np.load(FILE)[case] / LEVELS
    np.testing.assert_allclose(frames_of(case) / 255, expected / 255, atol=1e-4)
