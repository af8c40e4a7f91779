"""A batch of training windows, and its loss."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cleartract.diffusion.denoiser import loss_weight
from cleartract.model.condition import Condition
from cleartract.model.model import Model


@dataclass
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
        moved = {
            name: value.to(device) if isinstance(value, Tensor) else value
            for name, value in vars(self.condition).items()
        }
        return Batch(
            self.clean.to(device),
            Condition(**moved),
            self.sigma.to(device),
            self.noise.to(device),
        )


def batch_loss(
    model: Model, batch: Batch, difference: float = 0.0, lost_weight: float = 1.0
) -> Tensor:
    """Weighted squared error of the denoised frames, per window, (batch,).

    Args:
        model: Denoiser.
        batch: Windows.
        difference: Weight of the same error of the difference between successive frames.
        lost_weight: Weight of frames that are not given.

    References:
        Karras et al. 2022, Eq. 8, with the spread of each frame in place of sigma_data.
    """
    sigma = batch.sigma[:, None, None, None]
    estimate = model(batch.clean + sigma * batch.noise, batch.sigma, batch.condition)
    weight = loss_weight(sigma, model.guess(batch.condition)[1])
    given = batch.condition.given[..., None, None]
    weight = weight * torch.where(given, 1.0, lost_weight)
    error = weight.sqrt() * (estimate.float() - batch.clean)
    loss = (error**2).mean((1, 2, 3))
    if difference and error.shape[1] > 1:
        loss = loss + difference * (error.diff(dim=1) ** 2).mean((1, 2, 3))
    return loss


@torch.no_grad()
def severity(model: Model, batch: Batch) -> Tensor:
    """Squared distance of the clean frames from the guess in units of its spread, (batch,).

    The loss is divided by it (plus a tenth), so that mild and severe degradations count alike, as
    they do in decibels; otherwise the few worst windows of a batch decide every step.
    """
    guess, spread = model.guess(batch.condition)
    return (((guess - batch.clean) / spread) ** 2).mean((1, 2, 3))
