from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from cleartract.denoising.posture import PosturePass, reduced
from cleartract.denoising.residual import ResidualPass
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


def split_of(noisy, restored):
    found = survey(RecordingSource(Recording(noisy, Fraction(80))))
    collected = ResidualPass(found)
    for first in range(0, FRAMES, 50):
        part = slice(first, first + 50)
        collected.add(first, noisy[part], restored[part])
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
    given_back = restored + split.part(0, restored)
    before, after = (((x - clean) ** 2).mean() for x in (restored, given_back))
    assert after < 0.05 * before


def test_lost_frames_do_not_count(case):
    clean, noisy = case
    found = survey(RecordingSource(Recording(noisy, Fraction(80))))
    broken, lost = noisy.copy(), (100, 101, 300)
    broken[list(lost)] = 255
    splits = []
    for frames, known in ((noisy, found), (broken, replace(found, lost=lost))):
        collected = ResidualPass(known)
        collected.add(0, frames, clean)
        splits.append(collected.result())
    assert splits[1].removed == pytest.approx(splits[0].removed, rel=0.02)


def test_a_recording_at_rest_has_no_posture():
    still = np.full((60, 32, 32), 100, np.float32)
    found = survey(RecordingSource(Recording(still, Fraction(80))))
    assert found.posture is None
    with pytest.raises(ValueError, match="nothing moves"):
        ResidualPass(found)
