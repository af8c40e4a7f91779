"""Frames from sound: windows that continue one another, optionally in the likeness of a speaker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as functional

from cleartract.denoising.denoise import Progress
from cleartract.denoising.settings import GenerateSettings
from cleartract.denoising.window_loop import Sound, sample_windows, window_condition
from cleartract.errors import UsageError
from cleartract.model.model import Model
from cleartract.recordings.intensity import Intensity
from cleartract.recordings.recording import Recording
from cleartract.recordings.waveform import prepared_audio
from cleartract.recordings.windows import OverlapAdd, SlidingWindowTransform
from cleartract.sound.log_mel import AUDIO_RATE
from cleartract.sound.prediction import learned_regression, shrunk
from cleartract.types import exact_rate

TEACHING = 1.0  # [s] of a reference recording, below which it shows one posture only


def generate(
    audio: np.ndarray,
    sample_rate: int,
    model: Model,
    settings: GenerateSettings,
    reference: Recording | np.ndarray | None = None,
    progress: Callable[[int, int], None] | Progress | None = None,
) -> Recording:
    """Make rtMRI frames for a sound.

    Articulation is read off the sound, related to frames as in the reference recording (or in the
    speaker who lent the model a likeness), and what that predicts is told to the diffusion model.
    Overlaps of windows are blended. Where the sound tells no frames, each window is given those that
    it shares with the one before, so that anatomy and movement go on; told frames go on by themselves,
    and given ones beside them would leave a step where they end.

    Args:
        audio: Waveform, (sample,).
        sample_rate: [Hz].
        model: In evaluation mode, with an audio encoder.
        settings: How; `samples` is not used.
        reference: The speaker whose likeness is wanted: a recording with sound, from which the
            model learns how the speaker looks when speaking, or one frame (height, width), the
            posture just before the sound. Any unit; the result has the same one. Of a recording
            without sound, or too short to learn from, the first frame is taken.
        progress: Called with frames done and frames in all.

    Returns:
        Frames and the sound. Without a reference, intensities are grey levels from 0 to 255.

    Raises:
        UsageError: If the model has no audio encoder or the sound is shorter than a frame.
    """
    if model.audio is None and settings.use_audio:
        raise UsageError("these weights have no audio encoder; give weights that hear")
    rate = exact_rate(settings.rate)
    total = int(Fraction(len(audio), sample_rate) * rate)
    if total < 1:
        raise UsageError("the sound is shorter than one frame")
    frame = reference if isinstance(reference, np.ndarray) else None
    if isinstance(reference, Recording) and not _teaches(model, reference, settings):
        frame = reference.frames[0]
    lead = 0 if frame is None else 1
    scale = Intensity(0.0, 220.0)  # leaves headroom above the brightest tissue
    size: tuple[int, ...] = (settings.size, settings.size)
    if reference is not None:
        known = reference[None] if isinstance(reference, np.ndarray) else reference.frames
        scale, size = Intensity.of(known), known.shape[1:]
    frames = np.zeros((lead + total, *size), np.float32)
    given = np.zeros(len(frames), bool)
    if frame is not None:
        frames[0], given[0] = scale.apply(frame), True
    made = given.copy()
    sound, told = None, Told()
    if settings.use_audio:
        waited = np.zeros(round(lead / rate * AUDIO_RATE), np.float32)
        sound = np.concatenate([waited, prepared_audio(audio, sample_rate, AUDIO_RATE)])
        times = (np.arange(len(frames)) + 0.5) / float(rate)
        if isinstance(reference, Recording) and frame is None:
            told = told_by_reference(model, sound, times, reference, scale)
        elif reference is None:
            told = told_by_likeness(model, sound, times, settings.size)
    heard = Sound.of(sound, model)
    cut = SlidingWindowTransform(settings.window_duration, settings.step_duration)
    blended = OverlapAdd(len(frames), (size[0], size[1]), settings.blend)
    device, context = next(model.parameters()).device, model.config.audio.context
    for window in cut.windows(len(frames), rate):
        condition = window_condition(
            [window], frames, heard, context, device, given, told.mean, told.frames
        )
        restored = sample_windows(model, condition, [window], len(frames), settings)
        result = restored[0].float().cpu().numpy()
        blended.add(result, window.first)
        places = window.frame_indices(len(frames))
        new = ~made[places]
        frames[places[new]] = result[new]
        made[places] = True
        if told.frames is None:
            given = made
        if progress:
            progress(int(made.sum()), len(frames))
    found = blended.result()[lead:]
    peak = reference.peak if isinstance(reference, Recording) else None
    peak = 255.0 if reference is None else peak
    lowest = 0.0 if reference is None else min(0.0, float(known.min()))
    values = np.clip(scale.undo(found), lowest, peak)
    provenance = {"path": "generated from sound"}
    return Recording(values, rate, audio, sample_rate, peak=peak, provenance=provenance)


@dataclass(frozen=True)
class Told:
    """What the sound tells: mean frame (height, width) and predicted frames, normalised."""

    mean: np.ndarray | None = None
    frames: np.ndarray | None = None


def _teaches(model: Model, reference: Recording, settings: GenerateSettings) -> bool:
    """Whether the model can learn from a recording how its speaker looks when speaking."""
    hears = settings.use_audio and model.inversion is not None
    return hears and reference.audio is not None and reference.duration >= TEACHING


def told_by_reference(
    model: Model, sound: np.ndarray, times: np.ndarray, reference: Recording, scale: Intensity
) -> Told:
    """Frames as the reference speaker would look, saying what the sound says.

    Args:
        model: With inversion, or nothing is told.
        sound: At the encoder's rate.
        times: Of the frames to make [s].
        reference: Recording with sound.
        scale: Its intensity scale.
    """
    spoken = reference.audio_at(AUDIO_RATE)
    if model.inversion is None or spoken is None:
        return Told()
    rate, frames = float(reference.rate), scale.apply(reference.frames)
    learned = learned_regression(model.inversion.of_frames(spoken, len(frames), rate), frames, rate)
    if learned is None:
        return Told(frames.mean(0))
    moments, skill = learned
    told = moments.predict(model.inversion.at(sound, times))
    return Told(moments.mean(), shrunk(told, moments.mean(), skill))


def told_by_likeness(model: Model, sound: np.ndarray, times: np.ndarray, size: int) -> Told:
    """Frames in the likeness that comes with the model, at any size [pixels]."""
    if not model.config.likeness or model.inversion is None:
        return Told()
    planes = torch.cat([model.likeness_mean[None], model.likeness_modes])[None].float()
    scaled = functional.interpolate(planes, (size, size), mode="bilinear", antialias=True)
    mean, modes = scaled[0, 0].cpu().numpy(), scaled[0, 1:].cpu().numpy()
    features = model.inversion.at(sound, times)
    return Told(mean, (mean + np.tensordot(features, modes, 1)).astype(np.float32))
