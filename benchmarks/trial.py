"""One small training run and what came of it: the unit of experiments and of the search."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from cleartract.model import Model
from cleartract.recordings.dataset import AVDataset
from cleartract.recordings.windows import SlidingWindowTransform
from cleartract.training.batches import Batch, BatchSource
from cleartract.training.config import TrainingConfig
from cleartract.training.inversion import SpokenMotion
from cleartract.training.loop import train, varied_articulation
from cleartract.training.start import initial_model

KINDS = ("given", "lost")
SOUNDS = ("matched", "null", "swapped")
_MOVING = 0.8  # quantile of the change over time: pixels that move more are where sound can matter


def run_trial(
    corpus: Path, spoken: list[SpokenMotion], folder: Path, config: TrainingConfig, batches: int
) -> dict[str, float]:
    """Train, or go on, and measure on validation speakers; a finished trial is only read.

    Args:
        corpus: Simulated corpus.
        spoken: Speech for the inversion.
        folder: Run folder.
        config: What is tried.
        batches: Validation batches.

    Returns:
        `validation_figures`.
    """
    done = folder / "figures.json"
    if done.exists():
        return json.loads(done.read_text())
    dataset = _dataset(corpus, "train", config)
    initial = None
    if not (folder / "checkpoint.pt").exists():
        initial = initial_model(config, spoken=spoken)
    model = train(dataset, folder, config, initial=initial)
    figures = validation_figures(model, corpus, config, batches)
    done.write_text(json.dumps(figures, indent=1) + "\n")
    return figures


def _dataset(corpus: Path, split: str, config: TrainingConfig) -> AVDataset:
    frames, context = config.window_frames, config.model.audio.context
    return AVDataset(corpus, split, SlidingWindowTransform(frames, frames), context=context)


@torch.inference_mode()
def validation_figures(
    model: Model, corpus: Path, config: TrainingConfig, batches: int
) -> dict[str, float]:
    """PSNR at the moving pixels of given and of lost frames, by sound [dB]; one-step estimates.

    The same windows, degradations and losses for every config of the same window length.
    """
    fixed = config.model_copy(
        update={
            "seed": 999, "batch": 4, "frames_dropout": 0.0, "lost_runs": 0.5, "audio_dropout": 0.0,
            "audio_masks": 0.0,
        }
    )  # fmt: skip
    dataset = _dataset(corpus, "validation", fixed)
    if model.inversion is not None:
        dataset.articulation = varied_articulation(model.inversion, fixed.seed)
    source = BatchSource(dataset, fixed)
    errors: dict[tuple[str, str], list[float]] = {(k, s): [] for k in KINDS for s in SOUNDS}
    for step in range(batches):
        batch = source.draw(step)
        batch.sigma[:] = config.model.noise.maximum
        moving = _moving(batch)
        for sound, condition in _sounds(batch).items():
            x = batch.clean + batch.sigma[:, None, None, None] * batch.noise
            error = (model(x, batch.sigma, condition).float() - batch.clean) ** 2
            for kind in KINDS:
                frames = batch.condition.given == (kind == "given")
                where = moving & frames[..., None, None]
                if where.any():
                    errors[kind, sound].append(float(error[where].mean()))
    return {
        f"{kind} {sound}": -10 * float(np.log10(np.mean(found)))
        for (kind, sound), found in errors.items()
    }


def _sounds(batch: Batch) -> dict:
    """The windows with their own sound, none, and that of the next window of the batch."""
    own = batch.condition
    swapped = own
    if own.waveform is not None:
        swapped = replace(own, waveform=own.waveform.roll(1, 0))
    # what a foreign sound predicts within a recording is its mean frame, see recordings.acoustic
    return {
        "matched": own,
        "null": own.without_audio(),
        "swapped": replace(swapped, acoustic=None),
    }


def _moving(batch: Batch) -> torch.Tensor:
    spread = batch.clean.std(1, keepdim=True).expand_as(batch.clean)
    limit = torch.quantile(spread.flatten(1), _MOVING, dim=1)
    return spread >= limit[:, None, None, None]
