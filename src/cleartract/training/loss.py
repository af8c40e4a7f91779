"""A batch of training windows, and its loss."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cleartract.diffusion.denoiser import loss_weight
from cleartract.model.condition import Condition
from cleartract.model.model import Model
from cleartract.model.prior import Prior

_MILD = 0.02  # added to the prior error, so that hardly degraded windows do not decide


@dataclass(frozen=True)
class Batch:
    """Windows of one step.

    Attributes:
        clean: (batch, frame, height, width).
        condition: Noisy frames, sound, and which of both are dropped.
        sigma: Diffusion noise level, (batch,).
        noise: Standard normal, like `clean`.
    """

    clean: Tensor
    condition: Condition
    sigma: Tensor
    noise: Tensor

    def to(self, device: torch.device) -> Batch:
        """Copy to a device."""
        return Batch(
            self.clean.to(device),
            self.condition.to(device),
            self.sigma.to(device),
            self.noise.to(device),
        )


@dataclass(frozen=True)
class LossWeights:
    """What counts how much.

    Attributes:
        difference: Weight of the error of the difference between successive frames.
        lost: Weight of frames that are not observed.
    """

    difference: float = 0.0
    lost: float = 1.0


@dataclass(frozen=True)
class BatchLoss:
    """Loss of every window.

    Attributes:
        error: Weighted squared error of the denoised frames, (batch,).
        prior_error: Squared distance of the clean frames from the prior mean in units of the prior
            spread, (batch,).
    """

    error: Tensor
    prior_error: Tensor

    def balanced(self) -> Tensor:
        """Sum of the errors over those of the priors (plus a little).

        Mild and severe degradations then count alike, as they do in decibels; otherwise the few
        worst windows of a batch decide every step.
        """
        return (self.error / (self.prior_error + _MILD)).sum()


def batch_loss(model: Model, batch: Batch, weights: LossWeights | None = None) -> BatchLoss:
    """Loss of a batch.

    Args:
        model: Denoiser.
        batch: Windows.
        weights: What counts how much; observed and lost frames alike by default.

    References:
        Karras et al. 2022, Eq. 8, with the prior spread of each frame in place of sigma_data.
    """
    weights = weights or LossWeights()
    with torch.no_grad():
        expected = model.prior(batch.condition)
        prior_error = _prior_error(expected, batch.clean)
    sigma = batch.sigma[:, None, None, None]
    state = batch.clean + sigma * batch.noise
    estimate = model(state, batch.sigma, batch.condition, expected)
    weight = loss_weight(sigma, expected.spread)
    observed = batch.condition.frames.observed[..., None, None]
    weight = weight * torch.where(observed, 1.0, weights.lost)
    error = weight.sqrt() * (estimate.float() - batch.clean)
    loss = (error**2).mean((1, 2, 3))
    if weights.difference and error.shape[1] > 1:
        loss = loss + weights.difference * (error.diff(dim=1) ** 2).mean((1, 2, 3))
    return BatchLoss(loss, prior_error)


def _prior_error(expected: Prior, clean: Tensor) -> Tensor:
    return (((expected.mean - clean) / expected.spread) ** 2).mean((1, 2, 3))
