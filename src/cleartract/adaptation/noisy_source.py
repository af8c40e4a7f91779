"""Noisy recordings to adapt to: pairs to learn from, and what to judge by; see `adaptation`."""

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
_HELD_OUT = 0.25  # the last part decides whether anything was gained


def r2r_pair(noisy: Tensor, noise: Tensor, share: float = SHARE) -> tuple[Tensor, Tensor]:
    """Two versions of noisy frames whose noises are independent of each other.

    Args:
        noisy: Frames with noise of some covariance.
        noise: Fresh noise of the same covariance.
        share: How much of it the first version gets.
    """
    return noisy + share * noise, noisy - noise / share


class Clip:
    """One recording as the model sees it.

    Args:
        recording: With its noise.
        model: Unadapted.

    Attributes:
        noisy: Normalised, (frame, height, width).
        before: As the unadapted model restores it, likewise.
        zero: Value of magnitude 0 in that scale.
    """

    def __init__(self, recording: Recording, model: Model):
        self.recording = recording
        self.prepared = PreparedRecording.of(RecordingSource(recording), model)
        scale = self.prepared.survey.intensity
        self.noisy = self.prepared.normalised(recording.frames)
        self.zero = -scale.offset / scale.scale
        self.before = self.denoised(model)

    def denoised(self, model: Model) -> np.ndarray:
        """What a model makes of the recording, (frame, height, width), normalised."""
        restored = denoise_recording(self.recording, model, DenoiseSettings())
        return self.prepared.normalised(restored.recording.frames)

    def measured(self, noise: NoiseModel, transfer: Transfer) -> None:
        """Take over the noise and the weakening that were measured."""
        self.noise, self.transfer = noise, transfer
        self.refine(self.before)

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


Place = tuple[Clip, Window]
"""A window of a clip."""


class NoisySource:
    """Recordings of one speaker and protocol, with a model of the noise that they share.

    Args:
        recordings: Of one size and rate, each as long as a window or more.
        model: Unadapted.
        frames: Length of a window [frames].

    Attributes:
        training: Windows to learn from.
        held_out: Those of the last quarter, in the order of the recordings, with a gap before them.
    """

    def __init__(self, recordings: list[Recording], model: Model, frames: int):
        self.model = model
        self.clips = [Clip(recording, model) for recording in recordings]
        motion = np.sqrt(np.mean([clip.before.var(0) for clip in self.clips], axis=0))
        magnitudes = [clip.noisy - clip.zero for clip in self.clips]
        try:
            noise = NoiseModel.pooled(magnitudes, motion, frames)
        except RecordingError as error:
            name = recordings[0].provenance.get("path", "recording")
            raise RecordingError(f"{name}: {error}") from error
        transfer = Transfer.pooled([(clip.before, clip.noisy) for clip in self.clips])
        for clip, seen in zip(self.clips, magnitudes, strict=True):
            clip.measured(noise if len(self.clips) == 1 else noise.of_clip(seen), transfer)
        places = [
            (clip, Window(first, frames, clip.recording.rate))
            for clip in self.clips
            for first in range(0, len(clip.recording) - frames + 1, frames)
        ]
        last = round(len(places) * (1 - _HELD_OUT))
        self.training, self.held_out = places[: last - 1], places[last:]

    def refine(self, model: Model) -> None:
        """Take what a model makes of the recordings for their clean frames."""
        for clip in self.clips:
            clip.refine(clip.denoised(model))

    def draw(self, count: int, rng: np.random.Generator) -> list[Place]:
        """Windows to learn from, all of one clip."""
        chosen = [self.training[int(rng.integers(len(self.training)))]]
        same = [place for place in self.training if place[0] is chosen[0][0]]
        return chosen + [same[int(rng.integers(len(same)))] for _ in range(count - 1)]

    def held_out_frames(self, model: Model) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Held-out frames: noisy, as the first model restores them, and as this one does.

        What lasts over the held-out part of a clip is taken off.
        """
        parts: list[list[np.ndarray]] = []
        for clip in dict.fromkeys(clip for clip, _ in self.held_out):
            first = min(window.first for own, window in self.held_out if own is clip)
            versions = (clip.noisy, clip.before, clip.denoised(model))
            parts.append([one[first:] - one[first:].mean(0) for one in versions])
        noisy, before, after = (np.concatenate(versions) for versions in zip(*parts, strict=True))
        return noisy, before, after

    def learning(self, model: Model, places: list[Place], rng: np.random.Generator) -> Tensor:
        """Loss of training windows of a clip; their noisy frames are made from the clean, (batch,)."""
        clip, windows = places[0][0], [window for _, window in places]
        clean = np.stack([clip.clean[w.first : w.first + w.frames] for w in windows])
        shown = [clip.shown[w.first : w.first + w.frames] for w in windows]
        noisy = np.stack([clip.noise.magnitudes(part, rng) for part in shown])
        condition = self._condition(clip, windows, noisy + np.float32(clip.zero))
        places_on = condition.frames.noisy
        levels = torch.full((len(windows),), model.config.noise.maximum).to(places_on)
        state = torch.from_numpy(rng.standard_normal(clean.shape)).to(places_on)
        batch = Batch(torch.from_numpy(clean).to(places_on), condition, levels, state)
        return batch_loss(model, batch, LossWeights(difference=_DIFFERENCE)).error

    def loss(self, model: Model, place: Place, rng: np.random.Generator) -> float:
        """Squared error against the second version of a window, in units of the prior spread."""
        clip, window = place
        sigma_of_noise = torch.from_numpy(clip.noise.sigma)
        seen = clip.noisy[window.first : window.first + window.frames][None]
        fresh = clip.noise.magnitudes(clip.noise.signal, rng)[None]
        level = rician_mean(torch.from_numpy(clip.noise.signal), sigma_of_noise)
        noise = torch.from_numpy(fresh) - level
        first, second = r2r_pair(torch.from_numpy(seen), noise)
        condition = self._condition(clip, [window], first.float().numpy())
        first = condition.frames.noisy
        second = second.to(first)
        sigma = torch.full((1,), model.config.noise.maximum).to(first)
        state = sigma[:, None, None, None] * torch.randn(
            first.shape, generator=torch.Generator().manual_seed(int(rng.integers(2**31)))
        ).to(first)
        expected = model.prior(condition)
        estimate = model(first + state, sigma, condition, expected).float()
        shown = np.stack([clip.transfer(part) for part in estimate.cpu().numpy()])
        level = torch.from_numpy(shown).to(first) - clip.zero
        error = rician_mean(level, sigma_of_noise.to(first)) + clip.zero - second
        error = error - error.mean(1, keepdim=True)
        weight = loss_weight(sigma[:, None, None, None], expected.spread)
        return float((weight * error**2).mean())

    def _condition(self, clip: Clip, windows: list[Window], noisy: np.ndarray) -> Condition:
        prepared = [clip.prepared.window(w, n) for w, n in zip(windows, noisy, strict=True)]
        return build_condition(prepared, self.model.device)
