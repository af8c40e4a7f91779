"""The whole model: denoiser and audio encoder, built from one config."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cleartract.diffusion.denoiser import Denoiser, DenoiserFunction, conditioned, guided
from cleartract.model.condition import Condition
from cleartract.model.config import ModelConfig
from cleartract.model.noise_inputs import noise_inputs
from cleartract.model.prior import Prior, prior
from cleartract.networks.video_unet import VideoUNet
from cleartract.sound.encoders import AudioEncoder
from cleartract.sound.inversion import PARAMETERS, ArticulatoryInversion
from cleartract.sound.speech_models import PretrainedSpeech


class Model(nn.Module):
    """Diffusion denoiser of rtMRI windows conditioned on noisy frames and sound."""

    speaker_mean: Tensor
    speaker_modes: Tensor

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.denoiser = Denoiser(VideoUNet(config.unet))
        self.audio = AudioEncoder(config.audio) if config.unet.token_channels else None
        self.inversion: ArticulatoryInversion | None = None
        if config.inversion is not None:
            # trained by itself, before and on much more speech than there are frames
            self.inversion = ArticulatoryInversion(config.inversion).requires_grad_(False)
        if size := config.default_speaker:
            self.register_buffer("speaker_mean", torch.zeros(size, size))
            self.register_buffer("speaker_modes", torch.zeros(PARAMETERS, size, size))

    @property
    def speech(self) -> PretrainedSpeech | None:
        """The frozen speech model, which processes whole recordings once; None without one."""
        if self.audio is None or self.config.audio.encoder != "pretrained":
            return None
        return self.audio.speech if self.config.audio.frozen else None

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def tokens(self, condition: Condition) -> tuple[Tensor, Tensor, Tensor] | None:
        """Audio tokens (batch, token, channel), their times [s], and which are valid."""
        if self.audio is None:
            return None
        sound = condition.sound
        if sound is None:
            tokens, times = self.audio.null_tokens(len(condition))
            return tokens, times, torch.zeros_like(times, dtype=torch.bool)
        if sound.states is not None and sound.states_start is not None:
            tokens, times = self.audio.of_states(sound.states, sound.states_start)
        else:
            tokens, times = self.audio(sound.waveform, sound.start)
        valid = torch.ones_like(times, dtype=torch.bool) & sound.valid[:, None]
        if sound.masked is not None:
            first, last = sound.masked[:, :1], sound.masked[:, 1:]
            valid = valid & ~((times >= first) & (times < last))
        return self.audio.with_null(tokens, valid), times, valid

    def prior(self, condition: Condition) -> Prior:
        """What the clean frames are expected to be; see `model.prior`."""
        return prior(condition, self.config)

    def forward(
        self, x: Tensor, sigma: Tensor, condition: Condition, expected: Prior | None = None
    ) -> Tensor:
        """Estimate clean frames from diffusion state x at noise level sigma (batch,).

        Args:
            x: (batch, frame, height, width).
            sigma: (batch,).
            condition: What is known about the windows.
            expected: Their prior, where it is at hand already.
        """
        return self._conditioned(condition, expected or self.prior(condition))(x, sigma)

    def prepared(self, condition: Condition, guidance: float = 1.0) -> DenoiserFunction:
        """A denoiser of (x, sigma) with the sound encoded once.

        Args:
            condition: What is known about the windows.
            guidance: Weight of the sound, see `diffusion.denoiser.guided`.
        """
        with_sound = self._conditioned(condition, self.prior(condition))
        if guidance == 1 or condition.sound is None:
            return with_sound
        silent = condition.without_sound()
        return guided(with_sound, self._conditioned(silent, self.prior(silent)), guidance)

    def _conditioned(self, condition: Condition, expected: Prior) -> DenoiserFunction:
        frames, unet, predicted = condition.frames, self.config.unet, condition.predicted()
        if predicted is not None and not unet.noise:  # weights that know no skill
            predicted = predicted[0], torch.where(predicted[1] > 0.5, 1.0, predicted[1])
        return conditioned(
            self.denoiser,
            prior_mean=expected.mean,
            prior_spread=expected.spread,
            noisy=expected.mean if unet.interpolation else frames.noisy,
            observed=frames.observed.bool(),
            times=frames.times,
            audio=self.tokens(condition),
            predicted=predicted,
            noise=noise_inputs(condition, expected) if unet.noise else None,
        )
