"""Denoise a recording in memory: survey, restore, collect."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.denoising.prepared import PreparedRecording
from cleartract.denoising.restore import Progress, Restoration
from cleartract.denoising.settings import DenoiseSettings, checked_samples, checked_settings
from cleartract.devices import usable_device
from cleartract.errors import UsageError, WindowError
from cleartract.model.model import Model
from cleartract.model.weights import load_model
from cleartract.recordings.opening import open_recording
from cleartract.recordings.recording import Recording
from cleartract.recordings.sound import as_float, open_sound, whole
from cleartract.recordings.source import RecordingSource
from cleartract.recordings.writing import write_recording
from cleartract.types import exact_rate


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

    def save(self, path: str | Path) -> Path:
        """Write the recording; its name chooses the format, see `recordings.writing.open_sink`."""
        write_recording(Path(path), self.recording, self.used)
        return Path(path)


def denoise_recording(
    recording: Recording,
    model: Model,
    settings: DenoiseSettings,
    progress: Progress | None = None,
    observed: np.ndarray | None = None,
    audio_offset: float = 0.0,
) -> Restored:
    """Denoise a whole recording in overlapping windows.

    Args:
        recording: What to denoise.
        model: In evaluation mode, on its device.
        settings: How.
        progress: Called with windows done and windows in all.
        observed: False where a frame is lost and must be made from its neighbours and the sound,
            (frame,) bool; all are observed by default.
        audio_offset: How late the sound is against the frames [s].

    Raises:
        WindowError: If windows and steps do not cover the recording.
    """
    lost: tuple[int, ...] = ()
    if observed is not None:
        if observed.shape != (len(recording),) or not observed.any():
            raise WindowError(
                f"observed needs one value for each of {len(recording)} frames, some True"
            )
        lost = tuple(int(frame) for frame in np.flatnonzero(~observed))
    source = RecordingSource(recording)
    prepared = PreparedRecording.of(source, model, settings.use_audio, lost, audio_offset)
    restoration = Restoration(source, prepared, model, settings)
    restoration.choose_batch()
    frames = np.empty(recording.frames.shape, np.float32)
    spread = np.empty_like(frames) if settings.samples > 1 else None
    for piece in restoration.pieces(progress):
        part = slice(piece.first, piece.first + len(piece.frames))
        frames[part] = piece.frames
        if spread is not None and piece.uncertainty is not None:
            spread[part] = piece.uncertainty
    used = restoration.described() | restoration.timing()
    return Restored(replace(recording, frames=frames), spread, used)


def denoise(
    source: str | Path | np.ndarray | Recording,
    *,
    audio: str | Path | np.ndarray | None = None,
    rate: Any = None,
    sample_rate: int | None = None,
    model: Model | str | Path | None = None,
    weights: str | Path | None = None,
    device: str = "auto",
    observed: np.ndarray | None = None,
    audio_offset: float = 0.0,
    progress: Progress | None = None,
    settings: DenoiseSettings | None = None,
    **options: Any,
) -> Restored:
    """Denoise a recording from Python.

    Args:
        source: A file, a `Recording`, or frames (frame, height, width), for which `rate` is needed.
        audio: A sound file, or a waveform (sample,) with its `sample_rate`.
        rate: Frames per second of an array.
        sample_rate: Of a waveform [Hz].
        model: A model from `load_model`, to load weights once and denoise many recordings.
        weights: Instead of a model: a .safetensors file or the name of shipped weights.
        device: `auto`, `cpu` or `cuda`; a model stays where it is.
        observed: False where a frame is lost, (frame,) bool.
        audio_offset: How late the sound is against the frames [s].
        progress: Called with windows done and windows in all.
        settings: How; or give its fields as `options`.
        options: Fields of `DenoiseSettings`.

    Returns:
        The denoised recording, its uncertainty, and the parameters as used.

    Raises:
        RecordingError, WindowError, WeightsError, UsageError: In one line.
    """
    if settings is not None and options:
        raise UsageError(f"give settings or {next(iter(options))}, not both")
    chosen = checked_samples(settings) if settings is not None else checked_settings(options)
    if isinstance(model, Model):
        if weights is not None:
            raise UsageError("give a model or weights, not both")
        loaded = model
    else:
        loaded, _ = load_model(model if model is not None else weights, usable_device(device))
    recording = _as_recording(source, audio, rate, sample_rate)
    return denoise_recording(recording, loaded, chosen, progress, observed, audio_offset)


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
            sound = open_sound(Path(audio))
            audio, sample_rate = whole(sound), sound.rate
        audio = None if audio is None else as_float(audio)
        return Recording(np.asarray(source, np.float32), exact, audio, sample_rate, peak)
    if rate is not None:
        raise UsageError("a file has its own rate; rate= is for frames in an array")
    recording = open_recording(source, None if isinstance(audio, np.ndarray) else audio)
    if isinstance(audio, np.ndarray):
        recording = replace(recording, audio=as_float(audio), sample_rate=sample_rate)
    return recording
