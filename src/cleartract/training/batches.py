"""Training batches, each fixed by (seed, step) alone: a resumed run sees what it would have seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from cleartract.corpora.dataset import AVDataset, AVSample
from cleartract.corpora.entries import Entry
from cleartract.corpora.material import Degrade
from cleartract.denoising.prepared_window import PreparedWindow, WindowSound, build_condition
from cleartract.denoising.settings import Target
from cleartract.errors import CorpusError
from cleartract.model.condition import Condition
from cleartract.recordings.windows import Window
from cleartract.sound.log_mel import AUDIO_RATE
from cleartract.training.audio_augmentation import AudioAugmentation
from cleartract.training.config import TrainingConfig
from cleartract.training.degradation import TrainingDegradation
from cleartract.training.loss import Batch

_WITHOUT_MEAN = 0.03  # share of windows of recordings too short to have a mean frame
_CPU = torch.device("cpu")


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
        crop = self.config.crop if rng.random() < self.config.cropped else None
        degrade = TrainingDegradation(size=size if square else None, crop=crop)
        chosen = list(range(self.config.batch)) if rows is None else list(rows)
        sources = [np.random.default_rng([self.config.seed, step, row]) for row in chosen]
        samples = [self._sample(group, source, degrade) for source in sources]
        samples = [
            replace(sample, prepared=self._dropped(sample.prepared, source))
            for sample, source in zip(samples, sources, strict=True)
        ]
        windows = [sample.prepared for sample in samples]
        clean = torch.from_numpy(np.stack([sample.clean for sample in samples]))
        return self._with_noise(clean, build_condition(windows, _CPU), step, chosen)

    def _sample(self, group: list[Entry], rng: np.random.Generator, degrade: Degrade) -> AVSample:
        entry = group[int(rng.integers(len(group)))]
        first = int(rng.integers(entry.frames - self.config.window_frames + 1))
        window = Window(first, self.config.window_frames, entry.rate)
        sample = self.dataset.sample(entry, window, rng, degrade)
        sound = sample.prepared.sound
        if sound is None or not self.config.audio_effects:
            return sample
        if sound.states is not None:  # made from the whole recording, with effects or without
            return sample
        varied = self.effects(sound.waveform, AUDIO_RATE, float(entry.rate), rng)
        prepared = replace(sample.prepared, sound=replace(sound, waveform=varied))
        return replace(sample, prepared=prepared)

    def _dropped(self, window: PreparedWindow, rng: np.random.Generator) -> PreparedWindow:
        """The window with a target, and frames, sound, noise and mean frame dropped at random."""
        config, frames = self.config, self.config.window_frames
        observed, with_mean = np.ones(frames, bool), rng.random() >= _WITHOUT_MEAN
        kind = rng.random()
        if kind < config.frames_dropout:
            observed[:] = False
            with_mean &= rng.random() >= config.generation_alone
            if rng.random() < config.posture:
                observed[int(rng.integers(frames))] = True
        elif kind < config.frames_dropout + config.lost_runs and frames > 1:
            length = int(rng.integers(1, frames))
            first = int(rng.integers(frames - length + 1))
            observed[first : first + length] = False
        sound = self._sound(window, rng)
        noise = None if rng.random() < config.noise_dropout else window.noise
        target: Target = "ideal" if rng.random() < config.ideal_share else "scan"
        window = replace(window, observed=observed, sound=sound, noise=noise, target=target)
        return window if with_mean else replace(window, mean=None, predicted=None)

    def _sound(self, window: PreparedWindow, rng: np.random.Generator) -> WindowSound | None:
        config, sound = self.config, window.sound
        valid = rng.random() >= config.audio_dropout
        masked = None
        if rng.random() < config.audio_masks:
            reach = config.window_frames / 2 / float(window.window.rate)
            reach += config.model.audio.context
            masked = np.sort(rng.uniform(-reach, reach, 2)).astype(np.float32)
        if sound is None:
            return None
        masked = sound.masked if sound.masked is not None else masked
        return replace(sound, valid=bool(valid), masked=masked)

    def _with_noise(self, clean: Tensor, condition: Condition, step: int, rows: list[int]) -> Batch:
        """Diffusion noise is drawn for the whole batch: a row's does not depend on who asks."""
        generator = torch.Generator().manual_seed((self.config.seed * 1_000_003 + step) % 2**63)
        whole = (self.config.batch, *clean.shape[1:])
        noise = torch.randn(whole, generator=generator)
        sigma = self.config.model.noise.draw(self.config.batch, generator)
        return Batch(clean, condition, sigma[rows], noise[rows])
