import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, uniform_filter1d

from cleartract.evaluation.still import still_starts, still_truth

RATE, FRAMES = 80.0, 400
REST = (slice(60, 140), slice(250, 330))


@pytest.fixture(scope="module")
def clean():
    """A bright disc that moves, except in two stretches, on textured tissue."""
    rng = np.random.default_rng(0)
    position, path = 0.0, []
    for frame in range(FRAMES):
        at_rest = any(part.start <= frame < part.stop for part in REST)
        position += 0.0 if at_rest else 0.25 * np.sin(frame / 9)
        path.append(position)
    y, x = np.mgrid[:40, :40]
    texture = 0.5 + 0.08 * gaussian_filter(rng.normal(size=(40, 40)), 1) / 0.28
    discs = [1 / (1 + np.exp(np.hypot(y - 20 - p, x - 20) - 8)) for p in path]
    return (texture + 0.4 * np.stack(discs)).astype(np.float32)


def noisy_of(clean, memory=1):
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(FRAMES, 40, 40))
    noise = uniform_filter1d(noise, memory, axis=0) * np.sqrt(memory)
    return (clean + 0.04 * noise).astype(np.float32)


def test_the_still_stretches_are_found(clean):
    starts = still_starts(noisy_of(clean), RATE, 2)
    for start, rest in zip(starts, REST, strict=True):
        assert rest.start - 8 <= start <= rest.stop - 40


@pytest.mark.parametrize("memory", [1, 4])
def test_doing_nothing_gains_nothing_and_changes_nothing(clean, memory):
    noisy = noisy_of(clean, memory)
    found = still_truth(noisy, noisy, RATE)
    assert found["gain"] == 0
    assert found["bias"] == 0


@pytest.mark.parametrize("memory", [1, 4])
def test_the_truth_gains_much_and_has_no_bias(clean, memory):
    """Noise that is correlated in time must not be taken for a change."""
    found = still_truth(noisy_of(clean, memory), clean, RATE)
    assert abs(found["bias"]) < 0.006
    assert found["gain"] > 8


def test_paint_is_seen(clean):
    paint = 0.03 * np.random.default_rng(2).normal(size=clean.shape[1:]).astype(np.float32)
    found = still_truth(noisy_of(clean), clean + paint, RATE)
    bright = np.percentile(clean.mean(0), 99.5)
    assert found["bias"] == pytest.approx(0.03 / bright, rel=0.15)


def test_a_blur_is_seen(clean):
    blurred = gaussian_filter(noisy_of(clean), (0, 1.5, 1.5))
    assert still_truth(noisy_of(clean), blurred, RATE)["bias"] > 0.02


def test_short_recordings_have_no_still_stretch(clean):
    assert still_truth(clean[:20], clean[:20], RATE) == {}


@pytest.mark.parametrize("rate", [2.0, 5.0, 12.0])
def test_slow_recordings_have_no_replicates(clean, rate):
    assert still_truth(clean, clean, rate) == {}
