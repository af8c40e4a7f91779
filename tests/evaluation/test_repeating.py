import numpy as np
import pytest
import torch

from cleartract.evaluation.repeating import posture, repeating_part
from cleartract.recordings.rician import rician_mean

RATE, FRAMES, NOISE = 80.0, 640, 0.05


@pytest.fixture(scope="module")
def moving():
    """Frames of two independent movements."""
    rng = np.random.default_rng(0)
    time = np.arange(FRAMES)
    movements = np.stack([np.sin(time / 7), np.cos(time / 11.3)], 1)
    patterns = rng.normal(size=(2, 20, 20))
    return (0.7 + 0.06 * np.tensordot(movements, patterns, 1)).astype(np.float32), movements


def noise():
    return np.random.default_rng(1).normal(0, NOISE, (FRAMES, 20, 20)).astype(np.float32)


def bright(frames):
    return np.percentile(frames.mean(0), 99.5)


def test_posture_is_the_movement(moving):
    frames, movements = moving
    found = posture(frames)
    assert found.shape == (FRAMES, 2)
    told = found @ np.linalg.lstsq(found, movements - movements.mean(0), rcond=None)[0]
    np.testing.assert_allclose(told, movements - movements.mean(0), atol=1e-3)


def test_taking_noise_away_repeats_nothing(moving):
    noisy = moving[0] + noise()
    found = repeating_part(noisy, moving[0], RATE)
    assert found["repeating"] < 0.1 * found["removed"]
    assert found["removed"] == pytest.approx(NOISE / bright(noisy), rel=0.05)


def test_doing_nothing_repeats_nothing(moving):
    assert repeating_part(moving[0] + noise(), moving[0] + noise(), RATE)["repeating"] == 0


def test_paint_and_smaller_movement_repeat(moving):
    frames = moving[0]
    paint = 0.05 * np.random.default_rng(3).normal(size=(20, 20))
    noisy = frames + noise()
    for changed in (frames + paint, frames.mean(0) + 0.4 * (frames - frames.mean(0))):
        found = repeating_part(noisy, changed.astype(np.float32), RATE)
        true = np.sqrt(((frames - changed) ** 2).mean()) / bright(noisy)
        assert found["repeating"] == pytest.approx(true, rel=0.15)
        assert found["noise"] == pytest.approx(NOISE / bright(noisy), rel=0.1)


def test_the_bias_of_magnitudes_is_not_counted(moving):
    sigma = 0.3
    frames = moving[0]
    shown = rician_mean(torch.from_numpy(frames.astype(float)), torch.tensor(sigma)).numpy()
    known = repeating_part(shown, frames, RATE, sigma)
    unknown = repeating_part(shown, frames, RATE)
    assert known["repeating"] < 0.05 * unknown["repeating"]


def test_short_or_still_recordings_tell_nothing(moving):
    frames = moving[0]
    assert repeating_part(frames[:60], frames[:60], RATE) == {}
    still = np.repeat(frames[:1], FRAMES, 0)
    assert repeating_part(still + noise(), still, RATE) == {}
