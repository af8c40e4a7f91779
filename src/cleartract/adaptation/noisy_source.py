"""A noisy recording to adapt to: pairs to learn from, and what to judge by; see `adaptation`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from cleartract.adaptation.noise_model import NoiseModel, rician_mean
from cleartract.adaptation.transfer import Transfer
from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.denoising.window_loop import Sound, window_condition
from cleartract.diffusion.denoiser import loss_weight
from cleartract.errors import RecordingError
from cleartract.model.condition import Condition
from cleartract.model.model import Model
from cleartract.recordings.borders import empty_borders
from cleartract.recordings.intensity import Intensity
from cleartract.recordings.recording import Recording
from cleartract.recordings.windows import Window
from cleartract.sound.log_mel import AUDIO_RATE
from cleartract.sound.prediction import acoustic_frames
from cleartract.training.loss import Batch, batch_loss

SHARE = 0.4  # a: share of the noise that is added again
_DIFFERENCE = 3.0  # weight of the frame difference, as the shipped weights were trained
_FAINT = 3.0  # signal over noise below which magnitudes are biased
_HELD_OUT = 0.25  # the last part of each recording decides whether anything was gained


def recorrupted(noisy: Tensor, noise: Tensor, share: float = SHARE) -> tuple[Tensor, Tensor]:
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
        self.borders = empty_borders(recording.frames)
        image = self.borders.replicated(recording.frames)
        self.scale = Intensity.of(image)
        self.noisy = self.scale.apply(image)
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

    def held_out_frames(self, model: Model) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Held-out frames: noisy, as the first model restores them, and as this one does."""
        part = slice(self.held_out[0].first, None)
        return self.noisy[part], self.before[part], self.denoised(model)[part]

    def refine(self, clean: np.ndarray) -> None:
        """Take what a model makes of the recording for its clean frames.

        Where little but noise is seen, a model that knows less of it leaves its bias in; there the
        mean over time is lowered to that of the signal below the noise.
        """
        excess = np.maximum(clean.mean(0) - self.zero - self.noise.signal, 0)
        faint = self.noise.signal < _FAINT * self.noise.sigma
        self.clean = np.where(faint, clean - excess, clean)
        shown = self.transfer(self.clean)
        self.shown = shown - shown.mean(0) + self.noise.signal

    def learning(self, model: Model, windows: list[Window], rng: np.random.Generator) -> Tensor:
        """Loss of training windows whose noisy frames are made from the clean ones, (batch,)."""
        condition = self._condition(windows)
        clean = np.stack([self.clean[w.first : w.first + w.frames] for w in windows])
        shown = [self.shown[w.first : w.first + w.frames] for w in windows]
        noisy = np.stack([self.noise.magnitudes(part, rng) for part in shown])
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
        shown = np.stack([self.transfer(part) for part in estimate.cpu().numpy()])
        level = torch.from_numpy(shown).to(first) - self.zero
        error = rician_mean(level, self.sigma.to(first)) + self.zero - second
        error = error - error.mean(1, keepdim=True)
        weight = loss_weight(sigma[:, None, None, None], model.guess(condition)[1])
        return (weight * error**2).mean((1, 2, 3))

    def _condition(self, windows: list[Window]) -> Condition:
        device = next(self.model.parameters()).device
        context = self.model.config.audio.context
        mean = self.noisy.mean(0)
        return window_condition(
            windows, self.noisy, self.sound, context, device, True, mean, self.acoustic
        )
