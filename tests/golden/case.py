"""A fixed input for golden weights."""

import numpy as np
import torch

from cleartract.model.condition import (
    Condition,
    FramesCondition,
    PredictionCondition,
    SoundCondition,
)
from cleartract.model.model import Model


def golden_output(model: Model) -> np.ndarray:
    """One evaluation on waves in space, time and sound, (1, 3, 18, 17)."""
    t, y, x = np.meshgrid(np.arange(3), np.arange(18), np.arange(17), indexing="ij")
    frames = torch.from_numpy(0.5 + 0.4 * np.sin(y / 3 + t) * np.cos(x / 4))[None].float()
    sound = torch.sin(torch.arange(3200) / 7.0)[None] * 0.1
    times = torch.tensor([[-0.012, 0.0, 0.012]])
    observed = torch.tensor([[True, True, False]])
    prediction = None
    if model.config.unet.prediction:
        known = torch.tensor([True])
        prediction = PredictionCondition(
            frames.mean(1), known, 0.9 * frames + 0.05, known, torch.ones(1)
        )
    condition = Condition(
        FramesCondition(frames, observed, times),
        SoundCondition(sound, torch.tensor([-0.1]), torch.tensor([True])),
        prediction,
    )
    with torch.no_grad():
        return model(frames + 0.1, torch.tensor([0.5]), condition).numpy()
