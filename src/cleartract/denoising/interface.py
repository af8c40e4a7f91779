"""`cleartract.denoise` and `cleartract.generate`: files or arrays in, a result with `save` out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cleartract.denoising.denoise import Restored, denoise_recording
from cleartract.denoising.generate import generate_recording
from cleartract.denoising.generation_plan import GenerationPlan
from cleartract.denoising.heard import Heard
from cleartract.denoising.remarks import in_python
from cleartract.denoising.restore import Progress
from cleartract.denoising.settings import (
    DenoiseSettings,
    GenerateSettings,
    Settings,
    checked_samples,
    settings_of,
)
from cleartract.devices import usable_device
from cleartract.errors import UsageError, warn_caller
from cleartract.model.model import Model
from cleartract.model.weights import load_model
from cleartract.recordings.opening import open_recording
from cleartract.recordings.recording import Recording
from cleartract.recordings.sound import as_float, open_sound, whole
from cleartract.types import exact_rate

Weights = Model | str | Path | None
"""A model from `load_model`, to load weights once and use them often; or a .safetensors file, or
the name of shipped weights; or None for the default ones."""


def denoise(
    source: str | Path | np.ndarray | Recording,
    *,
    audio: str | Path | np.ndarray | None = None,
    rate: Any = None,
    sample_rate: int | None = None,
    model: Weights = None,
    device: str = "auto",
    observed: ArrayLike | None = None,
    audio_offset: float = 0.0,
    resample: bool = False,
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
        model: A model from `load_model`, or weights.
        device: `auto`, `cpu` or `cuda`; a model stays where it is.
        observed: False where a frame is lost, (frame,) bool.
        audio_offset: How late the sound is against the frames, in seconds [s]; `--audio-offset` of
            the command line is in milliseconds.
        resample: Whether a file of a variable frame rate is put onto a constant one: the nearest
            frame in time on a regular grid at the median rate. `provenance["resampled"]` of the
            recording tells how many frames were repeated and dropped.
        progress: Called with windows done and windows in all.
        settings: How; or give its fields as `options`.
        options: Fields of `DenoiseSettings`.

    Returns:
        The denoised recording, its uncertainty, and the parameters as used.

    Raises:
        RecordingError, WindowError, WeightsError, UsageError: In one line.

    Warns:
        ClearTractWarning: Before the work, of what the command line prints: no sound, sound of
            another length or another time, unfamiliar sizes, rates and noise, windows that are
            longer than the recording.
    """
    chosen = checked_samples(_chosen(DenoiseSettings, settings, options))
    loaded = _loaded(model, device)
    recording = _as_recording(source, audio, rate, sample_rate, resample)
    name = recording.provenance.get("path", "recording")
    say = lambda text: warn_caller(f"{name}: {in_python(text)}")  # noqa: E731
    return denoise_recording(recording, loaded, chosen, progress, observed, audio_offset, say)


def generate(
    source: Any,
    *,
    sample_rate: int | None = None,
    reference: str | Path | np.ndarray | Recording | None = None,
    model: Weights = None,
    device: str = "auto",
    progress: Progress | None = None,
    settings: GenerateSettings | None = None,
    **options: Any,
) -> Restored:
    """Make rtMRI frames for a sound, to see what the model has learned of it.

    Nothing in such a recording was measured.

    Args:
        source: A sound file, a video with sound, or a waveform (sample,) with its `sample_rate`.
            Of a video, length and frame rate are taken too: there are as many frames as it has,
            unless a rate is given or that of the reference is another.
        sample_rate: Of a waveform [Hz].
        reference: Speaker to look like: a recording with sound, or one frame (height, width).
        model: A model from `load_model`, or weights.
        device: `auto`, `cpu` or `cuda`; a model stays where it is.
        progress: Called with frames done and frames in all.
        settings: How; or give its fields as `options`.
        options: Fields of `GenerateSettings`.

    Returns:
        The generated recording and the parameters as used; there is no uncertainty.

    Raises:
        RecordingError, WeightsError, UsageError: In one line.

    Warns:
        ClearTractWarning: Before the work, as `denoise`.
    """
    chosen = _chosen(GenerateSettings, settings, options)
    if isinstance(source, np.ndarray):
        if sample_rate is None:
            raise UsageError("a waveform needs sample_rate= [Hz]")
        heard = Heard(as_float(source), sample_rate)
    elif not isinstance(source, str | Path):
        raise UsageError(
            f"cannot generate from a {type(source).__name__}: give a path or a waveform"
        )
    else:
        heard = Heard.read(Path(source))
    if isinstance(reference, str | Path):
        reference = open_recording(reference)
    if chosen.rate is None and heard.rate is not None and not isinstance(reference, Recording):
        chosen = chosen.model_copy(update={"rate": str(heard.rate)})
    loaded = _loaded(model, device)
    plan = GenerationPlan.of(len(heard.samples), heard.sample_rate, loaded, chosen, reference)
    name = source if isinstance(source, str | Path) else "waveform"
    for text in (*heard.warnings, *plan.remarks(loaded, chosen, reference)):
        warn_caller(f"{name}: {in_python(text)}")
    made = generate_recording(heard.samples, heard.sample_rate, loaded, chosen, reference, progress)
    return Restored(made, None, chosen.model_dump() | {"generated": True})


def _chosen(kind: type[Settings], settings: Settings | None, options: dict[str, Any]) -> Settings:
    """Settings as they are, or from keywords.

    Raises:
        UsageError: If both are given, or a keyword is unknown or out of range.
    """
    if settings is not None and options:
        raise UsageError(f"give settings or {next(iter(options))}, not both")
    return settings if settings is not None else settings_of(kind, options)


def _loaded(model: Weights, device: str) -> Model:
    return model if isinstance(model, Model) else load_model(model, usable_device(device))[0]


def _as_recording(
    source: Any, audio: Any, rate: Any, sample_rate: int | None, resample: bool
) -> Recording:
    if resample and not isinstance(source, str | Path):
        raise UsageError("resample= is for files; frames in memory have one rate")
    if isinstance(source, Recording):
        if audio is not None or rate is not None:
            raise UsageError("a Recording has its own audio and rate; change them there")
        return source
    if not isinstance(source, str | Path | np.ndarray):
        raise UsageError(f"cannot denoise a {type(source).__name__}: give a path or frames")
    if isinstance(source, np.ndarray):
        if rate is None:
            raise UsageError("frames in an array need rate=, frames per second")
        try:
            exact = exact_rate(rate)
        except (ValueError, ZeroDivisionError, TypeError) as error:
            raise UsageError(f"rate: {rate!r} is no frame rate") from error
        peak = float(np.iinfo(source.dtype).max) if source.dtype.kind in "ui" else None
        if audio is not None and not isinstance(audio, np.ndarray):
            sound = open_sound(Path(audio))
            audio, sample_rate = whole(sound), sound.rate
        audio = None if audio is None else as_float(audio)
        return Recording(np.asarray(source, np.float32), exact, audio, sample_rate, peak)
    if rate is not None:
        raise UsageError("a file has its own rate; rate= is for frames in an array")
    recording = open_recording(
        source, None if isinstance(audio, np.ndarray) else audio, resample=resample
    )
    if isinstance(audio, np.ndarray):
        recording = replace(recording, audio=as_float(audio), sample_rate=sample_rate)
    return recording
