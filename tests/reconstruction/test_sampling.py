from dataclasses import replace

import numpy as np
import pytest

from cleartract.reconstruction.reconstruction import Reconstruction
from cleartract.reconstruction.sampling import MeasuredSampling
from cleartract.simulation.scanner.trajectories import USC75

SMALL = replace(USC75, size=32, samples=160)


def measured(n_arms: int) -> MeasuredSampling:
    table = np.stack([SMALL.points(range(arm, arm + 1)) for arm in range(13)])
    played = np.arange(n_arms) % 13
    return MeasuredSampling(32, 13, 2, table.astype(np.complex64), played, 5 * SMALL.weights())


def test_measured_sampling_is_that_of_the_protocol_in_any_unit_of_density():
    sampling, arms = measured(40), range(20, 27)
    assert np.allclose(sampling.points(arms), SMALL.points(arms), atol=1e-5)
    assert np.allclose(sampling.weights(), SMALL.weights(), rtol=1e-4, atol=1e-9)
    assert sampling.key(range(0, 2)) == sampling.key(range(13, 15)) != sampling.key(range(1, 3))


def test_samples_beyond_the_resolution_of_the_frame_weigh_nothing():
    sampling = measured(13)
    coarse = replace(sampling, table=2 * sampling.table, size=16)
    outside = np.abs(coarse.table[0]) > 1.01 * np.pi
    assert outside.any()
    assert not coarse.weights()[outside].any()
    assert coarse.weights().sum() * 13 == pytest.approx(np.pi / 4, rel=0.05)


@pytest.mark.parametrize("width", [1, 2, 5, 13])
def test_every_frame_has_its_arms_around_its_centre(width):
    frames = Reconstruction(SMALL, np.ones((1, 32, 32), np.complex64)).frames_of(41, width)
    assert len(frames) == 20
    for number, arms in enumerate(frames):
        assert 0 <= arms.start < arms.stop <= 41
        if width // 2 < 2 * number < 41 - width:
            assert len(arms) == width
            assert abs((arms.start + arms.stop) / 2 - (2 * number + 1)) <= 0.5
    if width == 2:
        assert [arm for arms in frames for arm in arms] == list(range(40))
