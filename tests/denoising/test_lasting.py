"""What lasts is given back, noise is not."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from cleartract.denoising.lasting import given_back, reach, repeating_parts, with_lasting
from cleartract.denoising.residual import ResidualPass
from cleartract.denoising.survey import survey
from cleartract.recordings.recording import Recording
from cleartract.recordings.source import RecordingSource

FRAMES, SIZE, NOISE, RATE = 400, 32, 4.0, 80
LONG = 80  # [frames] that a change lasts


@pytest.fixture(scope="module")
def clean():
    """Frames of two movements [grey levels]."""
    rng, time = np.random.default_rng(0), np.arange(FRAMES)
    movements = np.stack([np.sin(time / 7), np.cos(time / 11.3)], 1)
    patterns = rng.normal(size=(2, 4, 4)).repeat(8, 1).repeat(8, 2)
    return (140 + 15 * np.tensordot(movements, patterns, 1)).astype(np.float32)


def with_noise(clean, frames=1):
    """White noise of `NOISE` grey levels, or noise that lasts for some frames."""
    noise = np.random.default_rng(1).normal(0, NOISE, (FRAMES + frames, SIZE, SIZE))
    sums = np.cumsum(noise, 0)
    smooth = (sums[frames:] - sums[:-frames]) / np.sqrt(frames)
    return (clean + smooth).astype(np.float32)


def surveyed(noisy):
    return survey(RecordingSource(Recording(noisy, Fraction(RATE))))


def split_of(noisy, restored, found=None):
    collected = ResidualPass(found or surveyed(noisy))
    collected.add(noisy, restored)
    by_posture = collected.result()
    return by_posture, with_lasting(by_posture, [noisy], [restored])


def repeating(split, noisy, restored):
    return np.concatenate([part for _, part in repeating_parts(split, [noisy], [restored])])


@pytest.mark.parametrize(
    "frames", [1, 5]
)  # white; lasting for less than the frames nearby are away
def test_noise_does_not_last(clean, frames):
    noisy = with_noise(clean, frames)
    by_posture, split = split_of(noisy, clean)
    assert split.factors[0].mean() < 0.1
    before, after = (repeating(s, noisy, clean).std() for s in (by_posture, split))
    assert after < before + 0.03 * NOISE
    assert split.noise == pytest.approx(by_posture.noise, rel=0.01)


def test_what_was_painted_once_is_given_back(clean):
    noisy = with_noise(clean)
    paint = np.random.default_rng(3).normal(0, 12, (FRAMES // LONG + 1, SIZE, SIZE))
    restored = (clean + paint.repeat(LONG, 0)[20 : FRAMES + 20]).astype(np.float32)
    by_posture, split = split_of(noisy, restored)
    errors = []
    for chosen in (by_posture, split):
        whole = np.concatenate(list(given_back(chosen, [noisy], [restored], 1.0, None)))
        errors.append(float(((whole - clean) ** 2).mean()))
    assert errors[1] < 0.8 * errors[0]
    assert split.repeating > by_posture.repeating
    assert np.hypot(split.repeating, split.noise) == pytest.approx(split.removed, rel=1e-6)


def test_a_frame_is_no_witness_of_itself_and_its_neighbours(clean):
    noisy = with_noise(clean)
    restored = clean + np.float32(5) * np.sign(np.sin(np.arange(FRAMES) / LONG))[:, None, None]
    _, split = split_of(noisy, restored)
    changed, place = noisy.copy(), 230
    changed[place] += 50
    difference = repeating(split, changed, restored) - repeating(split, noisy, restored)
    touched = np.abs(np.arange(FRAMES) - place)
    reached = np.abs(difference).max((1, 2)) > 1e-3
    near, far = reach(Fraction(RATE))
    assert not reached[touched <= near].any()
    assert not reached[touched > far].any()
    assert reached[(touched > near) & (touched <= far)].all()


def test_lost_frames_are_no_witnesses(clean):
    noisy, lost = with_noise(clean), (210, 211, 212)
    found = replace(surveyed(noisy), lost=lost)
    broken = noisy.copy()
    broken[list(lost)] = 255
    restored = 0.9 * clean
    parts = [repeating(split_of(n, restored, found)[1], n, restored) for n in (noisy, broken)]
    np.testing.assert_array_equal(parts[0], parts[1])


def test_a_lost_frame_is_given_what_lasts_next_to_its_gap():
    """Everything changes at once; frames on the other side of the change tell nothing."""
    time = np.arange(FRAMES)
    rng = np.random.default_rng(5)
    clean = 120 + 40 * np.sin(time / 9)[:, None, None] * rng.normal(size=(SIZE, SIZE))
    clean = clean.astype(np.float32)
    noisy, gap = with_noise(clean), np.arange(200, 206)
    paint = rng.normal(0, 12, (2, SIZE, SIZE))
    restored = clean + paint[(time >= 200).astype(int)].astype(np.float32)
    found = replace(surveyed(noisy), lost=tuple(int(frame) for frame in gap[1:]))
    broken = noisy.copy()
    broken[gap[1:]] = 0
    split = split_of(broken, restored, found)[1]
    whole = restored + repeating(split, broken, restored)
    before, after = (((x - clean)[gap[1:]] ** 2).mean() for x in (restored, whole))
    assert after < 0.5 * before
