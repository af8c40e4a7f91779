"""Articulatory inversion: from sound to the parameters of the vocal tract."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from cleartract.sound.encoders import AudioConfig, AudioEncoder
from cleartract.sound.log_mel import AUDIO_RATE

_SHORTEST = 800  # [samples]
_PIECE, _MARGIN = 60, 1  # [s] of sound read at a time, and heard on both sides as well
PARAMETERS = 19  # of the synthesizer's vocal-tract model


class ArticulatoryInversion(nn.Module):
    """An audio encoder with a linear reading of the vocal-tract parameters at every token.

    Args:
        config: The encoder; `pooled` has no tokens in time and cannot do it.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: AudioConfig):
        super().__init__()
        self.encoder = AudioEncoder(config)
        self.read = nn.Linear(config.channels, PARAMETERS)
        self.register_buffer("mean", torch.zeros(PARAMETERS))
        self.register_buffer("deviation", torch.ones(PARAMETERS))

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Parameters in standard units (mean 0, variance 1 in training).

        Args:
            waveform: (batch, sample) at 16 kHz.

        Returns:
            Parameters (batch, token, parameter) and the times of the tokens (token,) [s].
        """
        tokens, times = self.encoder(waveform, waveform.new_zeros(len(waveform)))
        return self.read(tokens), times[0]

    @torch.inference_mode()
    def at(self, audio: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Parameters in standard units at some times [s] of a sound, (time, parameter).

        Args:
            audio: At 16 kHz, (sample,).
            times: From the first sample [s].
        """
        piece, margin = _PIECE * AUDIO_RATE, _MARGIN * AUDIO_RATE
        parts, moments = [], []
        for first in range(0, max(len(audio) - margin, 1), piece):
            low = max(0, first - margin)
            part = audio[low : first + piece + margin]
            part = np.pad(part, (0, max(0, _SHORTEST - len(part)))).astype(np.float32)
            found, after = self(torch.from_numpy(part).to(self.mean.device)[None])
            moment = low / AUDIO_RATE + after.double().cpu().numpy()
            inside = moment >= first / AUDIO_RATE if first else np.ones(len(moment), bool)
            if first + piece < len(audio) - margin:
                inside &= moment < (first + piece) / AUDIO_RATE
            parts.append(found[0].float().cpu().numpy()[inside])
            moments.append(moment[inside])
        known, columns = np.concatenate(moments), np.concatenate(parts).T
        return np.stack([np.interp(times, known, column) for column in columns], 1)

    def of_frames(self, audio: np.ndarray, count: int, rate: float) -> np.ndarray:
        """Parameters in standard units in the middle of every frame, (frame, parameter).

        Args:
            audio: Sound of the recording at 16 kHz, (sample,).
            count: Number of frames.
            rate: Frames per second.
        """
        return self.at(audio, (np.arange(count) + 0.5) / rate)

    def standard(self, parameters: Tensor) -> Tensor:
        """Parameters in the synthesizer's units -> standard units."""
        return (parameters - self.mean) / self.deviation

    def physical(self, standard: Tensor) -> Tensor:
        """Standard units -> the synthesizer's units."""
        return standard * self.deviation + self.mean
