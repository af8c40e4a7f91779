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
    if spoken and config.inversion_steps and model.audio is not None:
        head = pretrain(
            spoken, config.model.audio, config.inversion_steps, seed=config.seed, progress=progress
        )
        model.audio.load_state_dict(head.encoder.state_dict())
    return model


def take_over(model: Model, state: dict[str, torch.Tensor]) -> list[str]:
    """Copy tensors of the same name and shape; returns the names of those that stay random."""
    own = model.state_dict()
    fitting = {k: v for k, v in state.items() if k in own and own[k].shape == v.shape}
    model.load_state_dict(fitting, strict=False)
    return sorted(set(own) - set(fitting))
