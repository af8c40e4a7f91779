"""Factorised space-time U-Net for single frames and short sequences."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn

from cleartract.networks.attention import AudioCrossAttention, TemporalAttention
from cleartract.networks.layers import FourierFeatures, ResidualBlock, frame_norm, resize

_WIDEST = 4096  # channels of any layer
WINDOW_FACTS = 9  # numbers about a window beside its frames


class UNetConfig(BaseModel):
    """Size and shape of the network.

    Attributes:
        stem: Channels at the full resolution.
        widths: Channels at 1/2, 1/4, 1/8, ... of the resolution.
        blocks: Residual blocks per level and side.
        attention_resolutions: Factors of reduction (2, 4, 8, ...) with attention over time.
        audio_resolutions: Factors of reduction with cross-attention to the audio; where attention
            over time sits by default.
        heads: Attention heads.
        embedding: Channels of the noise-level embedding.
        temporal_convolution: Mix neighbouring frames by convolution.
        temporal_attention: Mix all frames of the window by attention.
        token_channels: Channels of the audio tokens; 0 builds a network without audio.
        prediction: Whether the mean frame of the recording, or frames predicted from its sound, are
            inputs beside the noisy ones.
        noise: Whether the recording's noise, as its survey measured it, and the target are inputs.
        interpolation: Whether frames that are not observed are shown as their prior mean, from the
            sound and by interpolation in time; otherwise they are shown as empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    stem: int = Field(32, ge=4, le=_WIDEST)
    widths: tuple[int, ...] = (48, 96, 128)
    blocks: int = Field(2, ge=1, le=64)
    attention_resolutions: tuple[int, ...] = (8,)
    audio_resolutions: tuple[int, ...] | None = None
    heads: int = Field(4, ge=1, le=_WIDEST)
    embedding: int = Field(128, ge=8, le=_WIDEST)
    temporal_convolution: bool = True
    temporal_attention: bool = True
    token_channels: int = Field(96, ge=0, le=_WIDEST)
    prediction: bool = False
    interpolation: bool = False
    noise: bool = False

    @model_validator(mode="after")
    def _buildable(self) -> UNetConfig:
        if not self.widths or min(self.widths) < 1:
            raise ValueError("widths needs one or more positive numbers")
        if len(self.widths) > 8 or max(self.widths) > _WIDEST:
            raise ValueError(f"widths has 8 numbers at most, each up to {_WIDEST}")
        levels = [2 ** (level + 1) for level in range(len(self.widths))]
        if unknown := set(self.attention_resolutions + self.sound_levels) - set(levels):
            raise ValueError(
                f"there is no resolution 1/{min(unknown)} to attend at, only 1/{levels}"
            )
        for level, width in enumerate(self.widths):
            attends = 2 ** (level + 1) in self.attention_resolutions + self.sound_levels
            if attends and width % self.heads:
                raise ValueError(f"width {width} with attention must be divisible by heads")
        return self

    @property
    def sound_levels(self) -> tuple[int, ...]:
        """Factors of reduction with cross-attention to the audio."""
        given = self.audio_resolutions
        return self.attention_resolutions if given is None else given


class _Stage(nn.Module):
    """Residual blocks and, where asked for, attention at one resolution."""

    def __init__(self, config: UNetConfig, level: int, channels_in: int):
        super().__init__()
        channels = config.widths[level]
        self.blocks = nn.ModuleList(
            ResidualBlock(
                channels_in if index == 0 else channels,
                channels,
                config.embedding,
                config.temporal_convolution,
            )
            for index in range(config.blocks)
        )
        factor = 2 ** (level + 1)
        self.temporal = (
            TemporalAttention(channels, config.heads)
            if factor in config.attention_resolutions and config.temporal_attention
            else None
        )
        self.audio = (
            AudioCrossAttention(channels, config.token_channels, config.heads)
            if factor in config.sound_levels and config.token_channels
            else None
        )

    def forward(self, x: Tensor, embedding: Tensor, times: Tensor, audio: tuple | None) -> Tensor:
        for block in self.blocks:
            x = block(x, embedding, times.shape[1])
        if self.audio is not None and audio is not None:
            x = self.audio(x, times, *audio)
        if self.temporal is not None and times.shape[1] > 1:
            x = self.temporal(x, times)
        return x


class VideoUNet(nn.Module):
    """U-Net over windows of frames, conditioned on noisy frames and audio tokens.

    Fully convolutional in time and space: any number of frames, any size from 16 pixels. The
    first step halves the resolution by rearranging 2x2 pixels into channels; the last ones work
    at the full resolution again, on bilinearly enlarged features, so that no 2-pixel lattice
    is left.
    """

    def __init__(self, config: UNetConfig):
        super().__init__()
        self.config = config
        widths = config.widths
        self.noise_level = FourierFeatures(config.embedding, 0.1, 4.0)
        planes = 3 + 2 * config.prediction + 2 * config.noise
        if config.noise:
            self.facts = nn.Linear(WINDOW_FACTS, config.embedding)
            nn.init.zeros_(self.facts.weight)
            nn.init.zeros_(self.facts.bias)
        self.stem = nn.Conv2d(planes, config.stem, 3, padding=1)
        self.enter = nn.Conv2d(4 * planes, widths[0], 3, padding=1)
        self.down = nn.ModuleList(
            _Stage(config, level, widths[level]) for level in range(len(widths))
        )
        self.reduce = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1)
            for a, b in zip(widths[:-1], widths[1:], strict=True)
        )
        self.up = nn.ModuleList(
            _Stage(config, level, 2 * widths[level]) for level in range(len(widths) - 1)
        )
        self.enlarge = nn.ModuleList(
            nn.Conv2d(b, a, 1) for a, b in zip(widths[:-1], widths[1:], strict=True)
        )
        self.leave = nn.Conv2d(widths[0], config.stem, 1)
        self.refine = ResidualBlock(
            config.stem, config.stem, config.embedding, config.temporal_convolution
        )
        self.final_norm = frame_norm(config.stem)
        self.final = nn.Conv2d(config.stem, 1, 3, padding=1)
        nn.init.zeros_(self.final.weight)
        nn.init.zeros_(self.final.bias)  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(
        self,
        x: Tensor,
        c_noise: Tensor,
        noisy: Tensor,
        observed: Tensor,
        times: Tensor,
        audio: tuple[Tensor, Tensor, Tensor] | None = None,
        predicted: tuple[Tensor, Tensor] | None = None,
        noise: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Predict the scaled correction.

        Args:
            x: Scaled diffusion state, (batch, frame, height, width).
            c_noise: ln(sigma) / 4, (batch,).
            noisy: Noisy frames in normalised intensity, same shape as x; the prior mean, or
                ignored, where not observed.
            observed: Which noisy frames are observed, (batch, frame), 0 or 1.
            times: Frame times relative to the window's centre [s], (batch, frame).
            audio: Tokens (batch, token, channel), their times (batch, token) [s], and whether
                they are valid (batch, token).
            predicted: Frames predicted from the sound, or the recording's mean frame, same shape as
                x; and which they are, (batch,): 0.5 and the skill where predicted, 0.5 mean,
                0 neither. Used only if the config asks for them.
            noise: Two planes that tell of the noise, (batch, frame, 2, height, width), and numbers
                about the window, (batch, 9); likewise.

        Returns:
            Same shape as x.
        """
        batch, frames, height, width = x.shape
        mask = observed[..., None, None].to(x).expand_as(x)
        shown = noisy * 4 - 1
        inputs = [x, shown if self.config.interpolation else shown * mask, mask]
        if self.config.prediction:
            frames_predicted, kind = predicted or (x, x.new_zeros(batch))
            kind = kind[:, None, None, None].to(x).expand_as(x)
            inputs += [torch.where(kind > 0, frames_predicted * 4 - 1, 0), kind]
        planes = torch.stack(inputs, dim=2)
        embedding = self.noise_level(c_noise)
        if self.config.noise:
            assert noise is not None
            planes = torch.cat([planes, noise[0].to(x)], dim=2)
            embedding = embedding + self.facts(noise[1].to(embedding))
        embedding = F.silu(embedding)
        planes = planes.flatten(0, 1)
        planes = F.pad(planes, (0, width % 2, 0, height % 2), mode="replicate")
        planes = planes.contiguous(memory_format=torch.channels_last)
        fine = self.stem(planes)
        h = self.enter(F.pixel_unshuffle(planes, 2).contiguous(memory_format=torch.channels_last))
        skips = []
        for level, stage in enumerate(self.down):
            h = stage(h, embedding, times, audio)
            if level < len(self.reduce):
                skips.append(h)
                h = self.reduce[level](h)
        for level in reversed(range(len(self.up))):
            skip = skips.pop()
            h = resize(self.enlarge[level](h), skip.shape[-2:])
            h = self.up[level](torch.cat([h, skip], dim=1), embedding, times, audio)
        h = fine + resize(self.leave(h), fine.shape[-2:])
        h = self.refine(h, embedding, frames)
        h = self.final(F.silu(self.final_norm(h)))
        return h[..., :height, :width].reshape(batch, frames, height, width)
