import numpy as np

from cleartract.simulation.phantom.canvas import smooth_curve


def test_corner_cutting_keeps_ends_and_hull():
    points = np.array([[0.0, 0], [1, 0], [1, 1]])
    curve = smooth_curve(points, 3, closed=False)
    assert np.array_equal(curve[[0, -1]], points[[0, -1]])
    assert curve.min() >= 0
    assert curve.max() <= 1
