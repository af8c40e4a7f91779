"""The whole model: denoiser and audio encoder, built from one config."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cleartract.diffusion.denoiser import Denoiser, DenoiserFunction, conditioned, guided
from cleartract.model.condition import Condition
from cleartract.model.config import ModelConfig
from cleartract.model.interpolation import interpolation_weights
from cleartract.networks.video_unet import VideoUNet
from cleartract.sound.encoders import AudioEncoder
from cleartract.sound.inversion import PARAMETERS, ArticulatoryInversion
from cleartract.sound.speech_models import PretrainedSpeech


class Model(nn.Module):
    """Diffusion denoiser of rtMRI windows conditioned on noisy frames and audio."""

    likeness_mean: Tensor
    likeness_modes: Tensor

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.denoiser = Denoiser(VideoUNet(config.unet))
        self.audio = AudioEncoder(config.audio) if config.unet.token_channels else None
        self.inversion: ArticulatoryInversion | None = None
        if config.inversion is not None:
            # trained by itself, before and on much more speech than there are frames
            self.inversion = ArticulatoryInversion(config.inversion).requires_grad_(False)
        if size := config.likeness:
            self.register_buffer("likeness_mean", torch.zeros(size, size))
            self.register_buffer("likeness_modes", torch.zeros(PARAMETERS, size, size))

    @property
    def speech(self) -> PretrainedSpeech | None:
        """The frozen speech model, which reads whole recordings once; None without one."""
        if self.audio is None or self.config.audio.encoder != "pretrained":
            return None
        return self.audio.speech if self.config.audio.frozen else None

    def tokens(self, condition: Condition) -> tuple[Tensor, Tensor, Tensor] | None:
        """Audio tokens (batch, token, channel), their times [s], and which are heard."""
        if self.audio is None:
            return None
        if condition.waveform is None or condition.waveform_start is None:
            tokens, times = self.audio.null_tokens(len(condition.noisy))
            return tokens, times, torch.zeros_like(times, dtype=torch.bool)
        if condition.hidden is not None and condition.hidden_start is not None:
            tokens, times = self.audio.of_hidden(condition.hidden, condition.hidden_start)
        else:
            tokens, times = self.audio(condition.waveform, condition.waveform_start)
        heard = torch.ones_like(times, dtype=torch.bool)
        if condition.heard is not None:
            heard = heard & condition.heard[:, None]
        if condition.masked is not None:
            first, last = condition.masked[:, :1], condition.masked[:, 1:]
            heard = heard & ~((times >= first) & (times < last))
        return self.audio.with_null(tokens, heard), times, heard

    def guess(self, condition: Condition) -> tuple[Tensor, Tensor]:
        r"""First guess of the clean frames, and how far from it they are expected to lie.

        .. math:: g_f = n_f \text{ where given, else } t_f + \sum_k w_{fk} (n_k - t_k)

        with the noisy frames n, the frames t told by the sound (else the mean frame, else the mean
        intensity), and the weights w of linear interpolation between given frames.

        Returns:
            (batch, frame, height, width) and (batch, frame, 1, 1).
        """
        config, given, noisy = self.config, condition.given.bool(), condition.noisy
        mask, anything = given[..., None, None], torch.zeros_like(given)
        fallback = torch.full_like(noisy, config.intensity_mean)
        if config.unet.interpolate:
            told = condition.told()
            if told is not None:
                frames, kind = told
                fallback = torch.where(kind[:, None, None, None] > 0, frames, fallback)
                anything = anything | (kind[:, None] > 0)
            anything = anything | given.any(1, keepdim=True)
            weights = interpolation_weights(given).to(noisy)
            with torch.autocast(noisy.device.type, enabled=False):  # bf16 has too few digits
                rest = torch.einsum("bfk,bkyx->bfyx", weights, (noisy - fallback) * mask)
            fallback = fallback + rest
        far = torch.where(anything, config.interpolation_spread, config.intensity_spread)
        spread = torch.where(given, config.correction_spread, far)
        return torch.where(mask, noisy, fallback), spread[..., None, None]

    def forward(self, x: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
        """Estimate clean frames from diffusion state x at noise level sigma (batch,)."""
        return self.prepared(condition)(x, sigma)

    def prepared(self, condition: Condition, guidance: float = 1.0) -> DenoiserFunction:
        """A denoiser of (x, sigma) with the audio encoded once.

        Args:
            condition: What is known about the windows.
            guidance: Weight of the audio, see `diffusion.denoiser.guided`.
        """
        heard = self._conditioned(condition)
        if guidance == 1 or condition.waveform is None:
            return heard
        return guided(heard, self._conditioned(condition.without_audio()), guidance)

    def _conditioned(self, condition: Condition) -> DenoiserFunction:
        guess, spread = self.guess(condition)
        return conditioned(
            self.denoiser,
            guess=guess,
            spread=spread,
            noisy=guess if self.config.unet.interpolate else condition.noisy,
            given=condition.given.bool(),
            times=condition.times,
            audio=self.tokens(condition),
            acoustic=condition.told(),
        )
