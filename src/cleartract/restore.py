"""The main job: recording -> windows -> sampler -> overlap-add -> recording."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from cleartract.diffusion.samplers import SAMPLERS, intervals, sample
from cleartract.errors import UsageError
from cleartract.model import Condition, Model, load_model, pick_device
from cleartract.networks.audio import AUDIO_RATE
from cleartract.recordings.borders import empty_borders
from cleartract.recordings.recording import Intensity, Recording
from cleartract.recordings.video_io import open_recording
from cleartract.recordings.windows import OverlapAdd, SlidingWindowTransform, Window
from cleartract.types import exact_rate

Progress = Callable[[int, int], None]


class DenoiseSettings(BaseModel):
    """How a recording is denoised.

    Attributes:
        window_duration: [frames] if an int, else [s].
        step_duration: From one window to the next, [frames] if an int, else [s].
        blend: Weights of the overlap-add: `hann`, `triangular` or `uniform`.
        sampler: `ddpm`, `ddim`, `heun` or `dpmpp_2m`; all the same for one step.
        steps: Network evaluations; 1 gives the posterior mean, more give texture.
        guidance: Weight of the audio; 1 is the model as trained.
        samples: Independent samples to average; their spread is the uncertainty.
        seed: Seed of the diffusion noise, keyed to the absolute frame.
        batch: Windows denoised together.
        use_audio: Whether the sound is given to the model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    window_duration: int | float = Field(16, gt=0)
    step_duration: int | float = Field(10, gt=0)
    blend: Literal["hann", "triangular", "uniform"] = "hann"
    sampler: Literal["ddpm", "ddim", "heun", "dpmpp_2m"] = "heun"
    steps: int = Field(1, ge=1, le=1000)
    guidance: float = 1.0
    samples: int = Field(1, ge=1, le=1000)
    seed: int = Field(0, ge=0)
    batch: int = Field(4, ge=1)
    use_audio: bool = True


@dataclass(frozen=True)
class Restored:
    """A denoised recording.

    Attributes:
        recording: Same number of frames, rate, sound and intensity scale as the input.
        uncertainty: Standard deviation over the samples, (frame, height, width) in the
            recording's own unit, or None for a single sample.
        used: Every parameter as used, for the sidecar.
    """

    recording: Recording
    uncertainty: np.ndarray | None
    used: dict[str, Any]


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


def denoise_recording(
    recording: Recording,
    model: Model,
    settings: DenoiseSettings,
    progress: Progress | None = None,
) -> Restored:
    """Denoise a whole recording in overlapping windows.

    Args:
        recording: What to denoise.
        model: In evaluation mode, on its device.
        settings: How.
        progress: Called with windows done and windows in all.

    Raises:
        WindowError: If windows and steps do not cover the recording.
    """
    started = time.perf_counter()
    borders = empty_borders(recording.frames)
    image = borders.replicated(recording.frames)
    intensity = Intensity.of(image)
    noisy = intensity.apply(image)
    audio = recording.audio_at(AUDIO_RATE) if settings.use_audio and model.audio else None
    cut = SlidingWindowTransform(settings.window_duration, settings.step_duration)
    windows = cut.windows(len(recording), recording.rate)
    total = len(windows) * settings.samples
    mean, square, done = 0.0, 0.0, 0
    batch = settings.batch
    for draw in range(settings.samples):
        blended = OverlapAdd(len(recording), recording.frames.shape[1:], settings.blend)
        position = 0
        while position < len(windows):
            part = windows[position : position + batch]
            try:
                restored = _denoise_batch(part, noisy, audio, model, settings, draw)
            except torch.OutOfMemoryError:
                if batch == 1:
                    raise
                batch = max(1, batch // 2)
                torch.cuda.empty_cache()
                continue
            for window, frames in zip(part, restored, strict=True):
                blended.add(frames, window.first)
            position += len(part)
            done += len(part)
            if progress:
                progress(done, total)
        one = blended.result()
        if settings.samples == 1:
            mean = one
        else:
            mean = mean + one.astype(np.float64) / settings.samples
            square = square + one.astype(np.float64) ** 2 / settings.samples
    frames = intensity.undo(np.asarray(mean, np.float32))
    frames = frames.clip(min(0.0, float(recording.frames.min())), recording.peak)
    frames = borders.kept(frames, recording.frames)
    uncertainty = None
    if settings.samples > 1:
        variance = np.maximum(np.asarray(square) - np.asarray(mean) ** 2, 0)
        variance *= settings.samples / (settings.samples - 1)
        uncertainty = (np.sqrt(variance) * intensity.scale).astype(np.float32)
    seconds = time.perf_counter() - started
    used = settings.model_dump() | {
        "window_frames": windows[0].frames,
        "step_frames": cut.step_frames(recording.rate),
        "windows": len(windows),
        "batch_used": batch,
        "audio_used": audio is not None,
        "intensity_offset": intensity.offset,
        "intensity_scale": intensity.scale,
        "borders_without_image": borders.described() or None,
        "device": str(next(model.parameters()).device),
        "seconds": round(seconds, 3),
        "frames_per_second": round(len(recording) / seconds, 2),
    }
    return Restored(replace(recording, frames=frames), uncertainty, used)


def window_condition(
    windows: list[Window],
    noisy: np.ndarray,
    audio: np.ndarray | None,
    context: float,
    device: torch.device,
    given: bool = True,
) -> Condition:
    """What the model is told about some windows of a recording.

    Args:
        windows: Windows of one length.
        noisy: Normalised frames of the whole recording, (frame, height, width).
        audio: Its sound at the encoder's rate, or None.
        context: Sound before and after the frames [s].
        device: Where the model is.
        given: False hides the noisy frames (generation from sound).
    """
    frames = np.stack([noisy[window.frame_indices(len(noisy))] for window in windows])
    times = np.stack([window.frame_times() for window in windows])
    condition = Condition(
        noisy=torch.from_numpy(frames).to(device),
        given=torch.full(frames.shape[:2], given, device=device),
        times=torch.from_numpy(times).float().to(device),
    )
    if audio is None:
        return condition
    waveform = np.stack([window.audio(audio, AUDIO_RATE, context) for window in windows])
    starts = [window.audio_start(AUDIO_RATE, context) for window in windows]
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


def _denoise_batch(
    part: list[Window],
    noisy: np.ndarray,
    audio: np.ndarray | None,
    model: Model,
    settings: DenoiseSettings,
    draw: int,
) -> Iterator[np.ndarray]:
    device = next(model.parameters()).device
    with torch.inference_mode():
        condition = window_condition(part, noisy, audio, model.config.audio.context, device)
        restored = sample_windows(model, condition, part, len(noisy), settings, draw)
    return iter(restored.float().cpu().numpy())


def usable_device(name: str) -> torch.device:
    """The device of this name.

    Raises:
        UsageError: If this machine does not have it.
    """
    try:
        device = pick_device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"--device {name}: not usable on this machine; try cpu") from error
    return device


def denoise(
    source: str | Path | np.ndarray | Recording,
    *,
    audio: str | Path | np.ndarray | None = None,
    rate: Any = None,
    sample_rate: int | None = None,
    weights: str | Path | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    **settings: Any,
) -> Restored:
    """Denoise a recording from Python.

    Args:
        source: A file, a `Recording`, or frames (frame, height, width), for which `rate` is needed.
        audio: A sound file, or a waveform (sample,) with its `sample_rate`.
        rate: Frames per second of an array.
        sample_rate: Of a waveform [Hz].
        weights: A .safetensors file or the name of shipped weights.
        device: `auto`, `cpu` or `cuda`.
        progress: Called with windows done and windows in all.
        settings: Fields of `DenoiseSettings`.

    Returns:
        The denoised recording, its uncertainty, and the parameters as used.

    Raises:
        RecordingError, WindowError, WeightsError, UsageError: In one line.
    """
    chosen = checked_settings(settings)
    model, _ = load_model(weights, usable_device(device))
    return denoise_recording(_as_recording(source, audio, rate, sample_rate), model, chosen, progress)


def checked_settings(values: dict[str, Any]) -> DenoiseSettings:
    """Settings from keywords, with one line for what is wrong.

    Raises:
        UsageError: If a value is out of range or unknown.
    """
    from pydantic import ValidationError

    try:
        return DenoiseSettings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][:1])
        raise UsageError(f"{name}: {first['msg'].lower()}, got {first.get('input')!r}") from error


def _as_recording(source: Any, audio: Any, rate: Any, sample_rate: int | None) -> Recording:
    if isinstance(source, Recording):
        return source
    if isinstance(source, np.ndarray):
        if rate is None:
            raise UsageError("frames in an array need rate=, frames per second")
        exact: Fraction = exact_rate(rate)
        peak = float(np.iinfo(source.dtype).max) if source.dtype.kind in "ui" else None
        if audio is not None and not isinstance(audio, np.ndarray):
            from cleartract.recordings.audio_io import read_audio

            found = read_audio(Path(audio))
            audio, sample_rate = found if found else (None, None)
        return Recording(np.asarray(source, np.float32), exact, audio, sample_rate, peak)
    recording = open_recording(source, None if isinstance(audio, np.ndarray) else audio)
    if isinstance(audio, np.ndarray):
        recording = replace(recording, audio=audio, sample_rate=sample_rate)
    return recording


__all__ = ["SAMPLERS", "DenoiseSettings", "Restored", "denoise", "denoise_recording"]
