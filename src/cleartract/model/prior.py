"""Prior of the clean frames, around which the network corrects."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cleartract.model.condition import Condition
from cleartract.model.config import ModelConfig


@dataclass(frozen=True)
class Prior:
    """What the clean frames are expected to be.

    Attributes:
        mean: (batch, frame, height, width), normalised intensity.
        spread: How far from it they are expected to lie, (batch, frame, 1, 1).
    """

    mean: Tensor
    spread: Tensor


def prior(condition: Condition, config: ModelConfig) -> Prior:
    r"""Prior of the clean frames of some windows.

    .. math:: m_f = n_f \text{ where observed, else } p_f + \sum_k w_{fk} (n_k - p_k)

    with the noisy frames n, the frames p predicted from the sound (else the mean frame, else the
    mean intensity), and the weights w of linear interpolation between observed frames.
    """
    observed, noisy = condition.frames.observed.bool(), condition.frames.noisy
    mask, anything = observed[..., None, None], torch.zeros_like(observed)
    fallback = torch.full_like(noisy, config.intensity_mean)
    if config.unet.interpolation:
        predicted = condition.predicted()
        if predicted is not None:
            frames, kind = predicted
            fallback = torch.where(kind[:, None, None, None] > 0, frames, fallback)
            anything = anything | (kind[:, None] > 0)
        anything = anything | observed.any(1, keepdim=True)
        weights = interpolation_weights(observed).to(noisy)
        with torch.autocast(noisy.device.type, enabled=False):  # bf16 has too few digits
            rest = torch.einsum("bfk,bkyx->bfyx", weights, (noisy - fallback) * mask)
        fallback = fallback + rest
    far = torch.where(anything, config.interpolation_spread, config.intensity_spread)
    spread = torch.where(observed, config.correction_spread, far)
    return Prior(torch.where(mask, noisy, fallback), spread[..., None, None])


def interpolation_weights(observed: Tensor) -> Tensor:
    """Linear interpolation between the nearest observed frames, as a matrix.

    An observed frame is itself; before the first and after the last observed frame the nearest one is
    held; where none is observed all weights are 0.

    Args:
        observed: (batch, frame) bool.

    Returns:
        (batch, frame, observed frame) float32; rows sum to 1, or to 0 where nothing is observed.
    """
    count = observed.shape[1]
    places = torch.arange(count, device=observed.device)
    before = torch.where(observed, places, -1).cummax(1).values
    after = torch.where(observed, places, count).flip(1).cummin(1).values.flip(1)
    share = (places - before) / (after - before).clamp(min=1)  # towards the frame after
    share = torch.where(before < 0, 1.0, torch.where(after >= count, 0.0, share))
    weights = torch.zeros(*observed.shape, count, device=observed.device)
    weights.scatter_add_(2, before.clamp(min=0)[..., None], (1 - share)[..., None])
    weights.scatter_add_(2, after.clamp(max=count - 1)[..., None], share[..., None])
    return weights * observed.any(1)[:, None, None]
