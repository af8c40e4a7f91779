"""Random conditions of small windows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from cleartract.model.condition import (
    Condition,
    FramesCondition,
    NoiseCondition,
    PredictionCondition,
    SoundCondition,
)


def random_condition(
    batch: int = 2, frames: int = 5, size: tuple[int, int] = (20, 22), audio: bool = True
) -> Condition:
    """Noisy frames, all of them observed, their noise, and 0.3 s of sound; always the same."""
    generator = torch.Generator().manual_seed(0)
    noisy = torch.rand(batch, frames, *size, generator=generator)
    times = (torch.arange(frames) + 0.5 - frames / 2)[None].repeat(batch, 1) / 83
    seen = FramesCondition(noisy, torch.ones(batch, frames).bool(), times)
    sound = SoundCondition(
        torch.rand(batch, 4800, generator=generator) - 0.5,
        torch.full((batch,), -0.15),
        torch.ones(batch).bool(),
    )
    noise = NoiseCondition(
        0.02 + 0.05 * torch.rand(batch, *size, generator=generator),
        torch.tensor([[0.04, 0.3, 0.1, 0.0, 0.2, 0.3, 0.1]]).repeat(batch, 1),
        torch.ones(batch).bool(),
    )
    ideal = torch.arange(batch) % 2 == 1
    return Condition(seen, sound if audio else None, noise=noise, ideal=ideal)


def with_frames(condition: Condition, **changed: Any) -> Condition:
    """The same with other frames."""
    return replace(condition, frames=replace(condition.frames, **changed))


def with_sound(condition: Condition, **changed: Any) -> Condition:
    """The same with another sound."""
    assert condition.sound is not None
    return replace(condition, sound=replace(condition.sound, **changed))


def with_prediction(condition: Condition, frames: torch.Tensor | None, **changed: Any) -> Condition:
    """The same with predicted frames, and their mean as the mean frame."""
    valid = torch.ones(len(condition)).bool()
    noisy, skill = condition.frames.noisy, torch.ones(len(condition))
    mean = noisy.mean(1) if frames is None else frames.mean(1)
    given = PredictionCondition(mean, valid, frames, valid if frames is not None else ~valid, skill)
    return replace(condition, prediction=replace(given, **changed))
