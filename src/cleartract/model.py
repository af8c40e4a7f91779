"""The whole model: denoiser and audio encoder, built from one config, saved as one file."""

from __future__ import annotations

import json
from importlib import metadata, resources
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from torch import Tensor, nn

from cleartract.condition import Condition
from cleartract.diffusion.denoiser import Denoiser, DenoiserFunction, conditioned, guided
from cleartract.diffusion.noise_levels import NoiseLevels
from cleartract.errors import WeightsError
from cleartract.networks.audio import AudioConfig, AudioEncoder
from cleartract.networks.interpolation import interpolation_weights
from cleartract.networks.inversion import PARAMETERS, ArticulatoryInversion
from cleartract.networks.pretrained_speech import PretrainedSpeech
from cleartract.networks.video_unet import UNetConfig, VideoUNet

FORMAT_VERSION = "1"
SHIPPED = "small"


class ModelConfig(BaseModel):
    """Everything needed to rebuild a model.

    Attributes:
        unet: The video U-Net.
        audio: The audio encoder; its channels must be the U-Net's token channels.
        inversion: The encoder that tells articulation for `unet.acoustic`; None without it.
        likeness: Size of the frames of a speaker who lends the model a likeness where sound is
            all that is known [pixels]; 0 for none.
        noise: Noise levels.
        correction_spread: How far clean frames lie from given noisy ones [normalised intensity].
        interpolation_spread: How far they lie from interpolated ones.
        intensity_spread: How far they lie from `intensity_mean`, where nothing else is known.
        intensity_mean: Mean intensity of clean frames.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    unet: UNetConfig = UNetConfig(widths=(64, 96, 128), blocks=1)
    audio: AudioConfig = AudioConfig()
    inversion: AudioConfig | None = None
    likeness: int = Field(0, ge=0)
    noise: NoiseLevels = NoiseLevels()
    correction_spread: float = Field(0.06, gt=0)
    interpolation_spread: float = Field(0.12, gt=0)
    intensity_spread: float = Field(0.25, gt=0)
    intensity_mean: float = 0.25

    @model_validator(mode="after")
    def _channels_agree(self) -> ModelConfig:
        if self.unet.token_channels not in (0, self.audio.channels):
            raise ValueError("unet.token_channels must equal audio.channels (or be 0: no audio)")
        if self.unet.acoustic != (self.inversion is not None):
            raise ValueError("unet.acoustic and inversion belong together")
        if self.likeness and self.inversion is None:
            raise ValueError("a likeness needs inversion")
        return self


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


def save_model(model: Model, path: Path, training: dict[str, Any], half: bool = True) -> None:
    """Write weights as safetensors; the file alone rebuilds the model.

    Args:
        model: What to save.
        path: Target, replaced as a whole or not at all.
        training: How the weights were made: data, steps, seed and so on.
        half: Store float16 (shipped weights) instead of float32.
    """
    from safetensors.torch import save

    state = {k: (v.half() if half else v).contiguous() for k, v in model.state_dict().items()}
    described = {
        "format": FORMAT_VERSION,
        "package": metadata.version("cleartract"),
        "config": model.config.model_dump_json(),
        "training": json.dumps(training, sort_keys=True),
    }
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(save(state, metadata=described))
    temporary.replace(path)


def shipped_weights(name: str = SHIPPED) -> Path:
    """Path of weights that come with the package."""
    return Path(str(resources.files("cleartract.weights") / f"{name}.safetensors"))


def load_model(
    weights: str | Path | None = None, device: str | torch.device = "cpu"
) -> tuple[Model, dict[str, str]]:
    """Rebuild a model from its file.

    Args:
        weights: A .safetensors file, the name of shipped weights, or None for the default ones.
        device: Where to put it.

    Returns:
        The model in evaluation mode, and the file's metadata.

    Raises:
        WeightsError: If the file is missing, damaged, of an unknown version or not finite.
    """
    from safetensors import SafetensorError, safe_open

    path = weights_path(weights)
    try:
        with safe_open(path, framework="pt") as file:
            described = file.metadata() or {}
            state = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: not a readable safetensors file ({error})") from error
    if described.get("format") != FORMAT_VERSION:
        found = described.get("format", "none")
        raise WeightsError(
            f"{path}: weights of format {found}, this version reads {FORMAT_VERSION}; "
            "retrain or use matching versions"
        )
    if not all(bool(torch.isfinite(tensor).all()) for tensor in state.values()):
        raise WeightsError(f"{path}: weights are not finite; the file is damaged or badly trained")
    try:
        model = Model(ModelConfig.model_validate_json(described["config"]))
        model.load_state_dict(state)
    except (KeyError, ValidationError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path}: config and weights do not match ({reason})") from error
    return model.to(device).eval(), described


def weights_path(weights: str | Path | None) -> Path:
    """File of some weights: a path, the name of shipped ones, or None for the default.

    Raises:
        WeightsError: If there is no such file.
    """
    name = str(weights) if weights is not None else SHIPPED
    path = Path(name)
    if path.suffix != ".safetensors" and shipped_weights(name).exists():
        return shipped_weights(name)
    if not path.is_file():
        raise WeightsError(f"{name}: no such weights file, and no shipped weights of this name")
    return path


def pick_device(name: Literal["auto", "cpu", "cuda"] | str = "auto") -> torch.device:
    """`auto` is CUDA when there is one."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)
