import numpy as np
import pytest

from cleartract.simulation.scanner.codecs import compress
from tests.simulation.scanner.discs import frames


@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg", "libx264"])
def test_codecs_lose_little_at_high_quality_and_more_at_low(codec):
    clean = frames(8, 41)
    errors = [np.abs(compress(clean, codec, q) - clean).mean() for q in (0.0, 1.0)]
    assert errors[1] < errors[0]
    assert errors[1] < 0.01
    assert compress(clean, codec, 1.0).shape == clean.shape
