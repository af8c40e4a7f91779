from importlib import resources
from pathlib import Path

import numpy as np

from cleartract.evaluation.articulation import constriction_degree
from cleartract.evaluation.first_line import first_line
from cleartract.evaluation.grid_lines import GridLine
from cleartract.recordings.opening import open_recording

SIZE = 200 / 84  # [mm]


def test_the_first_line_of_the_shipped_recording_can_be_measured():
    path = Path(str(resources.files("cleartract.examples") / "speech.mp4"))
    frames = open_recording(path).frames
    ((name, (start, end)),) = first_line(frames[::6], SIZE).items()
    assert name == "tongue body"
    degree = constriction_degree(frames, GridLine(name, tuple(start), tuple(end)), SIZE)
    low, high = np.percentile(degree, (5, 95))
    assert 0 <= low < 3
    assert 5 < high < 15  # the tongue moves away from the palate


def test_nothing_is_guessed_in_noise():
    noise = np.random.default_rng(0).normal(100, 20, (40, 64, 64)).astype("f4")
    assert first_line(noise, SIZE) == {}
