"""The main job: recording -> windows -> sampler -> overlap-add -> recording."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cleartract.denoising.settings import DenoiseSettings, checked_settings
from cleartract.denoising.window_loop import Sound, sample_windows, window_condition
from cleartract.devices import usable_device
from cleartract.errors import UsageError, WeightsError, WindowError
from cleartract.model.model import Model
from cleartract.model.weights import load_model
from cleartract.recordings.audio_io import as_float, read_audio
from cleartract.recordings.borders import empty_borders
from cleartract.recordings.intensity import Intensity
from cleartract.recordings.recording import Recording
from cleartract.recordings.video_io import open_recording
from cleartract.recordings.windows import OverlapAdd, SlidingWindowTransform, Window
from cleartract.sound.log_mel import AUDIO_RATE
from cleartract.sound.prediction import LEAST, acoustic_frames
from cleartract.types import exact_rate

Progress = Callable[[int, int], None]


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


def denoise_recording(
    recording: Recording,
    model: Model,
    settings: DenoiseSettings,
    progress: Progress | None = None,
    given: np.ndarray | None = None,
) -> Restored:
    """Denoise a whole recording in overlapping windows.

    Args:
        recording: What to denoise.
        model: In evaluation mode, on its device.
        settings: How.
        progress: Called with windows done and windows in all.
        given: False where a frame is lost and must be made from its neighbours and the sound,
            (frame,) bool; all are given by default.

    Raises:
        WindowError: If windows and steps do not cover the recording.
    """
    started = time.perf_counter()
    known = np.ones(len(recording), bool) if given is None else given
    if known.shape != (len(recording),) or not known.any():
        raise WindowError(f"given needs one value for each of {len(recording)} frames, some True")
    borders = empty_borders(recording.frames[known])
    image = borders.replicated(recording.frames)
    intensity = Intensity.of(image[known])
    noisy = intensity.apply(image)
    audio = recording.audio_at(AUDIO_RATE) if settings.use_audio and model.audio else None
    acoustic, still = None, None
    if known.sum() >= LEAST:
        still = noisy[known].mean(0)
    if audio is not None and model.inversion is not None:
        rate = float(recording.rate)
        features = model.inversion.of_frames(audio, len(recording), rate)
        acoustic = acoustic_frames(features, noisy, known, rate)
    sound = Sound.of(audio, model)
    cut = SlidingWindowTransform(settings.window_duration, settings.step_duration)
    windows = cut.windows(len(recording), recording.rate)
    total, done, batch = len(windows) * settings.samples, 0, settings.batch

    def tick(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(done, total)

    mean: Any = 0.0
    squares: Any = 0.0  # with the mean, the running sum of squared deviations (Welford 1962)
    for draw in range(settings.samples):
        blended, batch = _draw(
            windows, noisy, known, sound, (still, acoustic), model, settings, draw, batch, tick
        )
        if settings.samples == 1:
            mean = blended
            break
        distance = blended - mean
        mean = mean + distance / (draw + 1)
        squares = squares + distance * (blended - mean)
    frames = intensity.undo(np.asarray(mean))
    np.clip(frames, min(0.0, float(recording.frames.min())), recording.peak, out=frames)
    frames = borders.kept(frames, recording.frames)
    if not np.isfinite(frames).all():
        raise WeightsError("the model returned frames that are not finite; use other weights")
    uncertainty = None
    if settings.samples > 1:
        deviation = np.sqrt(np.asarray(squares) / (settings.samples - 1))
        uncertainty = (deviation * intensity.scale).astype(np.float32)
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


def _draw(
    windows: list[Window],
    noisy: np.ndarray,
    known: np.ndarray,
    sound: Sound | None,
    told: tuple[np.ndarray | None, np.ndarray | None],
    model: Model,
    settings: DenoiseSettings,
    draw: int,
    batch: int,
    tick: Callable[[int], None],
) -> tuple[np.ndarray, int]:
    """One sample of the whole recording, and the batch that fitted into memory."""
    blended = OverlapAdd(len(noisy), noisy.shape[1:], settings.blend)
    device, context = next(model.parameters()).device, model.config.audio.context
    position = 0
    while position < len(windows):
        part = windows[position : position + batch]
        try:
            condition = window_condition(part, noisy, sound, context, device, known, *told)
            restored = sample_windows(model, condition, part, len(noisy), settings, draw)
        except torch.OutOfMemoryError:
            if batch == 1:
                raise
            batch = max(1, batch // 2)
            torch.cuda.empty_cache()
            continue
        for window, frames in zip(part, restored.float().cpu().numpy(), strict=True):
            blended.add(frames, window.first)
        position += len(part)
        tick(len(part))
    return blended.result(), batch


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
    return denoise_recording(
        _as_recording(source, audio, rate, sample_rate), model, chosen, progress
    )


def _as_recording(source: Any, audio: Any, rate: Any, sample_rate: int | None) -> Recording:
    if isinstance(source, Recording):
        if audio is not None or rate is not None:
            raise UsageError("a Recording has its own audio and rate; change them there")
        return source
    if not isinstance(source, str | Path | np.ndarray):
        raise UsageError(f"cannot denoise a {type(source).__name__}: give a path or frames")
    if isinstance(source, np.ndarray):
        if rate is None:
            raise UsageError("frames in an array need rate=, frames per second")
        exact = exact_rate(rate)
        peak = float(np.iinfo(source.dtype).max) if source.dtype.kind in "ui" else None
        if audio is not None and not isinstance(audio, np.ndarray):
            found = read_audio(Path(audio))
            audio, sample_rate = found if found else (None, None)
        audio = None if audio is None else as_float(audio)
        return Recording(np.asarray(source, np.float32), exact, audio, sample_rate, peak)
    if rate is not None:
        raise UsageError("a file has its own rate; rate= is for frames in an array")
    recording = open_recording(source, None if isinstance(audio, np.ndarray) else audio)
    if isinstance(audio, np.ndarray):
        recording = replace(recording, audio=as_float(audio), sample_rate=sample_rate)
    return recording
