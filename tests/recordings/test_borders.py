import numpy as np
import pytest

from cleartract.recordings.borders import Borders, empty_borders
from cleartract.recordings.opening import open_source
from cleartract.recordings.source import FirstFrames, in_memory


def video(seed=0):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:40, :44]
    disc = 150 / (1 + np.exp(np.hypot(y - 4, x - 22) - 14))  # touches the upper border
    moving = [np.roll(disc, int(6 * np.sin(t / 3)), 1) for t in range(20)]
    return np.stack(moving) + rng.rayleigh(6, (20, 40, 44))


def test_image_at_the_border_is_not_taken_for_noise():
    assert not empty_borders(video())


def test_noise_lines_are_found_on_every_side():
    frames, rng = video(), np.random.default_rng(1)
    frames[:, :2] = rng.uniform(0, 255, (20, 2, 44))
    frames[:, :, -1] = rng.uniform(0, 255, (20, 40))
    found = empty_borders(frames)
    assert found == Borders(top=2, right=1)
    assert found.described() == "2 rows at the top, 1 column at the right"


def test_kept_changes_only_the_image():
    original, borders = video(), Borders(top=2, left=1)
    result = borders.kept(np.zeros_like(original), original)
    assert np.array_equal(result[:, :2], original[:, :2])
    assert np.array_equal(result[:, :, 0], original[:, :, 0])
    assert not result[:, 2:, 1:].any()
    filled = borders.replicated(original)
    assert np.array_equal(filled[:, 0, 1:], original[:, 2, 1:])
    assert np.array_equal(filled[:, 2:, 1:], original[:, 2:, 1:])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("F3_033", Borders(top=3)),
        ("M1_342", Borders(bottom=3)),
        ("F3_359", Borders(top=2, left=1)),
        ("F1_001", Borders()),
        ("lac12112011_13_29_46", Borders()),
    ],
)
def test_real_clips(real_data, name, expected):
    source = open_source(real_data / "usc-timit" / f"{name}.avi")
    assert empty_borders(in_memory(FirstFrames(source, 400)).frames) == expected
