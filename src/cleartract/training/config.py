"""Settings of a training run."""

from __future__ import annotations

import json

from pydantic import BaseModel, ConfigDict, Field

from cleartract.model.config import ModelConfig, migrated_config
from cleartract.networks.video_unet import UNetConfig
from cleartract.sound.encoders import AudioConfig

_AUDIO = AudioConfig(encoder="gru", context=0.25)
_UNET = UNetConfig(widths=(64, 96, 128), blocks=1, prediction=True, interpolation=True, noise=True)


class TrainingConfig(BaseModel):
    """Everything that decides the weights, together with the data.

    Defaults of encoder, context, dropout, window, temporal blocks, attention, heads and width are
    what the ablations of docs/experiments.md decided. A config that gives `model` replaces the
    whole model, and what it leaves out has the defaults of `ModelConfig`.

    Attributes:
        model: Architecture and noise levels.
        steps: Optimiser steps in all; the learning rate falls to zero over them.
        epoch_steps: Steps of one epoch; a panel and a checkpoint are written at its end.
        batch: Windows per step, over all processes.
        accumulate: Parts into which a process cuts its share of the batch, for less memory.
        window_frames: Frames per window [frames]; 1 trains a single-frame model.
        learning_rate: Peak learning rate.
        warmup: Steps of linear warm-up.
        weight_decay: Of AdamW.
        clip: Largest norm of the gradient.
        difference: Weight of the error of the frame difference in the loss, against flicker and
            smeared motion; the best estimate is the posterior mean whatever its value.
        ema: Decay of the weights' moving average per step, after its own warm-up.
        inversion_steps: Steps by which the audio encoder learns articulatory inversion before the
            first step of the whole model; needs a simulated corpus.
        audio_learning_rate: Learning rate of the audio encoder and of the cross-attention, relative to the
            rest: the picture pathway learns first and starves them otherwise.
        audio_dropout: Share of windows whose audio is replaced by the null embedding.
        audio_masks: Share of windows with a part of the audio replaced by it.
        audio_effects: Whether scanner noise, echoes, codecs and the like are added to the audio.
        frames_dropout: Share of windows without any noisy frame (generation from audio).
        posture: Share of those of which one frame is observed all the same.
        generation_alone: Share of those that have no mean frame either.
        lost_runs: Share of windows with a run of lost noisy frames.
        lost_weight: Weight of the error of frames that are not observed, against that of observed ones.
        size: Side to which all square windows are resampled [pixels], for quick experiments.
        resample: Share of larger windows resampled to the smallest size in the data set.
        crop: Side of random parts of the frames [pixels].
        cropped: Share of steps that see only such parts, for speed.
        ideal_share: Share of windows whose target is the object itself and not its scan.
        noise_dropout: Share of windows whose noise is not told.
        seed: Seed of initial weights, batches, degradation and diffusion noise.
        precision: `bf16` on CUDA, `float32` on CPU when `auto`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    model: ModelConfig = ModelConfig(unet=_UNET, audio=_AUDIO, inversion=_AUDIO)
    steps: int = Field(8000, ge=1)
    epoch_steps: int = Field(1000, ge=1)
    batch: int = Field(2, ge=1)
    accumulate: int = Field(1, ge=1)
    window_frames: int = Field(8, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    warmup: int = Field(100, ge=0)
    weight_decay: float = Field(0.01, ge=0)
    clip: float = Field(1.0, gt=0)
    difference: float = Field(3.0, ge=0)
    ema: float = Field(0.998, ge=0, lt=1)
    inversion_steps: int = Field(2500, ge=0)
    audio_learning_rate: float = Field(2.0, gt=0)
    audio_dropout: float = Field(0.5, ge=0, le=1)
    audio_masks: float = Field(0.0, ge=0, le=1)
    audio_effects: bool = True
    frames_dropout: float = Field(0.1, ge=0, le=1)
    posture: float = Field(0.25, ge=0, le=1)
    generation_alone: float = Field(0.4, ge=0, le=1)
    lost_runs: float = Field(0.35, ge=0, le=1)
    lost_weight: float = Field(1.5, gt=0)
    size: int | None = Field(None, ge=16)
    resample: float = Field(0.25, ge=0, le=1)
    crop: int = Field(56, ge=16)
    cropped: float = Field(0.0, ge=0, le=1)
    ideal_share: float = Field(0.25, ge=0, le=1)
    noise_dropout: float = Field(0.15, ge=0, le=1)
    seed: int = Field(1, ge=0)
    precision: str = Field("auto", pattern="^(auto|float32|bf16)$")


def read_config(text: str) -> TrainingConfig:
    """Config from JSON; the model's fields may have their names of weights of format 1.

    Raises:
        pydantic.ValidationError: If a field is wrong or unknown, or the text is no JSON.
    """
    try:
        values = json.loads(text)
    except ValueError:
        return TrainingConfig.model_validate_json(text)  # says what is wrong
    if isinstance(values, dict) and isinstance(values.get("model"), dict):
        values["model"] = migrated_config(values["model"])
    return TrainingConfig.model_validate(values)
