import numpy as np
import pytest

from cleartract.evaluation.consistency import consistency, middle_excerpt


def test_consistency_of_a_copy_and_of_a_constant(recording):
    assert consistency(recording, lambda r: r.frames) == pytest.approx(1)
    assert consistency(recording, lambda r: np.ones_like(r.frames)) == 0
    half = consistency(recording, lambda r: 0.5 * r.frames)
    assert half == pytest.approx(0.5)


def test_an_excerpt_lies_in_the_middle():
    assert middle_excerpt(100, 40) == (30, 40)
    assert middle_excerpt(10, 40) == (0, 10)
