"""Training batches, each fixed by (seed, step) alone: a resumed run sees what it would have seen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from cleartract.errors import CorpusError
from cleartract.model import Condition
from cleartract.recordings.dataset import AVDataset, AVSample, Entry
from cleartract.recordings.windows import Window
from cleartract.training.audio_augmentation import AudioAugmentation
from cleartract.training.augmentation import TrainingDegradation
from cleartract.training.config import TrainingConfig

_ANONYMOUS = 0.03  # share of windows of recordings too short to have a mean frame


@dataclass
class Batch:
    """Windows of one step.

    Attributes:
        clean: (batch, frame, height, width).
        condition: Noisy frames, sound, and which of both are dropped.
        sigma: Diffusion noise level, (batch,).
        noise: Standard normal, like `clean`.
    """

    clean: Tensor
    condition: Condition
    sigma: Tensor
    noise: Tensor

    def to(self, device: torch.device) -> Batch:
        """Copy to a device."""
        moved = {
            name: value.to(device) if isinstance(value, Tensor) else value
            for name, value in vars(self.condition).items()
        }
        return Batch(
            self.clean.to(device),
            Condition(**moved),
            self.sigma.to(device),
            self.noise.to(device),
        )


class BatchSource:
    """Draws batches from a data set; windows of one batch share size, rate and length."""

    def __init__(self, dataset: AVDataset, config: TrainingConfig):
        self.dataset, self.config, self.effects = dataset, config, AudioAugmentation()
        groups: dict[tuple, list[Entry]] = {}
        for entry in dataset.entries:
            if entry.frames >= config.window_frames:
                groups.setdefault((entry.size, entry.rate), []).append(entry)
        if not groups:
            raise CorpusError(
                f"no recording is as long as a window of {config.window_frames} frames"
            )
        self.groups = [groups[key] for key in sorted(groups)]
        self.smallest = min(min(entry.size) for entry in dataset.entries)

    def draw(self, step: int) -> Batch:
        """The batch of one step."""
        rng = np.random.default_rng([self.config.seed, step])
        sizes = np.array([len(group) for group in self.groups], float)
        group = self.groups[int(rng.choice(len(sizes), p=sizes / sizes.sum()))]
        smaller = rng.random() < self.config.resample
        square = group[0].size[0] == group[0].size[1]
        degrade = TrainingDegradation(size=self.smallest if smaller and square else None)
        samples = [self._sample(group, rng, degrade) for _ in range(self.config.batch)]
        return self._collate(samples, rng, step)

    def _sample(self, group: list[Entry], rng: np.random.Generator, degrade) -> AVSample:
        entry = group[int(rng.integers(len(group)))]
        first = int(rng.integers(entry.frames - self.config.window_frames + 1))
        window = Window(first, self.config.window_frames, entry.rate)
        sample = self.dataset.sample(entry, window, rng, degrade)
        if sample.waveform is None or not self.config.audio_effects:
            return sample
        varied = self.effects(sample.waveform, self.dataset.audio_rate, float(entry.rate), rng)
        return replace(sample, waveform=varied)

    def _collate(self, samples: list[AVSample], rng: np.random.Generator, step: int) -> Batch:
        config, count, frames = self.config, len(samples), self.config.window_frames
        generator = torch.Generator().manual_seed((config.seed * 1_000_003 + step) % 2**63)
        clean = torch.from_numpy(np.stack([sample.clean for sample in samples]))
        given = torch.ones(count, frames, dtype=torch.bool)
        anonymous = rng.random(count)  # below the share: nothing of the recording is known
        for row in range(count):
            kind = rng.random()
            if kind < config.frames_dropout:
                given[row] = False
                anonymous[row] -= config.generation_alone
                if rng.random() < config.likeness:
                    given[row, int(rng.integers(frames))] = True
            elif kind < config.frames_dropout + config.lost_runs and frames > 1:
                length = int(rng.integers(1, frames))
                first = int(rng.integers(frames - length + 1))
                given[row, first : first + length] = False
        masked = np.full((count, 2), np.inf, np.float32)
        reach = frames / 2 / float(samples[0].window.rate) + config.model.audio.context
        for row in range(count):
            if rng.random() < config.audio_masks:
                masked[row] = np.sort(rng.uniform(-reach, reach, 2))
        silent = np.zeros_like(samples[0].waveform) if samples[0].waveform is not None else None
        heard = torch.from_numpy(rng.random(count) >= config.audio_dropout)
        heard &= torch.tensor([sample.waveform is not None for sample in samples])
        times = np.stack([sample.window.frame_times() for sample in samples])
        condition = Condition(
            noisy=torch.from_numpy(np.stack([sample.noisy for sample in samples])),
            given=given,
            times=torch.from_numpy(times).float(),
            heard=heard,
        )
        if silent is not None:
            starts = torch.tensor([sample.waveform_start for sample in samples])
            waveforms = [silent if s.waveform is None else s.waveform for s in samples]
            sound = torch.from_numpy(np.stack(waveforms))
            condition = replace(
                condition, waveform=sound, waveform_start=starts, masked=torch.from_numpy(masked)
            )
        told = [s for s in samples if s.acoustic is not None and s.mean is not None]
        if len(told) == count:
            condition = replace(
                condition,
                acoustic=torch.from_numpy(np.array([s.acoustic for s in told])),
                mean=torch.from_numpy(np.array([s.mean for s in told])),
                mean_known=torch.from_numpy(anonymous >= _ANONYMOUS),
            )
        noise = torch.randn(clean.shape, generator=generator)
        return Batch(clean, condition, config.model.noise.draw(count, generator), noise)
