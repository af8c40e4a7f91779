"""Articulatory inversion: an audio encoder trained on simulated speech to estimate the vocal tract.

A network that denoises frames learns from the frames first and may never use the sound. An encoder whose
tokens already hold the articulation avoids that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from cleartract.corpora.simulated import SimulatedSpeech, kind_of
from cleartract.errors import CorpusError
from cleartract.recordings.waveform import prepared_audio
from cleartract.sound.encoders import AudioConfig
from cleartract.sound.inversion import ArticulatoryInversion
from cleartract.sound.log_mel import AUDIO_RATE
from cleartract.training.audio_augmentation import AudioAugmentation

_SECONDS = (0.5, 1.4)  # lengths of the excerpts [s]
_FRAME_RATES = (83.28, 23.18)  # whose scanner noise is added
_MOVES = 1e-3  # least standard deviation of a parameter that is learned


@dataclass(frozen=True)
class SpokenMotion:
    """Sound and motor trajectory of one simulated recording.

    Attributes:
        sound: At 16 kHz, (sample,) float32.
        tract: Vocal-tract parameters, (state, parameter).
        state_rate: States per second.
    """

    sound: np.ndarray
    tract: np.ndarray
    state_rate: float

    def tract_at(self, times: np.ndarray) -> np.ndarray:
        """Parameters at some times [s], (time, parameter)."""
        position = np.asarray(times) * self.state_rate - 0.5
        states = np.arange(len(self.tract))
        columns = [np.interp(position, states, column) for column in self.tract.T]
        return np.stack(columns, -1)


def read_motion(folder: Path, split: str) -> list[SpokenMotion]:
    """Sound and trajectories of the simulated recordings in a folder, with or without frames.

    Raises:
        RecordingError: If a file is damaged or of another format.
    """
    spoken = []
    for path in sorted(folder.rglob("*.npz")):
        if kind_of(path) is None:
            continue
        speech = SimulatedSpeech.load(path)
        if speech.split == split:
            sound = prepared_audio(speech.audio, speech.sample_rate, AUDIO_RATE)
            spoken.append(SpokenMotion(sound, speech.tract, speech.state_rate))
    return spoken


def pretrain(
    training: list[SpokenMotion],
    config: AudioConfig,
    steps: int = 3000,
    batch: int = 32,
    learning_rate: float = 2e-3,
    seed: int = 0,
    progress: Callable[[int, int, float], None] | None = None,
    start: ArticulatoryInversion | None = None,
) -> ArticulatoryInversion:
    """Train an encoder to tell the vocal-tract parameters at the time of each token.

    Args:
        training: Recordings of the training speakers.
        config: Which encoder; `pooled` has no tokens in time and cannot be trained so.
        steps: Optimiser steps.
        batch: Excerpts per step.
        learning_rate: Peak; it falls to zero as half a cosine.
        seed: Of initial weights, excerpts and augmentation.
        progress: Called with step, steps and the loss.
        start: Goes on from this one, in its standard units; it is changed.
    """
    if config.encoder == "pooled":
        raise CorpusError("the pooled encoder has one token per window: nothing to invert")
    torch.manual_seed(seed)
    head = start.requires_grad_().train() if start is not None else _untrained(training, config)
    optimizer = torch.optim.AdamW(head.parameters(), lr=learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    augment = AudioAugmentation()
    for step in range(steps):
        rng = np.random.default_rng([seed, step])
        seconds = float(rng.uniform(*_SECONDS))
        items = [training[int(rng.integers(len(training)))] for _ in range(batch)]
        sounds, starts = zip(
            *(_excerpt(item, seconds, augment, rng) for item in items), strict=True
        )
        estimate, times = head(torch.from_numpy(np.stack(sounds)))
        truth = np.stack(
            [item.tract_at(s + times.numpy()) for item, s in zip(items, starts, strict=True)]
        )
        loss = (estimate - head.standard(torch.from_numpy(truth).float())).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if progress and ((step + 1) % 50 == 0 or step + 1 == steps):
            progress(step + 1, steps, loss.item())
    return head.eval()


def _untrained(training: list[SpokenMotion], config: AudioConfig) -> ArticulatoryInversion:
    everything = np.concatenate([item.tract for item in training])
    head = ArticulatoryInversion(config)
    head.mean.copy_(torch.from_numpy(everything.mean(0)))
    head.deviation.copy_(torch.from_numpy(np.maximum(everything.std(0), _MOVES)))
    return head


def _excerpt(item: SpokenMotion, seconds: float, augment: AudioAugmentation, rng):
    """Augmented waveform of an excerpt and the time of its first sample [s]."""
    count = round(seconds * AUDIO_RATE)
    first = int(rng.integers(-AUDIO_RATE // 10, max(1, len(item.sound) - count // 2)))
    positions = np.arange(first, first + count)
    inside = (positions >= 0) & (positions < len(item.sound))
    sound = np.where(inside, item.sound[positions.clip(0, len(item.sound) - 1)], 0)
    rate = _FRAME_RATES[int(rng.integers(len(_FRAME_RATES)))]
    return augment(sound, AUDIO_RATE, rate, rng), first / AUDIO_RATE


@torch.inference_mode()
def explained(head: ArticulatoryInversion, held_out: list[SpokenMotion]) -> np.ndarray:
    """Share of each parameter's variance that the sound explains (R^2), (parameter,)."""
    squares, spread, truths = 0.0, 0.0, []
    for item in held_out:
        standard, times = head(torch.from_numpy(item.sound[None]))
        truth = item.tract_at(times.numpy())
        truths.append(truth)
        estimate = head.physical(standard[0]).double().numpy()
        squares = squares + ((estimate - truth) ** 2).sum(0)
    everything = np.concatenate(truths)
    spread = ((everything - everything.mean(0)) ** 2).sum(0)
    return 1 - squares / np.maximum(spread, 1e-9)
