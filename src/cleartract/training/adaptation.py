r"""Adapt a model to one's own noisy recordings, of which no clean version exists.

**Learning.** The recordings as the model denoises them serve as clean frames. Fresh complex noise, of the
strength and of the correlation in space and time that the recording's own noise has where nothing
moves (`noise_model`), makes noisy frames of them, and the model learns to undo it (iterative data
refinement, Zhang et al. 2022, CVPR; a parametric bootstrap). What the model leaves in counts as signal
and comes back weaker the second time, with clean frames from the adapted model.

**Judging.** From held-out noisy frames y = x + n with noise n of covariance S two versions are made

.. math:: y_1 = y + a z, \quad y_2 = y - z / a, \quad z \sim N(0, S)

whose noises are uncorrelated, because their covariance is S - S = 0, whatever the correlation of the
noise. So the error of y_2 predicted from y_1 ranks models as the error against x would
(Recorrupted-to-Recorrupted, Pang et al. 2021, CVPR, Theorem 1). Magnitudes lie above the signal by the
bias of Rician noise, so it is the Rician mean of the estimate that has to meet y_2. Learning from this
loss itself fails at a low signal: the Rician mean hardly changes near zero, and what it leaves
undecided there grows (measured: 1.7 dB worse at a noise of a fifth of the brightest tissue).

Aliasing that follows the anatomy is outside both, and where it is most of what changes (an
undersampled recording with little noise) both have been seen to go wrong together. Only the one-step
estimate of given frames is adapted; lost frames, generation and several steps may lose.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from cleartract.condition import Condition
from cleartract.diffusion.denoiser import loss_weight
from cleartract.errors import RecordingError
from cleartract.model import Model
from cleartract.networks.log_mel import AUDIO_RATE
from cleartract.recordings.acoustic import acoustic_frames
from cleartract.recordings.borders import empty_borders
from cleartract.recordings.recording import Intensity, Recording
from cleartract.recordings.windows import Window
from cleartract.restore import denoise_recording
from cleartract.training.loss import Batch, batch_loss
from cleartract.training.noise_model import NoiseModel, rician_mean
from cleartract.windowed import DenoiseSettings, Sound, window_condition

_SURE = 2.5  # standard errors; by chance about once in a hundred times
SHARE = 0.4  # a: share of the noise that is added again
LEAST_WINDOWS = 40  # that a recording must hold
_DIFFERENCE = 3.0  # weight of the frame difference, as the shipped weights were trained
_FAINT = 3.0  # signal over noise below which magnitudes are biased
_TWICE = 100  # steps, from which on clean frames are made a second time
_HELD_OUT = 0.25  # the last part of each recording decides whether anything was gained


def recorrupted(noisy: Tensor, noise: Tensor, share: float = SHARE) -> tuple[Tensor, Tensor]:
    """Two versions of noisy frames whose noises are independent of each other.

    Args:
        noisy: Frames with noise of some covariance.
        noise: Fresh noise of the same covariance.
        share: How much of it the first version gets.
    """
    return noisy + share * noise, noisy - noise / share


@dataclass(frozen=True)
class Adapted:
    """What came of it.

    Attributes:
        model: Adapted, or the one that came in where nothing was gained.
        gain: Fall of the held-out loss, as a share of its standard error over windows.
        kept: Whether the adapted weights are returned.
        losses: Held-out loss before and after.
    """

    model: Model
    gain: float
    kept: bool
    losses: tuple[float, float]


def adapt(
    model: Model,
    recordings: list[Recording],
    steps: int = 300,
    batch: int = 2,
    frames: int = 12,
    learning_rate: float = 1e-4,
    seed: int = 0,
    progress: Callable[[int, int, float], None] | None = None,
) -> Adapted:
    """Adapt a model to noisy recordings.

    Args:
        model: Unadapted.
        recordings: Of one protocol, with or without sound.
        steps: Optimiser steps.
        batch: Windows per step.
        frames: Length of a window [frames].
        learning_rate: Peak; it rises for 20 steps and falls to zero.
        seed: Of windows and noise.
        progress: Called with step, steps and the loss.

    Raises:
        RecordingError: If a recording is shorter than 40 windows.
    """
    for recording in recordings:
        if len(recording) < LEAST_WINDOWS * frames:
            name = recording.provenance.get("path", "recording")
            raise RecordingError(
                f"{name}: has {len(recording)} frames, adaptation needs {LEAST_WINDOWS * frames}"
            )
    sources = [_Source(recording, model, frames) for recording in recordings]
    adapted = copy.deepcopy(model).train()
    again = steps // 2 if steps >= _TWICE else steps
    trained = [
        p
        for n, p in adapted.named_parameters()
        if p.requires_grad and not n.startswith(("audio.", "inversion."))
    ]
    optimizer = torch.optim.AdamW(trained, lr=learning_rate, weight_decay=0.0)
    for step in range(steps):
        rng = np.random.default_rng([seed, step])
        if step == again:
            for source in sources:
                source.refine(source.denoised(adapted.eval()))
            adapted.train()
        source = sources[int(rng.integers(len(sources)))]
        rising = min(1.0, (step + 1) / 20) * 0.5 * (1 + np.cos(np.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * rising
        windows = [source.training[int(rng.integers(len(source.training)))] for _ in range(batch)]
        loss = source.learning(adapted, windows, rng).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        if progress:
            progress(step + 1, steps, loss.item())
    adapted.eval()
    with torch.no_grad():
        before, after = (_held_out(m, sources, seed) for m in (model, adapted))
    fall = before - after
    error = max(float(fall.std(ddof=1)) / np.sqrt(len(fall)), 1e-12)
    gain = float(fall.mean()) / error
    kept = bool(gain > _SURE)
    means = (float(before.mean()), float(after.mean()))
    return Adapted(adapted if kept else model, gain, kept, means)


class _Source:
    """A recording as the model sees it, with a model of its noise."""

    def __init__(self, recording: Recording, model: Model, frames: int):
        self.recording, self.model, self.rate = recording, model, recording.rate
        self.borders = empty_borders(recording.frames)
        image = self.borders.replicated(recording.frames)
        self.scale = Intensity.of(image)
        self.noisy = self.scale.apply(image)
        self.zero = -self.scale.offset / self.scale.scale  # of the magnitudes
        clean = self.denoised(model)
        try:
            self.noise = NoiseModel.of(self.noisy - self.zero, clean.std(0), frames)
        except RecordingError as error:
            name = recording.provenance.get("path", "recording")
            raise RecordingError(f"{name}: {error}") from error
        self.sigma = torch.from_numpy(self.noise.sigma)
        self.refine(clean)
        audio, self.acoustic = recording.audio_at(AUDIO_RATE), None
        self.sound = Sound.of(audio, model)
        if audio is not None and model.inversion is not None:
            rate = float(recording.rate)
            features = model.inversion.of_frames(audio, len(recording), rate)
            everything = np.ones(len(recording), bool)
            self.acoustic = acoustic_frames(features, self.noisy, everything, rate)
        starts = range(0, len(recording) - frames + 1, frames)
        windows = [Window(first, frames, recording.rate) for first in starts]
        last = round(len(windows) * (1 - _HELD_OUT))
        self.training, self.held_out = windows[: last - 1], windows[last:]

    def denoised(self, model: Model) -> np.ndarray:
        """What a model makes of the recording, (frame, height, width), normalised."""
        found = denoise_recording(self.recording, model, DenoiseSettings()).recording.frames
        return self.scale.apply(self.borders.replicated(found))

    def refine(self, clean: np.ndarray) -> None:
        """Take what a model makes of the recording for its clean frames.

        Where little but noise is seen, a model that knows less of it leaves its bias in; there the
        mean over time is lowered to that of the signal below the noise.
        """
        excess = np.maximum(clean.mean(0) - self.zero - self.noise.signal, 0)
        faint = self.noise.signal < _FAINT * self.noise.sigma
        self.clean = np.where(faint, clean - excess, clean)

    def learning(self, model: Model, windows: list[Window], rng: np.random.Generator) -> Tensor:
        """Loss of training windows whose noisy frames are made from the clean ones, (batch,)."""
        condition = self._condition(windows)
        clean = np.stack([self.clean[w.first : w.first + w.frames] for w in windows])
        noisy = np.stack([self.noise.magnitudes(part - self.zero, rng) for part in clean])
        places = condition.noisy
        condition.noisy = torch.from_numpy(noisy + np.float32(self.zero)).to(places)
        levels = torch.full((len(windows),), model.config.noise.maximum).to(places)
        state = torch.from_numpy(rng.standard_normal(clean.shape)).to(places)
        batch = Batch(torch.from_numpy(clean).to(places), condition, levels, state)
        return batch_loss(model, batch, difference=_DIFFERENCE)

    def losses(self, model: Model, windows: list[Window], rng: np.random.Generator) -> Tensor:
        """Squared error against the second version, in units of the guess's spread, (batch,)."""
        condition = self._condition(windows)
        fresh = np.stack([self.noise.magnitudes(self.noise.signal, rng) for _ in windows])
        level = rician_mean(torch.from_numpy(self.noise.signal), self.sigma)
        noise = torch.from_numpy(fresh) - level
        first, second = recorrupted(condition.noisy, noise.to(condition.noisy))
        condition = replace(condition, noisy=first)
        sigma = torch.full((len(windows),), model.config.noise.maximum).to(first)
        state = sigma[:, None, None, None] * torch.randn(
            first.shape, generator=torch.Generator().manual_seed(int(rng.integers(2**31)))
        ).to(first)
        estimate = model(first + state, sigma, condition).float()
        expected = rician_mean(estimate - self.zero, self.sigma.to(first)) + self.zero
        weight = loss_weight(sigma[:, None, None, None], model.guess(condition)[1])
        return (weight * (expected - second) ** 2).mean((1, 2, 3))

    def _condition(self, windows: list[Window]) -> Condition:
        device = next(self.model.parameters()).device
        context = self.model.config.audio.context
        mean = self.noisy.mean(0)
        return window_condition(
            windows, self.noisy, self.sound, context, device, True, mean, self.acoustic
        )


def _held_out(model: Model, sources: list[_Source], seed: int) -> np.ndarray:
    """Loss of every held-out window, with the same noise for every model, (window,)."""
    found = []
    for number, source in enumerate(sources):
        rng = np.random.default_rng([seed, 10_000 + number])
        found += [float(source.losses(model, [w], rng)) for w in source.held_out]
    return np.array(found)
