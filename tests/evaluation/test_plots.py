from dataclasses import replace

import numpy as np
import pytest

from cleartract.evaluation.measure import Subject
from cleartract.evaluation.plots import curves_png, worst_windows


@pytest.fixture
def subject(moving_frames):
    truth = moving_frames / 200
    return Subject("disc", 83.0, truth, truth=truth)


def test_curves_under_silence(subject):
    silence = (np.zeros(8000, np.float32), 20_000)
    assert curves_png(subject, silence)[:4] == b"\x89PNG"


def test_nothing_to_draw(subject):
    assert curves_png(replace(subject, lines=[]), None) is None


def test_the_worst_window_holds_the_fault(subject):
    denoised = subject.truth.copy()
    denoised[20] += 1
    (first, score), *others = worst_windows(replace(subject, denoised=denoised))
    assert first == 8
    assert all(score > other for _, other in others)
