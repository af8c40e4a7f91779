"""Audio encoders: waveform in, tokens with times out."""

from __future__ import annotations

from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn

from cleartract.sound.log_mel import AUDIO_RATE, HOP, LogMel
from cleartract.sound.speech_models import PretrainedSpeech

TOKEN = 2 * HOP / AUDIO_RATE  # from one token of the encoders trained here to the next [s]


HEADS = 4  # of the transformer encoder


class AudioConfig(BaseModel):
    """Audio encoder and the sound it gets.

    Attributes:
        encoder: `pooled` (one vector per window), `conv` (a sequence of tokens, each aware of 70
            ms), `gru` or `transformer` (each aware of the whole window), or `pretrained` (a
            self-supervised speech model).
        channels: Channels of the tokens.
        mels: Mel bands.
        context: Sound before and after the window's frames [s].
        speech: Config of the speech model of `pretrained`, see `read_speech_config`.
        frozen: Whether that speech model stays as it is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    encoder: Literal["pooled", "conv", "gru", "transformer", "pretrained"] = "conv"
    channels: int = Field(96, ge=8)
    mels: int = Field(64, ge=8)
    context: float = Field(0.12, ge=0)
    speech: dict[str, Any] | None = None
    frozen: bool = True

    @model_validator(mode="after")
    def _speech_given(self) -> AudioConfig:
        if (self.encoder == "pretrained") != (self.speech is not None):
            raise ValueError("encoder pretrained needs a speech model, and no other has one")
        if self.encoder == "transformer" and self.channels % HEADS:
            raise ValueError(f"channels of a transformer must be divisible by {HEADS}")
        return self


class _SelfAttention(nn.Module):
    """Two transformer layers; a convolution over 15 tokens encodes their order."""

    def __init__(self, width: int):
        super().__init__()
        self.position = nn.Conv1d(width, width, 15, padding=7, groups=width)
        layer = nn.TransformerEncoderLayer(
            width, HEADS, 2 * width, dropout=0.0, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x + self.position(x.transpose(1, 2)).transpose(1, 2))


class AudioEncoder(nn.Module):
    """Waveform of a window -> tokens and their times; and the learned null embedding.

    Args:
        config: Which encoder, how wide.
    """

    def __init__(self, config: AudioConfig):
        super().__init__()
        self.config = config
        width = config.channels
        self.null = nn.Parameter(torch.randn(width) * 0.5)
        self.norm = nn.LayerNorm(width)
        if config.speech is not None:
            self.speech = PretrainedSpeech(config.speech, width, config.frozen)
            return
        self.log_mel = LogMel(config.mels)
        self.layers = nn.Sequential(
            nn.Conv1d(config.mels, width, 5, padding=2),
            nn.SiLU(),
            nn.Conv1d(width, width, 4, stride=2, padding=1),  # one token every 20 ms
            nn.SiLU(),
            nn.Conv1d(width, width, 3, padding=1),
        )
        if config.encoder == "gru":
            self.recurrent = nn.GRU(width, width // 2, batch_first=True, bidirectional=True)
        if config.encoder == "transformer":
            self.attention = _SelfAttention(width)

    def forward(self, waveform: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        """Encode the sound of each window.

        Args:
            waveform: (batch, sample) at 16 kHz, at least 20 ms (25 ms for `pretrained`).
            start: Time of the first sample relative to the window's centre [s], (batch,).

        Returns:
            Tokens (batch, token, channel) and their times (batch, token) [s].
        """
        h, offsets = self._encoded(waveform)
        times = start[:, None] + offsets
        if self.config.encoder == "pooled":
            # the null token beside the pooled sound lets attention ignore the sound
            pooled = self.norm(h.mean(1, keepdim=True))
            middle = times.mean(1, keepdim=True)
            return torch.cat([pooled, self.null.expand_as(pooled)], 1), middle.expand(-1, 2)
        return self.norm(h), times

    def _encoded(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        if self.config.encoder == "pretrained":
            return self.speech(waveform)
        h = self.layers(self.log_mel(waveform)).transpose(1, 2)
        if self.config.encoder == "gru":
            h = h + self.recurrent(h)[0]
        if self.config.encoder == "transformer":
            h = self.attention(h)
        # column 2k + 0.5 of the spectrogram is the middle of token k
        return h, TOKEN * (torch.arange(h.shape[1], device=h.device) + 0.25)

    def of_states(self, states: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens and their times from hidden states of a frozen speech model.

        Args:
            states: (batch, token, state).
            start: Time of the first relative to the window's centre [s], (batch,).
        """
        steps = torch.arange(states.shape[1], device=states.device) * self.speech.hop / AUDIO_RATE
        return self.norm(self.speech.project(states)), start[:, None] + steps

    def null_tokens(self, batch: int) -> tuple[Tensor, Tensor]:
        """What stands for "no audio": one token per window, at time 0."""
        return self.null.expand(batch, 1, -1), self.null.new_zeros(batch, 1)

    def with_null(self, tokens: Tensor, valid: Tensor) -> Tensor:
        """Tokens with those that are not valid replaced by the null embedding.

        Args:
            tokens: (batch, token, channel).
            valid: (batch, token) bool.
        """
        return torch.where(valid[..., None], tokens, self.null)
