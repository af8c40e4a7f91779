"""Windows of a recording through the model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from cleartract.denoising.settings import DenoiseSettings
from cleartract.diffusion.samplers import intervals, sample
from cleartract.model.condition import Condition
from cleartract.model.model import Model
from cleartract.recordings.windows import Window
from cleartract.sound.log_mel import AUDIO_RATE
from cleartract.sound.speech_models import PretrainedSpeech


def frame_noise(
    seed: int, draw: int, step: int, frames: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Standard normal noise that depends on the absolute frame, not on its window.

    Args:
        seed: Seed of the run.
        draw: Which of several samples.
        step: 0 for the start, then one per stochastic step.
        frames: Absolute frame numbers, (frame,).
        size: (height, width) [pixels].

    Returns:
        (frame, height, width) float32.
    """
    keyed = (np.random.default_rng([seed, draw, step, int(f)]) for f in frames)
    return np.stack([rng.standard_normal(size, dtype=np.float32) for rng in keyed])


@dataclass(frozen=True)
class Sound:
    """Sound of a whole recording.

    Attributes:
        waveform: At the encoder's rate, (sample,).
        hidden: What a frozen speech model makes of it, (token, state), or None.
        speech: That model, or None.
    """

    waveform: np.ndarray
    hidden: np.ndarray | None = None
    speech: PretrainedSpeech | None = None

    @classmethod
    def of(cls, waveform: np.ndarray | None, model: Model) -> Sound | None:
        """Sound as the model hears it; None where there is none."""
        if waveform is None or model.speech is None:
            return None if waveform is None else cls(waveform)
        return cls(waveform, model.speech.of_recording(waveform), model.speech)


def window_condition(
    windows: list[Window],
    noisy: np.ndarray,
    sound: Sound | None,
    context: float,
    device: torch.device,
    given: bool | np.ndarray = True,
    mean: np.ndarray | None = None,
    acoustic: np.ndarray | None = None,
) -> Condition:
    """What the model is told about some windows of a recording.

    Args:
        windows: Windows of one length.
        noisy: Normalised frames of the whole recording, (frame, height, width).
        sound: Its sound, or None.
        context: Sound before and after the frames [s].
        device: Where the model is.
        given: Whether noisy frames are given, one answer for all or (frame,) bool of the whole
            recording; hidden frames are made from the sound and from the given ones.
        mean: Mean frame of the recording, (height, width), or None.
        acoustic: Frames of the whole recording predicted from its sound, or None.
    """
    chosen = np.stack([window.frame_indices(len(noisy)) for window in windows])
    frames = noisy[chosen]
    times = np.stack([window.frame_times() for window in windows])
    condition = Condition(
        noisy=torch.from_numpy(frames).to(device),
        given=torch.from_numpy(np.broadcast_to(given, len(noisy))[chosen]).to(device),
        times=torch.from_numpy(times).float().to(device),
    )
    if mean is not None:
        repeated = np.repeat(mean[None], len(windows), 0)
        condition.mean = torch.from_numpy(repeated).to(device)
    if sound is None:
        return condition
    waveform = np.stack([window.audio(sound.waveform, AUDIO_RATE, context) for window in windows])
    starts = [window.audio_start(AUDIO_RATE, context) for window in windows]
    if acoustic is not None:
        condition.acoustic = torch.from_numpy(acoustic[chosen]).to(device)
    if sound.speech is not None and sound.hidden is not None:
        spans = [window.audio_span(AUDIO_RATE, context) for window in windows]
        found = [sound.speech.of_span(sound.hidden, *span) for span in spans]
        condition.hidden = torch.from_numpy(np.stack([hidden for hidden, _ in found])).to(device)
        later = [start + time for start, (_, time) in zip(starts, found, strict=True)]
        condition.hidden_start = torch.tensor(later, dtype=torch.float32, device=device)
    return replace(
        condition,
        waveform=torch.from_numpy(waveform).to(device),
        waveform_start=torch.tensor(starts, dtype=torch.float32, device=device),
    )


@torch.inference_mode()
def sample_windows(
    model: Model,
    condition: Condition,
    windows: list[Window],
    total: int,
    settings: DenoiseSettings,
    draw: int = 0,
) -> Tensor:
    """Run the sampler on some windows, (window, frame, height, width), normalised intensity."""
    size = (condition.noisy.shape[2], condition.noisy.shape[3])
    device = condition.noisy.device
    numbers = [window.frame_indices(total) for window in windows]

    def noise(step: int) -> Tensor:
        planes = [frame_noise(settings.seed, draw, step, n, size) for n in numbers]
        return torch.from_numpy(np.stack(planes)).to(device)

    steps = intervals(settings.sampler, settings.steps)
    sigmas = model.config.noise.schedule(steps)
    denoiser = model.prepared(condition, settings.guidance)
    start = noise(0) * float(sigmas[0])
    return sample(denoiser, start, sigmas, settings.sampler, lambda step: noise(step + 1))
