import dataclasses

import numpy as np
import pytest

from cleartract.simulation.scanner.trajectories import (
    TIMIT,
    USC75,
    arm_points,
    density_compensation,
    spiral_arm,
)


def test_protocols_have_the_published_frame_rates():
    assert float(USC75.rate) == pytest.approx(83.28, abs=0.005)
    assert float(TIMIT.rate) == pytest.approx(23.18, abs=0.005)


def test_thirteen_arms_sample_every_angle_once_and_all_states_use_all_arms():
    angles = sorted(USC75.angle(a) for a in range(13))
    np.testing.assert_allclose(angles, 2 * np.pi * np.arange(13) / 13)
    arms = [a for state in range(8) for a in TIMIT.arms_of_state(state)]
    assert arms == list(range(4 * TIMIT.arms_per_frame))
    golden = dataclasses.replace(USC75, golden=True)
    assert len({round(golden.angle(a), 6) for a in range(200)}) == 200


def test_spiral_covers_the_disc_and_its_weights_the_area():
    k = spiral_arm(USC75)
    assert abs(k[0]) == 0
    assert abs(k[-1]) == pytest.approx(np.pi)
    assert density_compensation(USC75).sum() * 13 == pytest.approx(np.pi / 4, rel=1e-5)


def test_arm_points_are_rotated_copies():
    k = arm_points(USC75, range(3)).reshape(3, -1)
    for arm in range(3):
        expected = k[0] * np.exp(1j * (USC75.angle(arm) - USC75.angle(0)))
        np.testing.assert_allclose(k[arm], expected, atol=1e-9)
