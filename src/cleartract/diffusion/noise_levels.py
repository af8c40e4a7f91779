"""Noise levels sigma, in units of normalised intensity."""

from __future__ import annotations

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor


class NoiseLevels(BaseModel):
    """Range of sigma and its distribution in training.

    Attributes:
        minimum: Smallest sigma of the samplers.
        maximum: Largest sigma; there the noise hides the clean frames completely.
        share_at_maximum: Share of the training samples at the largest sigma, where one network
            evaluation returns the posterior mean.
        log_mean: Mean of ln(sigma) of the others.
        log_std: Standard deviation of ln(sigma) of the others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    minimum: float = Field(0.002, gt=0)
    maximum: float = Field(20.0, gt=0)
    share_at_maximum: float = Field(0.75, ge=0, le=1)
    log_mean: float = -2.2
    log_std: float = Field(1.3, gt=0)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Random training noise levels, (count,)."""
        normal = torch.randn(count, generator=generator)
        sigma = torch.exp(self.log_mean + self.log_std * normal)
        sigma = sigma.clamp(self.minimum, self.maximum)
        at_maximum = torch.rand(count, generator=generator) < self.share_at_maximum
        return torch.where(at_maximum, torch.full_like(sigma, self.maximum), sigma)

    def schedule(self, steps: int, rho: float = 7.0) -> Tensor:
        r"""Decreasing noise levels of a sampler, ending with 0.

        .. math:: \sigma_i = (\sigma_{max}^{1/\rho}
                  + \tfrac{i}{n-1} (\sigma_{min}^{1/\rho} - \sigma_{max}^{1/\rho}))^\rho

        Args:
            steps: Number n of intervals, at least 1.
            rho: Curvature.

        Returns:
            (steps + 1,) float64.

        References:
            Karras et al. 2022, Elucidating the design space of diffusion models, Eq. 5.
        """
        ramp = torch.linspace(0, 1, steps, dtype=torch.float64) if steps > 1 else torch.zeros(1)
        high, low = self.maximum ** (1 / rho), self.minimum ** (1 / rho)
        sigmas = (high + ramp.double() * (low - high)) ** rho
        return torch.cat([sigmas, torch.zeros(1, dtype=torch.float64)])
