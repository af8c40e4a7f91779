"""Articulatory inversion: from sound to the parameters of the vocal tract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from cleartract.recordings.spool import Spool
from cleartract.sound.encoders import AudioConfig, AudioEncoder
from cleartract.sound.log_mel import AUDIO_RATE

_SHORTEST = 800  # [samples]
_PIECE, _MARGIN = 60, 1  # [s] of sound at a time, and context on both sides
PARAMETERS = 19  # of the synthesizer's vocal-tract model


class Spans(Protocol):
    """A waveform of which any span can be read; zeros beyond its ends."""

    def __len__(self) -> int:
        """Number of samples."""
        ...

    def span(self, start: int, count: int) -> np.ndarray:
        """(count,) samples from `start`, which may be negative."""
        ...


def as_spans(sound: Spans | np.ndarray) -> Spans:
    """A waveform in memory, (sample,), made readable in spans."""
    if not isinstance(sound, np.ndarray):
        return sound
    spool = Spool()
    spool.append(sound)
    return spool


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

    def at(self, sound: Spans | np.ndarray, times: np.ndarray) -> np.ndarray:
        """Parameters in standard units at some times [s] of a sound, (time, parameter).

        Args:
            sound: At 16 kHz, (sample,) or readable in spans.
            times: From the first sample, increasing [s].
        """
        return np.concatenate(list(self.parts_at(sound, times)))

    def parts_at(self, sound: Spans | np.ndarray, times: np.ndarray) -> Iterator[np.ndarray]:
        """As `at`, minute by minute, so that long sounds need little memory."""
        sound = as_spans(sound)
        total, piece, margin = len(sound), _PIECE * AUDIO_RATE, _MARGIN * AUDIO_RATE
        moments, values = np.zeros(0), np.zeros((0, PARAMETERS), np.float32)
        done = 0
        for first in range(0, max(total - margin, 1), piece):
            low, high = max(0, first - margin), min(first + piece + margin, total)
            last = first + piece >= total - margin
            part = sound.span(low, max(high - low, _SHORTEST))
            with torch.inference_mode():
                tokens, after = self(torch.from_numpy(part).to(self.mean.device)[None])
            moment = low / AUDIO_RATE + after.double().cpu().numpy()
            inside = moment >= first / AUDIO_RATE if first else np.ones(len(moment), bool)
            if not last:
                inside &= moment < (first + piece) / AUDIO_RATE
            # the last token before joins the piece: in between lies an interval too
            moments = np.concatenate([moments[-1:], moment[inside]])
            values = np.concatenate([values[-1:], tokens[0].float().cpu().numpy()[inside]])
            end = len(times) if last else int(np.searchsorted(times, moments[-1]))
            wanted = times[done:end]
            yield np.stack([np.interp(wanted, moments, v) for v in values.T], 1)
            done = end

    def of_frames(self, sound: Spans | np.ndarray, count: int, rate: float) -> np.ndarray:
        """Parameters in standard units in the middle of every frame, (frame, parameter).

        Args:
            sound: Of the recording at 16 kHz.
            count: Number of frames.
            rate: Frames per second.
        """
        return self.at(sound, (np.arange(count) + 0.5) / rate)

    def standard(self, parameters: Tensor) -> Tensor:
        """Parameters in the synthesizer's units -> standard units."""
        return (parameters - self.mean) / self.deviation

    def physical(self, standard: Tensor) -> Tensor:
        """Standard units -> the synthesizer's units."""
        return standard * self.deviation + self.mean
