"""Frames from sound: windows that continue one another, optionally in the likeness of a speaker."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pydantic import Field, field_validator

from cleartract.errors import UsageError
from cleartract.model import Model
from cleartract.networks.log_mel import AUDIO_RATE
from cleartract.recordings.recording import Intensity, Recording, prepared_audio
from cleartract.recordings.windows import OverlapAdd, SlidingWindowTransform
from cleartract.restore import Progress
from cleartract.types import exact_rate
from cleartract.windowed import DenoiseSettings, sample_windows, window_condition


class GenerateSettings(DenoiseSettings):
    """How frames are made from sound.

    Attributes:
        rate: Frames per second, a number or a fraction.
        size: Pixels along each side; that of the reference where there is one.
    """

    rate: str = "65040/781"
    size: int = Field(84, ge=16, le=512)

    @field_validator("rate")
    @classmethod
    def _possible(cls, value: str) -> str:
        if not 1 <= exact_rate(value) <= 1000:
            raise ValueError("must lie between 1 and 1000 frames a second")
        return value


def generate(
    audio: np.ndarray,
    sample_rate: int,
    model: Model,
    settings: GenerateSettings,
    reference: np.ndarray | None = None,
    progress: Callable[[int, int], None] | Progress | None = None,
) -> Recording:
    """Make rtMRI frames for a sound.

    Each window is given the frames that it shares with the one before, so that anatomy and
    movement go on, and the overlaps are blended.

    Args:
        audio: Waveform, (sample,).
        sample_rate: [Hz].
        model: In evaluation mode, with an audio encoder.
        settings: How; `samples` is not used.
        reference: One frame (height, width) of the speaker whose likeness is wanted: the posture
            just before the sound. Any unit; the result has the same one.
        progress: Called with frames done and frames in all.

    Returns:
        Frames and the sound. Without a reference, intensities are grey levels from 0 to 255.

    Raises:
        UsageError: If the model has no audio encoder or the sound is shorter than a frame.
    """
    if model.audio is None and settings.use_audio:
        raise UsageError("these weights have no audio encoder; give weights that hear")
    rate = exact_rate(settings.rate)
    total = int(len(audio) / sample_rate * rate)
    if total < 1:
        raise UsageError("the sound is shorter than one frame")
    lead = 0 if reference is None else 1
    scale = Intensity(0.0, 220.0)  # leaves headroom above the brightest tissue
    size = (settings.size, settings.size)
    if reference is not None:
        scale, size = Intensity.of(reference[None]), reference.shape
    frames = np.zeros((lead + total, *size), np.float32)
    given = np.zeros(len(frames), bool)
    if reference is not None:
        frames[0], given[0] = scale.apply(reference), True
    sound = None
    if settings.use_audio:
        waited = np.zeros(round(lead / rate * AUDIO_RATE), np.float32)
        sound = np.concatenate([waited, prepared_audio(audio, sample_rate, AUDIO_RATE)])
    cut = SlidingWindowTransform(settings.window_duration, settings.step_duration)
    blended = OverlapAdd(len(frames), size, settings.blend)
    device, context = next(model.parameters()).device, model.config.audio.context
    for window in cut.windows(len(frames), rate):
        condition = window_condition([window], frames, sound, context, device, given)
        made = sample_windows(model, condition, [window], len(frames), settings)
        result = made[0].float().cpu().numpy()
        blended.add(result, window.first)
        places = window.frame_indices(len(frames))
        new = ~given[places]
        frames[places[new]] = result[new]
        given[places] = True
        if progress:
            progress(int(given.sum()), len(frames))
    found = blended.result()[lead:]
    peak = 255.0 if reference is None else None
    values = np.clip(scale.undo(found), 0.0, peak)
    provenance = {"path": "generated from sound"}
    return Recording(values, rate, audio, sample_rate, peak=peak, provenance=provenance)
