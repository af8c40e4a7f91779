"""Self-supervised speech models (wav2vec 2.0, HuBERT, WavLM) as audio encoders."""

from __future__ import annotations

import math
from pathlib import Path
from pickle import PickleError
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cleartract.errors import UsageError, reason_of
from cleartract.sound.log_mel import AUDIO_RATE

_PIECE = 20  # [s] of sound at a time; with a second of context on each side
KINDS = ("wav2vec2", "hubert", "wavlm", "unispeech", "data2vec-audio")


def _transformers():
    try:
        import transformers
    except ImportError as error:
        raise UsageError(
            "transformers is not installed: pip install 'cleartract[pretrained]'"
        ) from error
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def read_speech_config(folder: Path) -> dict[str, Any]:
    """Config of a speech model in a local folder, as plain values.

    Raises:
        UsageError: If the folder holds none, or one of another kind than `KINDS`.
    """
    if not (folder / "config.json").is_file():
        raise UsageError(f"{folder}: no config.json; give the folder of a saved speech model")
    try:
        config = _transformers().AutoConfig.from_pretrained(folder, local_files_only=True)
    except (ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"{folder}: not a readable speech model ({reason})") from error
    if config.model_type not in KINDS:
        raise UsageError(f"{folder}: a {config.model_type} model; one of {', '.join(KINDS)} needed")
    return config.to_diff_dict() | {"model_type": config.model_type}


class PretrainedSpeech(nn.Module):
    """Hidden states of a speech model, projected to the token channels.

    Args:
        described: Config as from `read_speech_config`.
        channels: Channels of the tokens.
        frozen: Keep the speech model as it is and train the projection only.
    """

    def __init__(self, described: dict[str, Any], channels: int, frozen: bool):
        super().__init__()
        library, values = _transformers(), dict(described)
        config = library.AutoConfig.for_model(values.pop("model_type"), **values)
        config.apply_spec_augment = False
        config.layerdrop = 0.0  # a layer dropped in one process and not in another stalls both
        self.frozen = frozen
        self.model = library.AutoModel.from_config(config)
        self.model.requires_grad_(not frozen)
        kernels, strides = config.conv_kernel, config.conv_stride
        self.hop = math.prod(strides)
        self.span = 1 + sum((k - 1) * math.prod(strides[:layer]) for layer, k in enumerate(kernels))
        self.project = nn.Linear(config.hidden_size, channels)

    def load_folder(self, folder: Path) -> None:
        """Take the speech model's own weights from a local folder."""
        from safetensors import SafetensorError

        try:
            loaded = _transformers().AutoModel.from_pretrained(folder, local_files_only=True)
            self.model.load_state_dict(loaded.state_dict())
        except (OSError, EOFError, RuntimeError, ValueError, SafetensorError, PickleError) as error:
            raise UsageError(
                f"{folder}: not a readable speech model ({reason_of(error)})"
            ) from error

    def train(self, mode: bool = True) -> PretrainedSpeech:
        """Switch the mode; a frozen speech model stays as for inference (no dropout)."""
        super().train(mode)
        if self.frozen:
            self.model.eval()
        return self

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, sample) at 16 kHz -> (batch, token, channel), times after the start [s]."""
        hidden = self.hidden(waveform)
        return self.project(hidden), self.times(hidden.shape[1], hidden.device)

    def hidden(self, waveform: Tensor) -> Tensor:
        """Hidden states of the speech model, (batch, token, state)."""
        # these models are trained on waveforms of zero mean and unit variance
        mean, deviation = waveform.mean(1, keepdim=True), waveform.std(1, keepdim=True)
        scaled = (waveform - mean) / (deviation + 1e-5)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            return self.model(scaled).last_hidden_state

    def times(self, count: int, device: torch.device | None = None) -> Tensor:
        """Middle of each token's sound after the first sample [s], (token,)."""
        centres = torch.arange(count, device=device) * self.hop
        return (centres + (self.span - 1) / 2) / AUDIO_RATE

    @torch.inference_mode()
    def of_recording(self, audio: np.ndarray) -> np.ndarray:
        """Hidden states of a whole recording, (token, state) float16, in pieces of 20 s.

        Args:
            audio: At 16 kHz, (sample,).
        """
        device = self.project.weight.device
        total = max(1, 1 + (len(audio) - self.span) // self.hop)
        piece, margin = _PIECE * AUDIO_RATE // self.hop, AUDIO_RATE // self.hop
        parts = []
        for first in range(0, total, piece):
            low, high = max(0, first - margin), min(total, first + piece + margin)
            sound = audio[low * self.hop : (high - 1) * self.hop + self.span]
            sound = np.pad(sound, (0, max(0, self.span - len(sound)))).astype(np.float32)
            states = self.hidden(torch.from_numpy(sound).to(device)[None])[0]
            wanted = slice(first - low, min(first + piece, total) - low)
            parts.append(states[wanted].half().cpu().numpy())
        return np.concatenate(parts)

    def of_span(self, recorded: np.ndarray, start: int, samples: int) -> tuple[np.ndarray, float]:
        """Hidden states of a part of a recording, zero beyond its ends.

        Args:
            recorded: Of the whole recording, (token, state).
            start: First sample, may be negative.
            samples: Their number.

        Returns:
            (token, state) float32, the same number for all parts of one length, and the time of
            the first after the first sample [s].
        """
        first = round((start - (self.span - 1) / 2) / self.hop)
        places = np.arange(first, first + max(1, round(samples / self.hop)))
        inside = (places >= 0) & (places < len(recorded))
        chosen = recorded[places.clip(0, len(recorded) - 1)] * inside[:, None]
        time = (first * self.hop + (self.span - 1) / 2 - start) / AUDIO_RATE
        return chosen.astype(np.float32), time
