import numpy as np

from cleartract.evaluation.hidden import hidden_frames, hidden_runs, linear_interpolation


def test_runs_have_neighbours_and_one_length():
    hidden = hidden_runs(200)
    edges = np.flatnonzero(np.diff(hidden.astype(int)))
    assert not hidden[:12].any()
    assert not hidden[-12:].any()
    assert set(np.diff(edges)[::2]) == {8}
    assert hidden.mean() > 0.2


def test_straight_motion_is_interpolated_exactly():
    frames = np.arange(100, dtype=np.float32)[:, None, None] * np.ones((1, 3, 4), np.float32)
    hidden = hidden_runs(100)
    holes = np.where(hidden[:, None, None], 0, frames)
    np.testing.assert_allclose(linear_interpolation(holes, hidden), frames, rtol=1e-5)


def test_what_is_hidden_does_not_reach_the_result(spoken, hearing_model):
    found = hidden_frames(spoken, hearing_model, spoken.audio[::-1].copy())
    assert set(found) == {"matched", "none", "foreign", "noisy", "restored"}
    assert all(np.isfinite(value) for value in found.values())
