"""Frames from sound: windows that continue one another, optionally as a reference speaker looks."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as functional

from cleartract.denoising.amplitude import speaker_gain
from cleartract.denoising.generation_plan import SIZE, GenerationPlan, learnable
from cleartract.denoising.prepared import ModelSoundReader, PreparedRecording, window_sound
from cleartract.denoising.prepared_window import PreparedWindow
from cleartract.denoising.restore import Progress
from cleartract.denoising.settings import DenoiseSettings, GenerateSettings
from cleartract.denoising.survey import SurveyedSound
from cleartract.denoising.window_loop import WindowLoop
from cleartract.model.model import Model
from cleartract.recordings.intensity import Intensity
from cleartract.recordings.overlap_add import OverlapAdd
from cleartract.recordings.recording import Recording
from cleartract.recordings.sound import ArraySound
from cleartract.recordings.source import RecordingSource
from cleartract.recordings.waveform import PreparedSound
from cleartract.recordings.windows import SlidingWindowTransform, Window
from cleartract.sound.log_mel import AUDIO_RATE
from cleartract.sound.prediction import learned_prediction

CHANCE = 0.02  # explained share that unrelated sound reaches: nothing there to magnify


@dataclass(frozen=True)
class Speaker:
    """How the frames to be made shall look.

    Attributes:
        intensity: Their scale.
        size: (height, width) [pixels].
        peak: Largest value of their unit, or None.
        lowest: Lowest value, in their unit.
        posture: Frame just before the sound, normalised, (height, width), or None.
        mean: Mean frame, normalised, (height, width), or None.
        predicted: Frames predicted from the sound, (frame, height, width), or None.
        skill: Of that prediction; there is nothing else to go by.
    """

    intensity: Intensity
    size: tuple[int, int]
    peak: float | None
    lowest: float = 0.0
    posture: np.ndarray | None = None
    mean: np.ndarray | None = None
    predicted: np.ndarray | None = None
    skill: float = 1.0


def generate_recording(
    audio: np.ndarray,
    sample_rate: int,
    model: Model,
    settings: GenerateSettings,
    reference: Recording | np.ndarray | None = None,
    progress: Progress | None = None,
) -> Recording:
    """Make rtMRI frames for a sound.

    Articulation is estimated from the sound and related to frames as in the reference recording,
    or as in the model's default speaker. The diffusion model starts from these predicted frames.
    Overlaps of windows are blended. Without predicted frames, each window is given those that it
    shares with the one before, so that anatomy and movement go on.

    Args:
        audio: Waveform, (sample,).
        sample_rate: [Hz].
        model: In evaluation mode, with an audio encoder.
        settings: How; `samples` must be 1.
        reference: The speaker to look like: a recording with sound, from which the relation of
            sound and frames is learned, or one frame (height, width), the posture just before the
            sound. Any unit; the result has the same one. Of a recording without sound, or too
            short to learn from, the first frame is taken.
        progress: Called with frames done and frames in all.

    Returns:
        Frames and the sound. Without a reference, intensities are grey levels from 0 to 255.

    Raises:
        UsageError: See `GenerationPlan.of`.
    """
    plan = GenerationPlan.of(len(audio), sample_rate, model, settings, reference)
    rate, total = plan.rate, plan.frames
    learned = isinstance(reference, Recording) and learnable(model, reference, settings)
    lead = 0 if reference is None or learned else 1  # frames before the sound: the posture
    sound = None
    if settings.use_audio:
        prepared = PreparedSound.of(ArraySound(audio, sample_rate), AUDIO_RATE)
        reader = ModelSoundReader(model)
        sound = SurveyedSound(
            prepared.shifted(-lead / float(rate)), None, reader.states(prepared), reader
        )
    times = (np.arange(lead + total) + 0.5) / float(rate)
    speaker = _speaker(model, reference, settings, sound, times if learned or not lead else None)
    frames = _made(model, settings, speaker, sound, (lead, total, rate), progress)
    values = np.clip(speaker.intensity.undo(frames), speaker.lowest, speaker.peak)
    provenance = {"path": "generated from sound"}
    return Recording(values, rate, audio, sample_rate, peak=speaker.peak, provenance=provenance)


def _made(
    model: Model,
    settings: GenerateSettings,
    speaker: Speaker,
    sound: SurveyedSound | None,
    length: tuple[int, int, Fraction],
    progress: Progress | None,
) -> np.ndarray:
    """Normalised frames, (frame, height, width); `length` is lead, frames, and rate."""
    lead, total, rate = length
    count, context = lead + total, model.config.audio.context
    frames = np.zeros((count, *speaker.size), np.float32)
    made = np.zeros(count, bool)
    if speaker.posture is not None:
        frames[0], made[0] = speaker.posture, True
    continued = speaker.predicted is None  # by the frames that two windows share

    def prepare(window: Window) -> PreparedWindow:
        numbers = window.frame_indices(count)
        predicted = None if speaker.predicted is None else speaker.predicted[numbers]
        own = None if sound is None else window_sound(sound, window, context)
        observed = made[numbers] if continued else np.zeros(len(numbers), bool)
        return PreparedWindow(
            window,
            frames[numbers],
            observed,
            own,
            speaker.mean,
            predicted,
            speaker.skill,
            target=settings.target,
        )

    windows = SlidingWindowTransform(settings.window_duration, settings.step_duration).windows(
        count, rate
    )
    blended = OverlapAdd(count, speaker.size, settings.blend)
    single = settings.model_copy(update={"samples": 1})
    loop = WindowLoop(model, single, count, 1 if continued else settings.batch or 1)
    for batch in loop.run(windows, prepare):
        for window, samples in batch:
            blended.add(samples[0], window.first)
            numbers = window.frame_indices(count)
            new = ~made[numbers]
            frames[numbers[new]] = samples[0][new]
            made[numbers] = True
        if progress:
            progress(int(made.sum()), count)
    return blended.take(count)[lead:]


def _speaker(
    model: Model,
    reference: Recording | np.ndarray | None,
    settings: GenerateSettings,
    sound: SurveyedSound | None,
    times: np.ndarray | None,
) -> Speaker:
    """Whom to look like; frames are predicted at `times` [s], where these are given."""
    if reference is None:
        side = settings.size or SIZE
        size = (side, side)
        scale = Intensity(0.0, 220.0)  # leaves headroom above the brightest tissue
        mean, predicted = default_speaker(model, sound, times, side)
        return Speaker(scale, size, 255.0, mean=mean, predicted=predicted)
    if isinstance(reference, Recording) and times is not None and sound is not None:
        return _like_recording(model, settings, sound, times, reference)
    known = reference[None] if isinstance(reference, np.ndarray) else reference.frames
    peak = reference.peak if isinstance(reference, Recording) else None
    scale = Intensity.of(known)
    size = (known.shape[1], known.shape[2])
    lowest = min(0.0, float(known.min()))
    return Speaker(scale, size, peak, lowest, posture=scale.apply(known[0]))


def _like_recording(
    model: Model,
    settings: GenerateSettings,
    sound: SurveyedSound,
    times: np.ndarray,
    reference: Recording,
) -> Speaker:
    """As the speaker of a recording would look, saying what the sound says."""
    silent = DenoiseSettings(use_audio=False)
    survey = PreparedRecording.of(RecordingSource(reference), model, silent).survey
    mean, predicted, skill = survey.mean, None, 1.0
    audio = reference.audio_at(AUDIO_RATE)
    if audio is not None and model.inversion is not None:
        # articulation alone: the spectrum of another voice says nothing of this speaker
        heard = model.inversion.of_frames(audio, len(reference), float(reference.rate))
        known = survey.intensity.apply(reference.frames)
        if learned := learned_prediction(heard, known, reference.rate, drift=False):
            predicted = learned.frames_of_other_sound(model.inversion.at(sound.sound, times))
            if settings.amplitude == "speaker" and len(times) > 1 and learned.explained > CHANCE:
                held_out = learned.frames(heard, np.arange(len(known)))
                gain = speaker_gain(known, held_out, predicted)
                predicted = learned.mean + np.float32(gain) * (predicted - learned.mean)
            mean, skill = learned.mean, learned.explained
    if mean is None:
        mean = survey.intensity.apply(reference.frames).mean(0)
    lowest = min(0.0, survey.minimum)
    return Speaker(
        survey.intensity,
        survey.size,
        reference.peak,
        lowest,
        mean=mean,
        predicted=predicted,
        skill=skill,
    )


def default_speaker(
    model: Model, sound: SurveyedSound | None, times: np.ndarray | None, size: int
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Mean frame and predicted frames of the model's default speaker, at any size [pixels]."""
    if not model.config.default_speaker or model.inversion is None:
        return None, None
    if sound is None or times is None:
        return None, None
    planes = torch.cat([model.speaker_mean[None], model.speaker_modes])[None].float()
    scaled = functional.interpolate(planes, (size, size), mode="bilinear", antialias=True)
    mean, modes = scaled[0, 0].cpu().numpy(), scaled[0, 1:].cpu().numpy()
    features = model.inversion.at(sound.sound, times)
    return mean, (mean + np.tensordot(features, modes, 1)).astype(np.float32)
