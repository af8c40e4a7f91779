"""Interpolation over time between the frames of a window that are given."""

from __future__ import annotations

import torch
from torch import Tensor


def interpolation_weights(given: Tensor) -> Tensor:
    """Linear interpolation between the nearest given frames, as a matrix.

    A given frame is itself; before the first and after the last given frame the nearest one is
    held; where none is given all weights are 0.

    Args:
        given: (batch, frame) bool.

    Returns:
        (batch, frame, given frame) float32; rows sum to 1, or to 0 where nothing is given.
    """
    count = given.shape[1]
    places = torch.arange(count, device=given.device)
    before = torch.where(given, places, -1).cummax(1).values
    after = torch.where(given, places, count).flip(1).cummin(1).values.flip(1)
    share = (places - before) / (after - before).clamp(min=1)  # towards the frame after
    share = torch.where(before < 0, 1.0, torch.where(after >= count, 0.0, share))
    weights = torch.zeros(*given.shape, count, device=given.device)
    weights.scatter_add_(2, before.clamp(min=0)[..., None], (1 - share)[..., None])
    weights.scatter_add_(2, after.clamp(max=count - 1)[..., None], share[..., None])
    return weights * given.any(1)[:, None, None]
