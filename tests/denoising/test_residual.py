from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from cleartract.denoising.lasting import given_back, repeating_parts, with_lasting
from cleartract.denoising.posture import PosturePass, reduced
from cleartract.denoising.residual import ResidualPass, excess_bias, standing_share
from cleartract.denoising.survey import survey
from cleartract.recordings.recording import Recording
from cleartract.recordings.source import RecordingSource

FRAMES, SIZE, NOISE = 600, 32, 4.0


@pytest.fixture(scope="module")
def case():
    """Clean frames of two movements [grey levels], and the same with noise."""
    rng, time = np.random.default_rng(0), np.arange(FRAMES)
    movements = np.stack([np.sin(time / 7), np.cos(time / 11.3)], 1)
    patterns = rng.normal(size=(2, 4, 4)).repeat(8, 1).repeat(8, 2)
    clean = (140 + 15 * np.tensordot(movements, patterns, 1)).astype(np.float32)
    return clean, clean + rng.normal(0, NOISE, clean.shape).astype(np.float32)


def split_of(noisy, restored, step=50):
    found = survey(RecordingSource(Recording(noisy, Fraction(80))))
    collected = ResidualPass(found)
    for first in range(0, FRAMES, step):
        part = slice(first, first + step)
        collected.add(noisy[part], restored[part])
    return collected.result(), found


def test_the_posture_tells_the_movements(case):
    clean = case[0]
    collected = PosturePass(clean.shape[1:])
    for first in range(0, FRAMES, 64):
        collected.add(clean[first : first + 64])
    told = collected.result().of(clean)
    small = reduced(clean, collected._block)
    rest = small - small.mean(0)
    predicted = told @ np.linalg.lstsq(told, rest, rcond=None)[0]
    assert ((rest - predicted) ** 2).mean() < 1e-4 * (rest**2).mean()


def test_noise_alone_does_not_repeat(case):
    split, _ = split_of(case[1], case[0])
    assert split.repeating < 0.15 * split.removed
    assert split.noise == pytest.approx(split.removed, rel=0.05)


def test_parts_add_up_and_giving_back_undoes_paint(case):
    clean, noisy = case
    paint = 8 * np.random.default_rng(3).normal(size=(SIZE, SIZE))
    smaller = clean.mean(0) + 0.8 * (clean - clean.mean(0))
    restored = (smaller + paint).astype(np.float32)
    split, _ = split_of(noisy, restored)
    assert split.repeating**2 + split.noise**2 == pytest.approx(split.removed**2, rel=1e-6)
    whole = np.concatenate(list(given_back(split, [noisy], [restored], 1.0, None)))
    before, after = (((x - clean) ** 2).mean() for x in (restored, whole))
    assert after < 0.05 * before


def test_lost_frames_do_not_count(case):
    clean, noisy = case
    found = survey(RecordingSource(Recording(noisy, Fraction(80))))
    broken, lost = noisy.copy(), (100, 101, 300)
    broken[list(lost)] = 255
    splits = []
    for frames, known in ((noisy, found), (broken, replace(found, lost=lost))):
        collected = ResidualPass(known)
        collected.add(frames, clean)
        splits.append(collected.result())
    assert splits[1].removed == pytest.approx(splits[0].removed, rel=0.02)


def test_a_recording_at_rest_has_no_posture():
    still = np.full((60, 32, 32), 100, np.float32)
    found = survey(RecordingSource(Recording(still, Fraction(80))))
    assert found.posture is None
    with pytest.raises(ValueError, match="nothing moves"):
        ResidualPass(found)


def test_pieces_of_any_length_give_the_same_bytes(case):
    clean, noisy = case
    results = []
    for step in (7, 64, FRAMES):
        pieces = [slice(first, first + step) for first in range(0, FRAMES, step)]
        raw, restored = ([frames[piece] for piece in pieces] for frames in (noisy, clean))
        split = with_lasting(split_of(noisy, clean, step)[0], raw, restored)
        results.append(np.concatenate([part for _, part in repeating_parts(split, raw, restored)]))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_borders_and_range_are_kept_when_something_is_given_back(case):
    clean, noisy = case
    rng = np.random.default_rng(5)
    noisy, restored = noisy.copy(), clean - 20
    noisy[:, :3] = restored[:, :3] = rng.uniform(0, 255, (FRAMES, 3, SIZE))  # no image
    split, found = split_of(noisy, restored)
    assert found.borders
    whole = np.concatenate(list(given_back(split, [noisy], [restored], 1.0, 150.0)))
    np.testing.assert_array_equal(whole[:, :3], restored[:, :3])
    assert whole[:, 3:].max() <= 150
    assert (whole[:, 3:] - restored[:, 3:]).mean() > 10


@pytest.mark.parametrize("unit", [1e-7, 1.0, 1e6])
def test_the_unit_does_not_decide_whether_it_moves(case, unit):
    collected = PosturePass(case[0].shape[1:])
    collected.add(case[0] * np.float32(unit))
    assert collected.result().directions.shape[1] == 2


def test_a_mean_stands_as_far_as_both_halves_have_it_and_it_is_no_bias_of_magnitudes():
    rng, nothing = np.random.default_rng(5), np.zeros((SIZE, SIZE))
    pattern = 3 * np.sign(rng.normal(size=(SIZE, SIZE)))
    noise = rng.normal(0, 3, (6, SIZE, SIZE))
    same = standing_share([(10 * pattern, 10)] * 6, nothing)
    np.testing.assert_allclose(same, 1, atol=1e-6)
    assert standing_share([(part, 1) for part in noise], nothing).mean() < 0.2
    mixed = standing_share([(pattern + part, 1) for part in noise], nothing)
    assert mixed.mean() == pytest.approx(6 / 7, abs=0.05)  # noise leaves a sixth of its power
    biased = standing_share([(pattern, 1)] * 6, np.full((SIZE, SIZE), 3.0))
    np.testing.assert_allclose(biased, 1 - 0.35**2, atol=1e-6)
    assert not standing_share([(pattern, 1), (nothing, 0)], nothing).any()


def test_the_bias_of_magnitudes_is_not_given_back(case):
    """A denoiser that tells the signal below the noise keeps it, also where there is no signal."""
    signal = 0.3 * case[0]
    signal[:, :, :8] = 0
    rng = np.random.default_rng(8)
    real, imaginary = rng.normal(0, 12, (2, *signal.shape))
    noisy = np.hypot(signal + real, imaginary).astype(np.float32)
    split, _ = split_of(noisy, signal.astype(np.float32))
    restored = signal.astype(np.float32)
    split = with_lasting(split, [noisy], [restored])
    parts = np.concatenate([part for _, part in repeating_parts(split, [noisy], [restored])])
    assert (noisy - signal).mean() > 3
    assert np.sqrt((parts**2).mean()) < 1.0


def test_no_more_bias_counts_than_was_removed():
    bias = np.full((SIZE, SIZE), 2.0)
    for removed, excess in ((-1.0, 2.0), (0.5, 1.5), (2.0, 0.0), (5.0, 0.0)):
        np.testing.assert_allclose(excess_bias(np.full_like(bias, removed), bias), excess)
