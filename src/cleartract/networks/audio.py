"""Log-mel front end and audio encoders: waveform in, tokens with times out."""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

AUDIO_RATE = 16_000  # what every encoder hears [Hz]
HOP = 160  # [samples], 10 ms
_SPAN = 512  # analysis window [samples], 32 ms
_FLOOR = 1e-5


class AudioConfig(BaseModel):
    """Audio encoder and what it hears.

    Attributes:
        encoder: `pooled` (one vector per window), `conv` (a sequence of tokens, local) or `gru`
            (a sequence, each token aware of the whole window).
        channels: Channels of the tokens.
        mels: Mel bands.
        context: Sound heard before and after the window's frames [s].
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    encoder: Literal["pooled", "conv", "gru"] = "conv"
    channels: int = Field(96, ge=8)
    mels: int = Field(64, ge=8)
    context: float = Field(0.12, ge=0)


def mel_filterbank(mels: int, n_frequencies: int, rate: int) -> Tensor:
    """Triangular filters, equally spaced on the mel scale, (mel, frequency).

    Filters have unit height, from 40 Hz to half the rate.

    References:
        Davis and Mermelstein 1980, IEEE Trans ASSP 28:357; mel(f) = 2595 log10(1 + f / 700).
    """
    lowest, highest = (2595 * math.log10(1 + f / 700) for f in (40.0, rate / 2))
    edges = 700 * (10 ** (torch.linspace(lowest, highest, mels + 2) / 2595) - 1)
    frequencies = torch.linspace(0, rate / 2, n_frequencies)
    rising = (frequencies - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - frequencies) / (edges[2:] - edges[1:-1])[:, None]
    return torch.minimum(rising, falling).clamp(min=0)


class LogMel(nn.Module):
    """Waveform at 16 kHz -> log-mel spectrogram, one column every 10 ms."""

    window: Tensor
    filters: Tensor

    def __init__(self, mels: int):
        super().__init__()
        self.register_buffer("window", torch.hann_window(_SPAN), persistent=False)
        filters = mel_filterbank(mels, _SPAN // 2 + 1, AUDIO_RATE)
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """(batch, sample) -> (batch, mel, column), about zero mean and unit range.

        Column k is centred on sample 160 k; there are 1 + samples // 160 columns.
        """
        padded = F.pad(waveform, (_SPAN // 2, _SPAN // 2))
        spectrum = torch.stft(
            padded, _SPAN, HOP, window=self.window, center=False, return_complex=True
        )
        power = torch.einsum("mf,bft->bmt", self.filters, spectrum.abs() ** 2)
        return (torch.log(power + _FLOOR) + 4) / 4


class AudioEncoder(nn.Module):
    """Waveform of a window -> tokens and their times; and the learned null embedding.

    Args:
        config: Which encoder, how wide.
    """

    def __init__(self, config: AudioConfig):
        super().__init__()
        self.config = config
        width = config.channels
        self.log_mel = LogMel(config.mels)
        self.null = nn.Parameter(torch.randn(width) * 0.5)
        self.layers = nn.Sequential(
            nn.Conv1d(config.mels, width, 5, padding=2),
            nn.SiLU(),
            nn.Conv1d(width, width, 4, stride=2, padding=1),  # one token every 20 ms
            nn.SiLU(),
            nn.Conv1d(width, width, 3, padding=1),
        )
        self.recurrent = (
            nn.GRU(width, width // 2, batch_first=True, bidirectional=True)
            if config.encoder == "gru"
            else None
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, waveform: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        """Encode the sound of each window.

        Args:
            waveform: (batch, sample) at 16 kHz, at least 20 ms.
            start: Time of the first sample relative to the window's centre [s], (batch,).

        Returns:
            Tokens (batch, token, channel) and their times (batch, token) [s].
        """
        h = self.layers(self.log_mel(waveform)).transpose(1, 2)
        count = h.shape[1]
        if self.recurrent is not None:
            h = h + self.recurrent(h)[0]
        offsets = (2 * torch.arange(count, device=h.device) + 0.5) * HOP / AUDIO_RATE
        times = start[:, None] + offsets
        if self.config.encoder == "pooled":
            # beside the pooled sound stands the null token: a pixel can choose not to listen
            pooled = self.norm(h.mean(1, keepdim=True))
            middle = times.mean(1, keepdim=True)
            return torch.cat([pooled, self.null.expand_as(pooled)], 1), middle.expand(-1, 2)
        return self.norm(h), times

    def null_tokens(self, batch: int) -> tuple[Tensor, Tensor]:
        """What stands for "no audio": one token per window, at time 0."""
        return self.null.expand(batch, 1, -1), self.null.new_zeros(batch, 1)

    def with_null(self, tokens: Tensor, heard: Tensor) -> Tensor:
        """Tokens with those of unheard windows replaced by the null embedding.

        Args:
            tokens: (batch, token, channel).
            heard: (batch,) bool.
        """
        return torch.where(heard[:, None, None], tokens, self.null)
