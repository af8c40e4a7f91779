"""Lines without air between tissue are not scored."""

import numpy as np
import pytest

from cleartract.evaluation.grid_lines import GridLine
from cleartract.evaluation.line_quality import line_quality
from cleartract.evaluation.measure import Subject, articulation

RATE, PIXEL, SIZE = 83.0, 2.0, 40
ACROSS = GridLine("across", (40.0, 14.0), (40.0, 60.0))
WIDTHS = 6 - 6 * np.cos(np.arange(80) / 6)  # [mm]


def slab(widths, wall=1.0, tissue=1.0, noise=0.02):
    """Air of given widths [mm] below a wall that ends at 20 mm, (frame, height, width)."""
    y, end = np.arange(SIZE) * PIXEL, 20 + np.array(widths)[:, None]
    overlap = np.minimum(y + 1, end) - np.maximum(y - 1, 20)  # of a pixel with the air
    open_ = np.clip(overlap / PIXEL, 0, 1)
    levels = np.where(y < 20, wall, tissue) * (1 - open_)
    frames = np.repeat(levels[:, :, None], SIZE, 2)
    return frames + noise * np.random.default_rng(0).normal(size=frames.shape)


def test_a_gap_that_opens_and_closes_is_sure():
    quality = line_quality(slab(WIDTHS), ACROSS, PIXEL)
    assert quality.scored
    assert quality.confidence > 0.9
    assert 0.4 < quality.open_share < 1
    dim = line_quality(slab(WIDTHS, wall=0.35), ACROSS, PIXEL)
    assert dim.scored  # far from the coil a wall is dim


@pytest.mark.parametrize(
    ("frames", "line", "reason"),
    [
        (slab(np.zeros(80)), ACROSS, "do not differ"),
        (slab(WIDTHS, wall=0.0), ACROSS, "no tissue at its start"),
        (slab(WIDTHS, tissue=0.0), ACROSS, "no tissue"),
        (slab(WIDTHS, noise=1.5), ACROSS, "do not differ"),
        (slab(WIDTHS), GridLine("along", (10.0, 26.0), (70.0, 26.0)), "no air between tissue"),
    ],
)
def test_a_line_without_an_edge_is_refused_and_says_why(frames, line, reason):
    quality = line_quality(frames, line, PIXEL)
    assert not quality.scored
    assert reason in quality.reason


def test_a_refused_line_has_no_figures():
    frames = slab(WIDTHS).astype(np.float32)
    lines = [ACROSS, GridLine("tissue", (40.0, 2.0), (40.0, 16.0))]
    rows = articulation(Subject("slab", RATE, frames, noisy=frames, lines=lines, pixel_size=PIXEL))
    assert rows["across"]["error_mm"]["denoised"] == 0
    assert rows["across"]["closure_change_mm"]["denoised"] == 0
    assert "not_scored" not in rows["across"]
    assert np.isnan(rows["tissue"]["error_mm"]["denoised"])
    assert rows["tissue"]["not_scored"]
