"""Training batches, each fixed by (seed, step) alone: a resumed run sees what it would have seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from cleartract.corpora.dataset import AVDataset, AVSample
from cleartract.corpora.entries import Entry
from cleartract.errors import CorpusError
from cleartract.model.condition import Condition
from cleartract.recordings.windows import Window
from cleartract.training.audio_augmentation import AudioAugmentation
from cleartract.training.config import TrainingConfig
from cleartract.training.degradation import TrainingDegradation
from cleartract.training.loss import Batch

_ANONYMOUS = 0.03  # share of windows of recordings too short to have a mean frame


@dataclass(frozen=True)
class _Dropped:
    """What a window is not told: frames not `given`, sound not `heard` or `masked` for a time [s],
    and whether the recording's mean frame is known."""

    given: np.ndarray
    heard: bool
    masked: np.ndarray
    mean_known: bool


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

    def draw(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        """The batch of one step, or some rows of it.

        Each row has its own source of randomness: shares of several processes, or parts of an
        accumulated gradient, are together the whole batch.

        Args:
            step: Number of the step.
            rows: Which of the batch's rows; all by default.
        """
        rng = np.random.default_rng([self.config.seed, step])
        sizes = np.array([len(group) for group in self.groups], float)
        group = self.groups[int(rng.choice(len(sizes), p=sizes / sizes.sum()))]
        smaller = rng.random() < self.config.resample
        square = group[0].size[0] == group[0].size[1]
        size = self.config.size or (self.smallest if smaller else None)
        degrade = TrainingDegradation(size=size if square else None)
        chosen = list(range(self.config.batch)) if rows is None else list(rows)
        sources = [np.random.default_rng([self.config.seed, step, row]) for row in chosen]
        samples = [self._sample(group, source, degrade) for source in sources]
        clean = torch.from_numpy(np.stack([sample.clean for sample in samples]))
        return self._with_noise(clean, self._collate(samples, sources), step, chosen)

    def _sample(self, group: list[Entry], rng: np.random.Generator, degrade) -> AVSample:
        entry = group[int(rng.integers(len(group)))]
        first = int(rng.integers(entry.frames - self.config.window_frames + 1))
        window = Window(first, self.config.window_frames, entry.rate)
        sample = self.dataset.sample(entry, window, rng, degrade)
        if sample.waveform is None or not self.config.audio_effects:
            return sample
        if sample.hidden is not None:  # read from the whole recording, with effects or without
            return sample
        varied = self.effects(sample.waveform, self.dataset.audio_rate, float(entry.rate), rng)
        return replace(sample, waveform=varied)

    def _collate(self, samples: list[AVSample], sources: list[np.random.Generator]) -> Condition:
        config = self.config
        dropped = [self._dropped(sample, rng) for sample, rng in zip(samples, sources, strict=True)]
        times = np.stack([sample.window.frame_times() for sample in samples])
        condition = Condition(
            noisy=torch.from_numpy(np.stack([sample.noisy for sample in samples])),
            given=torch.from_numpy(np.stack([d.given for d in dropped])),
            times=torch.from_numpy(times).float(),
            heard=torch.tensor([d.heard for d in dropped]),
        )
        sounding = [s.waveform for s in samples if s.waveform is not None]
        if sounding:
            silent = np.zeros_like(sounding[0])
            waveforms = [silent if s.waveform is None else s.waveform for s in samples]
            condition.waveform = torch.from_numpy(np.stack(waveforms))
            condition.waveform_start = torch.tensor([s.waveform_start for s in samples])
            if any(s.hidden is not None for s in samples):
                blank = np.zeros_like(next(s.hidden for s in samples if s.hidden is not None))
                hidden = [blank if s.hidden is None else s.hidden for s in samples]
                condition.hidden = torch.from_numpy(np.stack(hidden))
                condition.hidden_start = torch.tensor([s.hidden_start for s in samples])
            condition.masked = torch.from_numpy(np.stack([d.masked for d in dropped]))
        if config.model.unet.acoustic:
            blank = np.zeros_like(samples[0].clean)
            told = [blank if s.acoustic is None else s.acoustic for s in samples]
            means = [blank[0] if s.mean is None else s.mean for s in samples]
            known = [
                d.mean_known and s.mean is not None for d, s in zip(dropped, samples, strict=True)
            ]
            condition.acoustic = torch.from_numpy(np.stack(told))
            condition.mean = torch.from_numpy(np.stack(means))
            condition.mean_known = torch.tensor(known)
        return condition

    def _dropped(self, sample: AVSample, rng: np.random.Generator) -> _Dropped:
        config, frames = self.config, self.config.window_frames
        given, mean_known = np.ones(frames, bool), rng.random() >= _ANONYMOUS
        kind = rng.random()
        if kind < config.frames_dropout:
            given[:] = False
            mean_known &= rng.random() >= config.generation_alone
            if rng.random() < config.likeness:
                given[int(rng.integers(frames))] = True
        elif kind < config.frames_dropout + config.lost_runs and frames > 1:
            length = int(rng.integers(1, frames))
            first = int(rng.integers(frames - length + 1))
            given[first : first + length] = False
        heard = rng.random() >= config.audio_dropout and sample.waveform is not None
        masked = np.full(2, np.inf, np.float32)
        if rng.random() < config.audio_masks:
            reach = frames / 2 / float(sample.window.rate) + config.model.audio.context
            masked = np.sort(rng.uniform(-reach, reach, 2)).astype(np.float32)
        return _Dropped(given, bool(heard), masked, bool(mean_known))

    def _with_noise(self, clean: Tensor, condition: Condition, step: int, rows: list[int]) -> Batch:
        """Diffusion noise is drawn for the whole batch: a row's does not depend on who asks."""
        generator = torch.Generator().manual_seed((self.config.seed * 1_000_003 + step) % 2**63)
        whole = (self.config.batch, *clean.shape[1:])
        noise = torch.randn(whole, generator=generator)
        sigma = self.config.model.noise.draw(self.config.batch, generator)
        return Batch(clean, condition, sigma[rows], noise[rows])
