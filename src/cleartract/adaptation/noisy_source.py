"""A noisy recording to adapt to: pairs to learn from, and what to judge by; see `adaptation`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from cleartract.adaptation.noise_model import NoiseModel
from cleartract.adaptation.transfer import Transfer
from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.prepared import PreparedRecording
from cleartract.denoising.prepared_window import build_condition
from cleartract.denoising.settings import DenoiseSettings
from cleartract.diffusion.denoiser import loss_weight
from cleartract.errors import RecordingError
from cleartract.model.condition import Condition
from cleartract.model.model import Model
from cleartract.recordings.recording import Recording
from cleartract.recordings.rician import rician_mean
from cleartract.recordings.source import RecordingSource
from cleartract.recordings.windows import Window
from cleartract.training.loss import Batch, LossWeights, batch_loss

SHARE = 0.4  # a: share of the noise that is added again
_DIFFERENCE = 3.0  # weight of the frame difference, as the shipped weights were trained
_FAINT = 3.0  # signal over noise below which magnitudes are biased
_HELD_OUT = 0.25  # the last part of each recording decides whether anything was gained


def r2r_pair(noisy: Tensor, noise: Tensor, share: float = SHARE) -> tuple[Tensor, Tensor]:
    """Two versions of noisy frames whose noises are independent of each other.

    Args:
        noisy: Frames with noise of some covariance.
        noise: Fresh noise of the same covariance.
        share: How much of it the first version gets.
    """
    return noisy + share * noise, noisy - noise / share


class NoisySource:
    """A recording as the model sees it, with a model of its noise."""

    def __init__(self, recording: Recording, model: Model, frames: int):
        self.recording, self.model = recording, model
        self.prepared = PreparedRecording.of(RecordingSource(recording), model)
        self.scale = self.prepared.survey.intensity
        self.noisy = self.prepared.normalised(recording.frames)
        self.zero = -self.scale.offset / self.scale.scale  # of the magnitudes
        clean = self.before = self.denoised(model)
        try:
            self.noise = NoiseModel.of(self.noisy - self.zero, clean.std(0), frames)
        except RecordingError as error:
            name = recording.provenance.get("path", "recording")
            raise RecordingError(f"{name}: {error}") from error
        self.sigma = torch.from_numpy(self.noise.sigma)
        self.transfer = Transfer.of(clean, self.noisy)
        self.refine(clean)
        starts = range(0, len(recording) - frames + 1, frames)
        windows = [Window(first, frames, recording.rate) for first in starts]
        last = round(len(windows) * (1 - _HELD_OUT))
        self.training, self.held_out = windows[: last - 1], windows[last:]

    def denoised(self, model: Model) -> np.ndarray:
        """What a model makes of the recording, (frame, height, width), normalised."""
        restored = denoise_recording(self.recording, model, DenoiseSettings())
        return self.prepared.normalised(restored.recording.frames)

    def held_out_frames(self, model: Model) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Held-out frames: noisy, as the first model restores them, and as this one does."""
        part = slice(self.held_out[0].first, None)
        return self.noisy[part], self.before[part], self.denoised(model)[part]

    def refine(self, clean: np.ndarray) -> None:
        """Take what a model makes of the recording for its clean frames.

        Where little but noise is seen, a model trained on less of it leaves its bias in; there the
        mean over time is lowered to that of the signal below the noise.
        """
        excess = np.maximum(clean.mean(0) - self.zero - self.noise.signal, 0)
        faint = self.noise.signal < _FAINT * self.noise.sigma
        self.clean = np.where(faint, clean - excess, clean)
        shown = self.transfer(self.clean)
        self.shown = shown - shown.mean(0) + self.noise.signal

    def learning(self, model: Model, windows: list[Window], rng: np.random.Generator) -> Tensor:
        """Loss of training windows whose noisy frames are made from the clean ones, (batch,)."""
        clean = np.stack([self.clean[w.first : w.first + w.frames] for w in windows])
        shown = [self.shown[w.first : w.first + w.frames] for w in windows]
        noisy = np.stack([self.noise.magnitudes(part, rng) for part in shown])
        condition = self._condition(windows, noisy + np.float32(self.zero))
        places = condition.frames.noisy
        levels = torch.full((len(windows),), model.config.noise.maximum).to(places)
        state = torch.from_numpy(rng.standard_normal(clean.shape)).to(places)
        batch = Batch(torch.from_numpy(clean).to(places), condition, levels, state)
        return batch_loss(model, batch, LossWeights(difference=_DIFFERENCE)).error

    def losses(self, model: Model, windows: list[Window], rng: np.random.Generator) -> Tensor:
        """Squared error against the second version, in units of the prior spread, (batch,)."""
        seen = np.stack([self.noisy[w.first : w.first + w.frames] for w in windows])
        fresh = np.stack([self.noise.magnitudes(self.noise.signal, rng) for _ in windows])
        level = rician_mean(torch.from_numpy(self.noise.signal), self.sigma)
        noise = torch.from_numpy(fresh) - level
        first, second = r2r_pair(torch.from_numpy(seen), noise)
        condition = self._condition(windows, first.float().numpy())
        first = condition.frames.noisy
        second = second.to(first)
        sigma = torch.full((len(windows),), model.config.noise.maximum).to(first)
        state = sigma[:, None, None, None] * torch.randn(
            first.shape, generator=torch.Generator().manual_seed(int(rng.integers(2**31)))
        ).to(first)
        expected = model.prior(condition)
        estimate = model(first + state, sigma, condition, expected).float()
        shown = np.stack([self.transfer(part) for part in estimate.cpu().numpy()])
        level = torch.from_numpy(shown).to(first) - self.zero
        error = rician_mean(level, self.sigma.to(first)) + self.zero - second
        error = error - error.mean(1, keepdim=True)
        weight = loss_weight(sigma[:, None, None, None], expected.spread)
        return (weight * error**2).mean((1, 2, 3))

    def _condition(self, windows: list[Window], noisy: np.ndarray) -> Condition:
        prepared = [self.prepared.window(w, n) for w, n in zip(windows, noisy, strict=True)]
        return build_condition(prepared, self.model.device)
