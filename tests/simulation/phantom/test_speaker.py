import numpy as np
import pytest

from cleartract.simulation.phantom.speaker import Speaker


def test_speakers_differ_and_repeat():
    assert Speaker.random(3).shape == Speaker.random(3).shape
    assert Speaker.random(3).shape != Speaker.random(4).shape


def test_warp_keeps_contact():
    speaker = Speaker.random(1)
    points = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.01]])
    moved = speaker.to_image(points)
    assert np.array_equal(moved[0], moved[1])
    assert np.linalg.norm(moved[0] - moved[2]) == pytest.approx(0.1, rel=0.3)  # 0.01 cm
