"""Log-mel spectrogram: the input of the encoders trained here."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

AUDIO_RATE = 16_000  # input of every encoder [Hz]
HOP = 160  # [samples], 10 ms
_SPAN = 512  # analysis window [samples], 32 ms
_FLOOR = 1e-5


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
