"""Temporal self-attention and cross-attention to audio tokens, both aware of time in seconds."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cleartract.networks.layers import FourierFeatures, frame_norm

TIME_SCALE = 0.05  # [s], a short phone


class TimeBias(nn.Module):
    """Bias of attention by distance in time, one learned width per head: -w_h (dt / 50 ms)^2."""

    def __init__(self, heads: int):
        super().__init__()
        self.width = nn.Parameter(torch.linspace(-4.0, 1.0, heads))

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Times (batch, q) and (batch, k) [s] -> (batch, head, q, k)."""
        distance = (query[:, None, :, None] - key[:, None, None, :]) / TIME_SCALE
        return -F.softplus(self.width)[:, None, None] * distance**2


def _split(x: Tensor, heads: int) -> Tensor:
    """(batch, token, channel) -> (batch, head, token, channel / head)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def _merge(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(-2)


class TemporalAttention(nn.Module):
    """Every pixel attends to the same pixel in all frames of the window."""

    def __init__(self, channels: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm = frame_norm(channels)
        self.project = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        self.bias = TimeBias(heads)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        """x (batch * frame, channel, height, width), times (batch, frame) [s]."""
        batch, frames = times.shape
        _, channels, height, width = x.shape
        h = self.norm(x).permute(0, 2, 3, 1).reshape(batch, frames, height * width, channels)
        h = h.transpose(1, 2).flatten(0, 1)  # (batch * pixel, frame, channel)
        query, key, value = (_split(p, self.heads) for p in self.project(h).chunk(3, -1))
        bias = self.bias(times, times).repeat_interleave(height * width, 0)
        h = self.out(_merge(F.scaled_dot_product_attention(query, key, value, attn_mask=bias)))
        h = h.reshape(batch, height * width, frames, channels).transpose(1, 2)
        return x + h.reshape(batch * frames, height, width, channels).permute(0, 3, 1, 2)


class AudioCrossAttention(nn.Module):
    """Every pixel of every frame attends to the audio tokens of the window.

    Tokens that stand for "no audio" carry no time: being all alike, they give the same result
    however many there are.
    """

    def __init__(self, channels: int, token_channels: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm = frame_norm(channels)
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(token_channels, channels)
        self.value = nn.Linear(token_channels, channels)
        self.query_time = FourierFeatures(channels, 0.5, 25.0, 8)
        self.key_time = FourierFeatures(channels, 0.5, 25.0, 8)
        self.out = nn.Linear(channels, channels)
        self.bias = TimeBias(heads)

    def forward(
        self, x: Tensor, times: Tensor, tokens: Tensor, token_times: Tensor, valid: Tensor
    ) -> Tensor:
        """Add what the audio says.

        Args:
            x: (batch * frame, channel, height, width).
            times: Frame times (batch, frame) [s] relative to the window's centre.
            tokens: (batch, token, channel).
            token_times: (batch, token) [s], same origin.
            valid: False where a token is the null embedding, (batch, token) bool.
        """
        batch, frames = times.shape
        _, channels, height, width = x.shape
        h = self.norm(x).permute(0, 2, 3, 1).reshape(batch, frames, height * width, channels)
        h = (self.query(h) + self.query_time(times)[:, :, None]).flatten(1, 2)
        key = self.key(tokens) + self.key_time(token_times) * valid[..., None]
        bias = self.bias(times, token_times).repeat_interleave(height * width, 2)
        attended = F.scaled_dot_product_attention(
            _split(h, self.heads),
            _split(key, self.heads),
            _split(self.value(tokens), self.heads),
            attn_mask=bias,
        )
        h = self.out(_merge(attended)).reshape(batch * frames, height, width, channels)
        return x + h.permute(0, 3, 1, 2)
