"""Building blocks. Frames are folded into the batch: (batch * frame, channel, height, width)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def frame_norm(channels: int) -> nn.GroupNorm:
    """Group normalisation of each frame by itself.

    Its statistics come from one frame, never from the window: what a frame becomes does not
    depend on where the window lies, so normalisation makes no seams.
    """
    return nn.GroupNorm(math.gcd(8, channels), channels)


class FourierFeatures(nn.Module):
    """Sines and cosines of a scalar, then a small network: (n,) -> (n, channel).

    Args:
        channels: Width of the result.
        lowest: Lowest frequency [cycles per unit].
        highest: Highest frequency [cycles per unit].
        count: Number of frequencies.
    """

    frequencies: Tensor

    def __init__(self, channels: int, lowest: float, highest: float, count: int = 16):
        super().__init__()
        steps = torch.linspace(math.log(lowest), math.log(highest), count)
        self.register_buffer("frequencies", torch.exp(steps), persistent=False)
        self.mix = nn.Sequential(
            nn.Linear(2 * count, channels), nn.SiLU(), nn.Linear(channels, channels)
        )

    def forward(self, value: Tensor) -> Tensor:
        """(...) -> (..., channel)."""
        angle = 2 * math.pi * value[..., None] * self.frequencies
        return self.mix(torch.cat([angle.sin(), angle.cos()], dim=-1))


class TemporalConv(nn.Module):
    """Convolution over three successive frames at every pixel, zero-padded at the window's ends.

    Starts at zero: a new network treats frames one by one.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.norm = frame_norm(channels)
        self.weight = nn.Parameter(torch.zeros(3, channels, channels))

    def forward(self, x: Tensor, frames: int) -> Tensor:
        """(batch * frame, channel, height, width) -> change to add, same shape."""
        h = F.silu(self.norm(x)).contiguous(memory_format=torch.channels_last)
        _, channels, height, width = h.shape
        # frames and pixels as the two axes of a picture: the same memory, and a convolution that is
        # several times as fast as three matrix products
        h = h.permute(0, 2, 3, 1).reshape(-1, frames, height * width, channels)
        weight = self.weight.permute(1, 2, 0)[..., None]
        h = F.conv2d(h.permute(0, 3, 1, 2), weight, padding=(1, 0))
        h = h.permute(0, 2, 3, 1).reshape(-1, height, width, channels)
        return h.permute(0, 3, 1, 2)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions per frame, modulated by the noise level, and a temporal convolution."""

    def __init__(self, channels_in: int, channels: int, embedding: int, temporal: bool):
        super().__init__()
        self.norm = frame_norm(channels_in)
        self.first = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.modulate = nn.Linear(embedding, 2 * channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.skip = (
            nn.Conv2d(channels_in, channels, 1) if channels_in != channels else nn.Identity()
        )
        self.temporal = TemporalConv(channels) if temporal else None
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, embedding: Tensor, frames: int) -> Tensor:
        """x (batch * frame, ...), embedding (batch, channel)."""
        scale, shift = (
            self.modulate(embedding).repeat_interleave(frames, 0)[..., None, None].chunk(2, 1)
        )
        h = self.first(F.silu(self.norm(x)))
        x = self.skip(x) + self.second(F.silu(torch.addcmul(shift, h, 1 + scale)))
        return x if self.temporal is None else x + self.temporal(x, frames)


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear, so that no lattice of the coarse grid is left, to an exact (odd or even) size."""
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)
