"""Conditions that contradict themselves cannot be built."""

from dataclasses import replace

import pytest
import torch

from cleartract.model.condition import (
    Condition,
    FramesCondition,
    PredictionCondition,
    SoundCondition,
)
from tests.conditions import random_condition, with_prediction


def yes(count):
    return torch.ones(count).bool()


@pytest.mark.parametrize(
    ("part", "rule"),
    [
        (lambda: FramesCondition(torch.rand(3, 4, 5), yes(3), torch.rand(3)), "noisy frames"),
        (
            lambda: FramesCondition(torch.rand(1, 3, 4, 5), torch.ones(1, 2), torch.rand(1, 3)),
            "observed",
        ),
        (
            lambda: FramesCondition(torch.rand(1, 3, 4, 5), torch.ones(1, 3), torch.rand(3)),
            "one time",
        ),
        (lambda: SoundCondition(torch.rand(9), torch.rand(1), yes(1)), "waveform"),
        (lambda: SoundCondition(torch.rand(2, 9), torch.rand(1), yes(2)), "one start"),
        (
            lambda: SoundCondition(torch.rand(2, 9), torch.rand(2), yes(2), torch.rand(2)),
            "two times",
        ),
        (
            lambda: SoundCondition(
                torch.rand(2, 9), torch.rand(2), yes(2), states=torch.rand(2, 3, 4)
            ),
            "states need their start",
        ),
        (
            lambda: PredictionCondition(torch.rand(2, 4, 5), yes(1), None, ~yes(2), torch.ones(2)),
            "one `mean_valid`",
        ),
        (
            lambda: PredictionCondition(torch.rand(2, 4, 5), ~yes(2), None, yes(2), torch.ones(2)),
            "need the mean frame",
        ),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(part, rule):
    with pytest.raises(ValueError, match=rule):
        part()


def test_parts_of_other_batches_or_shapes_are_refused():
    two, three = random_condition(2), random_condition(3)
    with pytest.raises(ValueError, match="one sound for each window"):
        replace(two, sound=three.sound)
    mean = with_prediction(three, None).prediction
    with pytest.raises(ValueError, match="one mean frame for each window"):
        Condition(two.frames, None, mean)
    with pytest.raises(ValueError, match="like the noisy ones"):
        with_prediction(two, torch.rand(2, 4, 20, 22))


def test_without_sound_nothing_is_left_that_the_sound_predicts():
    full = with_prediction(random_condition(), torch.rand(2, 5, 20, 22))
    silent = full.without_sound()
    assert silent.sound is None
    frames, kind = silent.predicted()
    assert kind.tolist() == [0.5, 0.5]
    torch.testing.assert_close(frames[0, 2], full.prediction.mean[0])
    assert random_condition().predicted() is None
