"""Everything needed to rebuild a model."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cleartract.diffusion.noise_levels import NoiseLevels
from cleartract.networks.video_unet import UNetConfig
from cleartract.sound.encoders import AudioConfig


class ModelConfig(BaseModel):
    """Everything needed to rebuild a model.

    Attributes:
        unet: The video U-Net.
        audio: The audio encoder; its channels must be the U-Net's token channels.
        inversion: The encoder that estimates articulation for `unet.prediction`; None without it.
        default_speaker: Size of the frames of the speaker used for generation where no reference
            is given [pixels]; 0 for none.
        noise: Noise levels.
        correction_spread: How far clean frames lie from observed noisy ones [normalised intensity].
        interpolation_spread: How far they lie from interpolated ones.
        intensity_spread: How far they lie from `intensity_mean`, where nothing else is known.
        intensity_mean: Mean intensity of clean frames.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    unet: UNetConfig = UNetConfig(widths=(64, 96, 128), blocks=1)
    audio: AudioConfig = AudioConfig()
    inversion: AudioConfig | None = None
    default_speaker: int = Field(0, ge=0)
    noise: NoiseLevels = NoiseLevels()
    correction_spread: float = Field(0.06, gt=0)
    interpolation_spread: float = Field(0.12, gt=0)
    intensity_spread: float = Field(0.25, gt=0)
    intensity_mean: float = 0.25

    @model_validator(mode="after")
    def _channels_agree(self) -> ModelConfig:
        if self.unet.token_channels not in (0, self.audio.channels):
            raise ValueError("unet.token_channels must equal audio.channels (or be 0: no audio)")
        if self.unet.prediction != (self.inversion is not None):
            raise ValueError("unet.prediction and inversion belong together")
        if self.default_speaker and self.inversion is None:
            raise ValueError("a default speaker needs inversion")
        return self


def migrated_config(config: dict[str, Any]) -> dict[str, Any]:
    """A config of weights of format 1 under the names of format 2."""
    config = dict(config)
    if "likeness" in config:
        config["default_speaker"] = config.pop("likeness")
    unet = dict(config.get("unet", {}))
    for old, new in (("acoustic", "prediction"), ("interpolate", "interpolation")):
        if old in unet:
            unet[new] = unet.pop(old)
    return config | ({"unet": unet} if unet else {})


def migrated_state(state: dict[str, Any]) -> dict[str, Any]:
    """Tensors of weights of format 1 under the names of format 2."""
    return {name.replace("likeness_", "speaker_"): value for name, value in state.items()}
