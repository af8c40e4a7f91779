"""How a model is adapted to noisy recordings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class AdaptSettings(BaseModel):
    """How a model is adapted to noisy recordings."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    steps: int = Field(
        100, ge=1, description="Optimiser steps; about a second each on two CPU cores."
    )
    batch: int = Field(2, ge=1, description="Windows per step.")
    frames: int = Field(12, ge=2, description="Length of a window [frames].")
    learning_rate: float = Field(
        1e-4,
        gt=0,
        lt=1,
        description="Peak learning rate; it rises for 20 steps and falls to zero.",
    )
    seed: int = Field(0, ge=0, description="Seed of windows and noise.")
