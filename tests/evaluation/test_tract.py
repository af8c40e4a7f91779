"""Grid lines are laid across the vocal tract, whichever way the face looks."""

from dataclasses import replace

import numpy as np
import pytest

from cleartract.corpora.dataset import AVDataset
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.evaluation.anatomical_lines import anatomical_lines
from cleartract.evaluation.grid_lines import GridLine
from cleartract.evaluation.line_picture import lines_picture
from cleartract.evaluation.line_quality import line_quality
from cleartract.evaluation.tract import find_tract

FIELD = 200.0  # [mm]


@pytest.fixture(scope="module")
def speakers(corpus):
    entries = AVDataset(corpus, "all").entries
    return [SimulatedRecording.load(entry.path) for entry in entries]


def nearest(line, points):
    """Least distance of points from a line [mm]."""
    places = np.linspace(line.start, line.end, 60)
    return float(np.linalg.norm(places[:, None] - points[None], axis=2).min())


def test_lines_go_from_the_wall_into_the_tongue(speakers):
    for simulated in speakers:
        frames = simulated.noisy("view_shared").frames
        tract = find_tract(frames, FIELD / frames.shape[2])
        assert tract is not None
        lines = {line.name: line for line in anatomical_lines(tract)}
        assert {"tongue tip", "tongue body", "pharynx"} <= set(lines)
        upper = simulated.outlines[:, :34].mean(0)
        tongue = simulated.outlines[:, 62:99].reshape(-1, 2)
        for name in ("tongue body", "pharynx"):
            assert nearest(lines[name], upper) < 6, name
            assert nearest(lines[name], tongue) < 3, name
        assert line_quality(frames, lines["tongue body"], FIELD / frames.shape[2]).scored


def test_a_face_to_the_right_gets_the_same_lines_mirrored(speakers):
    frames = speakers[0].noisy("view_shared").frames
    pixel = FIELD / frames.shape[2]
    width = FIELD - pixel
    left, right = (
        {line.name: line for line in anatomical_lines(find_tract(one, pixel))}
        for one in (frames, frames[:, :, ::-1])
    )
    assert set(left) == set(right)
    for name, line in left.items():
        mirrored = [(width - x, y) for x, y in (right[name].start, right[name].end)]
        np.testing.assert_allclose(mirrored, [line.start, line.end], atol=1e-6)


def test_without_a_head_there_is_no_tract(moving_frames):
    rng = np.random.default_rng(0)
    assert find_tract(rng.random((30, 80, 80)).astype(np.float32), 2.5) is None
    assert find_tract(moving_frames, 1.0) is None  # too small a field for a head


def test_the_picture_shows_every_line(speakers):
    frames = speakers[0].noisy("view_shared").frames
    pixel = FIELD / frames.shape[2]
    line = GridLine("lips", (60.0, 60.0), (60.0, 90.0))
    quality = line_quality(frames, line, pixel)
    drawn = lines_picture(frames, [line], [quality], pixel)
    refused = lines_picture(frames, [line], [replace(quality, reason="no air")], pixel)
    assert drawn[:4] == refused[:4] == b"\x89PNG"
    assert drawn != refused
