"""Inputs of the network that tell of the recording's noise and of the target."""

from __future__ import annotations

import torch
from torch import Tensor

from cleartract.model.condition import Condition
from cleartract.model.prior import Prior

_USUAL = 0.03  # noise level that the network is shown as 0 [normalised intensity]
_UNKNOWN = 0.03  # unit of departures where the noise is not known
_LEAST = 0.002


def noise_inputs(condition: Condition, expected: Prior) -> tuple[Tensor, Tensor]:
    r"""Two planes, and numbers about the window.

    The first plane holds the departures d of the frames from the mean frame (that of the window
    where no other is known) in units of the noise level s, compressed:

    .. math:: \tfrac12 \operatorname{asinh}(d / s)

    so that movement just above the noise looks the same at every noise level. The second is the
    logarithm of the noise strength per pixel over the level.

    Args:
        condition: What is known about the windows.
        expected: Prior of the clean frames; its mean stands for frames that are not observed.

    Returns:
        (batch, frame, 2, height, width), and (batch, 9): the facts of the noise, whether they are
        known, and whether the target is the object itself.
    """
    frames, noise = expected.mean, condition.noise
    batch = len(frames)
    if noise is None:
        valid = torch.zeros(batch, dtype=torch.bool, device=frames.device)
        level = torch.full((batch,), _UNKNOWN, device=frames.device)
        strength = torch.ones_like(frames[:, 0])
        facts = frames.new_zeros(batch, 7)
    else:
        valid, facts = noise.valid, noise.facts
        level = torch.where(valid, facts[:, 0].clamp(min=_LEAST), _UNKNOWN)
        strength = noise.strength
    level = level[:, None, None]
    known = torch.where(valid[:, None, None], strength.clamp(min=_LEAST / 2) / level, 1.0).log()
    known = (known / 2).clamp(-2, 2)[:, None].expand_as(frames)
    reference = frames.mean(1, keepdim=True)
    if condition.prediction is not None:
        prediction = condition.prediction
        there = prediction.mean_valid[:, None, None, None]
        reference = torch.where(there, prediction.mean[:, None], reference)
    departure = torch.asinh((frames - reference) / level[:, None]) / 2
    logarithm = (level[:, 0, 0] / _USUAL).log()[:, None]
    numbers = torch.cat([logarithm, facts[:, 1:]], 1) * valid[:, None]
    ideal = condition.ideal
    target = torch.zeros_like(valid) if ideal is None else ideal
    numbers = torch.cat([numbers, valid[:, None], target[:, None]], 1)
    return torch.stack([departure, known], 2), numbers
