import json

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from scipy.special import erf

from cleartract.cli import main
from cleartract.corpora.dataset import AVDataset
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.errors import UsageError
from cleartract.evaluation import articulation as speech
from cleartract.evaluation.full_reference import correlation
from cleartract.evaluation.grid_lines import (
    GridLine,
    moving_lines,
    outline_lines,
    read_lines,
    sample_line,
)

RATE, PIXEL = 83.3, 2.0
LINE = GridLine("gap", (40.0, 10.0), (40.0, 70.0))


def gap_frames(widths, size=40):
    """A slab of air of given widths [mm] under a fixed wall at y = 20 mm, soft edges."""
    y = (np.arange(size) * PIXEL)[:, None]
    frames = []
    for width in widths:
        air = 0.5 * (erf((y - 20) / 2) - erf((y - 20 - width) / 2))
        frames.append(np.repeat(1 - air, size, 1))
    return np.stack(frames)


def swing(n=120, low=2.0, high=14.0, period=40):
    return low + (high - low) * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / period))


def test_constriction_degree_is_the_width_of_the_gap():
    widths = swing(low=6, high=16)
    degree = speech.constriction_degree(gap_frames(widths), LINE, PIXEL)
    assert correlation(degree, widths) > 0.999
    assert np.abs(degree - widths).max() < 0.6
    assert speech.constriction_degree(500 * gap_frames(widths) + 30, LINE, PIXEL) == pytest.approx(
        degree, abs=1e-6
    )


def test_noise_in_tissue_is_not_air():
    rng = np.random.default_rng(0)
    widths = swing()
    frames = gap_frames(widths)
    clean = speech.constriction_degree(frames, LINE, PIXEL)
    noisy = speech.constriction_degree(frames + 0.05 * rng.normal(size=frames.shape), LINE, PIXEL)
    assert speech.degree_error(noisy, clean) < 0.5


def test_a_shifted_copy_has_its_shift_as_timing_error():
    degree = swing()
    level, margin = speech.closed_below(degree)
    assert (level, margin) == (pytest.approx(5.6, abs=0.1), pytest.approx(1.2, abs=0.05))
    events = speech.events(degree, level, RATE)
    assert [event.closes for event in events] == [False, True, False, True, False, True]
    late = [speech.Event(e.closes, e.time + 2 / RATE) for e in events]
    assert speech.timing(late, events) == (pytest.approx(2000 / RATE), 0)
    again = speech.events(np.roll(degree, 2), level, RATE)
    assert speech.timing(again, events)[0] == pytest.approx(2000 / RATE, rel=0.02)
    assert speech.timing(events[:3], events)[1] == pytest.approx(0.5)
    assert np.isnan(speech.timing(events, [])[0])


def test_noise_about_the_level_is_no_event():
    degree = swing(n=600, period=200)
    level, margin = speech.closed_below(degree)
    events = speech.events(degree, level, RATE, margin)
    rng = np.random.default_rng(0)
    noisy = degree + 0.4 * rng.normal(size=degree.shape)
    assert len(speech.events(noisy, level, RATE)) > len(events)
    calm = speech.events(noisy, level, RATE, margin)
    assert [e.closes for e in calm] == [e.closes for e in events]
    assert speech.timing(calm, events)[0] < 3000 / RATE


def test_a_closure_that_was_filled_or_opened_is_known():
    degree = swing(n=160)
    level, _ = speech.closed_below(degree)
    same = speech.closure_changes(degree, degree, level, RATE)
    assert len(same) == 5  # one at each end of the recording
    np.testing.assert_allclose(same, 0)
    opened = degree.copy()
    opened[60:100] = np.maximum(opened[60:100], 4.5)  # the third closure, 2 mm before
    changed = speech.closure_changes(opened, degree, level, RATE)
    np.testing.assert_allclose(np.delete(changed, 2), 0, atol=0.02)
    assert changed[2] == pytest.approx(2.4, abs=0.2)
    late = np.roll(degree, 2)  # 24 ms: the closure is there
    np.testing.assert_allclose(speech.closure_changes(late, degree, level, RATE)[1:-1], 0, atol=0.1)


def test_one_event_cannot_stand_for_two():
    twice = [speech.Event(True, 1.0), speech.Event(True, 1.03)]
    error, missed = speech.timing([speech.Event(True, 1.02)], twice)
    assert error == pytest.approx(10)
    assert missed == 0.5


def test_crossings_lie_between_frames():
    degree = np.array([3.0, 3.0, 1.0, 1.0])
    (event,) = speech.events(degree, 1.5, 10.0)
    assert event.closes
    assert event.time == pytest.approx((1 + 0.75 + 0.5) / 10)


def test_smearing_lowers_the_peak_velocity():
    degree = np.where(np.arange(160) % 40 < 20, 12.0, 2.0)
    events = speech.events(degree, 7, RATE)
    assert speech.peak_velocity_ratio(degree, degree, events, RATE) == pytest.approx(1)
    smeared = gaussian_filter1d(degree, 4)
    assert speech.peak_velocity_ratio(smeared, degree, events, RATE) < 0.75
    assert speech.peak_velocity_ratio(0.5 * degree, degree, events, RATE) == pytest.approx(0.5)


def test_velocity_of_a_ramp():
    ramp = 3.0 * np.arange(50) / RATE
    np.testing.assert_allclose(speech.velocity(ramp, RATE), 3.0, rtol=1e-6)


@pytest.mark.parametrize("blur", [2.0, 3.0])
def test_edge_width_of_a_blurred_step(blur):
    y = np.arange(80)[:, None] * np.ones((80, 80))
    step = np.stack([gaussian_filter((y >= 40).astype(float), blur)] * 3)
    line = GridLine("edge", (40.0, 15.0), (40.0, 65.0))
    width = speech.edge_width(step, [line], 1.0)
    assert width == pytest.approx(np.sqrt(2 * np.pi) * blur, rel=0.06)
    assert width < speech.edge_width(gaussian_filter(step, (0, 2, 2)), [line], 1.0)


def test_outline_lines_measure_what_the_outlines_say(corpus):
    checked = set()
    for entry in AVDataset(corpus, "all").entries:
        simulated = SimulatedRecording.load(entry.path)
        truth, outlines = simulated.truth().frames, simulated.outlines
        pixel = 200 / truth.shape[2]
        lines = {line.name: line for line in outline_lines(outlines)}
        assert list(lines) == ["lips", "tongue tip", "tongue body", "velum port", "pharynx"]
        tongue = outlines[:, 66:96]
        lips = outlines[:, 29:32, None] - outlines[:, None, 56:62]
        distances = {"lips": np.linalg.norm(lips, axis=3).min((1, 2))}
        for name, point in (("tongue tip", 20), ("tongue body", 16), ("pharynx", 6)):
            anchor = outlines[:, point].mean(0)
            distances[name] = np.linalg.norm(tongue - anchor, axis=2).min(1)
        for name, distance in distances.items():
            if np.ptp(distance) > 3:
                degree = speech.constriction_degree(truth, lines[name], pixel)
                least = 0.9 if name in ("tongue body", "pharynx") else 0.7
                assert correlation(degree, distance) > least, (entry.path, name)
                checked.add(name)
    assert checked >= {"tongue tip", "tongue body", "pharynx"}


def test_moving_lines_cross_what_moves(moving_frames):
    lines = moving_lines(moving_frames, 2.0, count=2, length=20)
    assert len(lines) == 2
    for line in lines:
        profile = sample_line(moving_frames, line, 2.0)
        assert profile.std(0).max() > 20
        assert profile.mean(0)[-1] > profile.mean(0)[0]  # from dark to bright


def test_no_line_lies_where_all_changes_as_a_whole(moving_frames, tmp_path, capsys):
    """A flicker has no edge to cross; lines stay where there are some, and have a length."""
    flicker = 100 + 80 * np.sin(np.arange(len(moving_frames)))[:, None, None]
    assert moving_lines(flicker * np.ones((1, 52, 60)), 2.0, length=20) == []
    both = moving_frames.copy()
    both[:, :, :12] = flicker
    for line in moving_lines(both, 2.0, length=20):
        assert line.length == pytest.approx(20)
    np.savez(path := tmp_path / "a.npz", frames=np.repeat(flicker, 64, 1) * np.ones(64), rate=50)
    assert main(["measure", str(path)]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.endswith("nothing moves across air; give --grid-lines")


def test_grid_lines_from_a_file(tmp_path):
    path = tmp_path / "lines.json"
    path.write_text(json.dumps({"lips": [[10, 20], [10, 45.5]]}))
    (line,) = read_lines(path)
    assert line == GridLine("lips", (10.0, 20.0), (10.0, 45.5))
    assert line.length == pytest.approx(25.5)
    for bad in ("{}", "[1]", '{"a": [[0, 0], [0, 0]]}', '{"a": 3}', "not json"):
        path.write_text(bad)
        with pytest.raises(UsageError, match=r"lines\.json"):
            read_lines(path)
