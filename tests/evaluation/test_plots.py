from dataclasses import replace

import pytest

from cleartract.evaluation.measure import Subject
from cleartract.evaluation.plots import worst_windows


@pytest.fixture
def subject(moving_frames):
    truth = moving_frames / 200
    return Subject("disc", 83.0, truth, truth=truth)


def test_the_worst_window_holds_the_fault(subject):
    denoised = subject.truth.copy()
    denoised[20] += 1
    (first, score), *others = worst_windows(replace(subject, denoised=denoised))
    assert first == 8
    assert all(score > other for _, other in others)
