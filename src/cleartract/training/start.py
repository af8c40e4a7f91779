"""What a training run starts from: random weights, other weights, a pre-trained audio encoder."""

from __future__ import annotations

from collections.abc import Callable

import torch

from cleartract.model import Model
from cleartract.training.config import TrainingConfig
from cleartract.training.inversion import SpokenMotion, pretrain


def initial_model(
    config: TrainingConfig,
    weights: Model | None = None,
    spoken: list[SpokenMotion] | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> Model:
    """Model at step 0 of a run.

    Args:
        config: Settings of the run.
        weights: Taken over wherever name and shape agree: a model may grow.
        spoken: Sound and motor trajectories, for the audio encoder's `inversion_steps`.
        progress: Called with step, steps and loss of the inversion.
    """
    torch.manual_seed(config.seed)
    model = Model(config.model)
    if weights is not None:
        take_over(model, weights.state_dict())
    if spoken and needs_inversion(config, weights) and model.audio is not None:
        learned = config.model.inversion or config.model.audio
        head = pretrain(
            spoken, learned, config.inversion_steps, seed=config.seed, progress=progress
        )
        if learned == config.model.audio:
            model.audio.load_state_dict(head.encoder.state_dict())
        if model.inversion is not None:
            model.inversion.load_state_dict(head.state_dict())
    return model


def needs_inversion(config: TrainingConfig, weights: Model | None) -> bool:
    """Whether the audio encoder has articulatory inversion still to learn."""
    if weights is not None and weights.inversion is not None:
        return weights.config.inversion != config.model.inversion
    return config.inversion_steps > 0


def take_over(model: Model, state: dict[str, torch.Tensor]) -> list[str]:
    """Copy tensors of the same name and shape; returns the names of those that stay random.

    A convolution that gained input planes ignores the new ones at first.
    """
    own = model.state_dict()
    fitting = {}
    for name, value in state.items():
        if name not in own:
            continue
        if own[name].ndim == 4 and own[name].shape[1] > value.shape[1]:
            wider = torch.zeros_like(own[name])
            wider[:, : value.shape[1]] = value
            value = wider
        if own[name].shape == value.shape:
            fitting[name] = value
    model.load_state_dict(fitting, strict=False)
    return sorted(set(own) - set(fitting))
