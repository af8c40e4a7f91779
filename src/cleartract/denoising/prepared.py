"""A recording ready for the model: the only place that scales intensities and cuts sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from cleartract.denoising.noise_survey import Noise
from cleartract.denoising.settings import DenoiseSettings, Target
from cleartract.denoising.survey import (
    Survey,
    SurveyedSound,
    survey,
    survey_sound,
)
from cleartract.model.condition import (
    NOISE_FACTS,
    Condition,
    FramesCondition,
    NoiseCondition,
    PredictionCondition,
    SoundCondition,
)
from cleartract.model.model import Model
from cleartract.recordings.source import FrameSource
from cleartract.recordings.windows import Window
from cleartract.sound.gaps import tempered
from cleartract.sound.log_mel import AUDIO_RATE

NO_SKILL = 0.02  # share of variance explained below which the sound is not used at all
CHANCE = 0.3  # [s]: sound of something else explains up to this over the length of the recording
TRUSTED_SKILL = 0.35  # below which frames are predicted from it, but audio tokens are not used


@dataclass(frozen=True)
class WindowSound:
    """Sound of a window.

    Attributes:
        waveform: With context, (sample,).
        start: Time of its first sample relative to the window's centre [s].
        states: Hidden states of a speech model, (token, state), or None.
        states_start: Time of the first of them [s].
        valid: Whether it is used.
        masked: From when to when it is not [s], (2,), or None.
    """

    waveform: np.ndarray
    start: float
    states: np.ndarray | None = None
    states_start: float = 0.0
    valid: bool = True
    masked: np.ndarray | None = None


@dataclass(frozen=True)
class PreparedWindow:
    """All that is known of a window, normalised.

    Attributes:
        window: Where it lies in the recording.
        noisy: (frame, height, width).
        observed: Which noisy frames are there, (frame,) bool.
        sound: Its sound, or None.
        mean: Mean frame of the recording, (height, width), or None.
        predicted: Frames predicted from the sound, (frame, height, width), or None.
        skill: Share of the frames' variance that such predictions explain.
        noise: Noise of the recording, or None.
        target: What is wanted: the scan, or the object itself.
    """

    window: Window
    noisy: np.ndarray
    observed: np.ndarray
    sound: WindowSound | None = None
    mean: np.ndarray | None = None
    predicted: np.ndarray | None = None
    skill: float = 0.0
    noise: Noise | None = None
    target: Target = "scan"


class ModelSoundReader:
    """What a model makes of the sound of a whole recording; see `SoundReader`.

    Args:
        model: In evaluation mode.
    """

    def __init__(self, model: Model):
        self.inversion, self.speech = model.inversion, model.speech

    def features(self, sound, times):
        """See `SoundReader.features`."""
        return None if self.inversion is None else self.inversion.parts_at(sound, times)

    def states(self, sound):
        """See `SoundReader.states`."""
        if self.speech is None:
            return None
        return self.speech.of_recording(sound.span(0, len(sound)))

    def states_of_span(self, states, start, samples):
        """See `SoundReader.states_of_span`."""
        assert self.speech is not None
        return self.speech.of_span(states, start, samples)


@dataclass(frozen=True)
class PreparedRecording:
    """A recording of which all is known that restoring a window needs.

    Attributes:
        survey: What the first pass found.
        sound: Its sound, or None.
        context: Sound before and after a window's frames [s].
        target: What is wanted of it.
    """

    survey: Survey
    sound: SurveyedSound | None
    context: float
    target: Target = "scan"

    @classmethod
    def of(
        cls,
        source: FrameSource,
        model: Model,
        settings: DenoiseSettings | None = None,
        lost: tuple[int, ...] = (),
        audio_offset: float = 0.0,
        progress: Callable[[int, int], None] | None = None,
    ) -> PreparedRecording:
        """Survey a recording for a model.

        Args:
            source: The recording.
            model: In evaluation mode.
            settings: Whether its sound is used, and what is wanted of it.
            lost: Frames that are lost [frames].
            audio_offset: How late the sound is against the frames [s].
            progress: Called with frames surveyed and frames in all.

        Raises:
            RecordingError, WindowError: See `survey`.
        """
        settings = settings or DenoiseSettings()
        wanted = settings.use_audio and model.audio is not None
        sound = survey_sound(source, ModelSoundReader(model), audio_offset) if wanted else None
        found = survey(source, sound, lost, progress)
        return cls(found, sound, model.config.audio.context, settings.target)

    def normalised(self, frames: np.ndarray) -> np.ndarray:
        """Frames in the recording's unit -> normalised, empty borders filled."""
        return self.survey.intensity.apply(self.survey.borders.replicated(frames))

    def window(self, window: Window, noisy: np.ndarray) -> PreparedWindow:
        """A window with its normalised noisy frames (frame, height, width)."""
        numbers = window.frame_indices(self.survey.frames)
        observed, prediction = self.survey.observed(numbers), self.survey.prediction
        known = PreparedWindow(
            window, noisy, observed, mean=self.survey.mean, noise=self.noise, target=self.target
        )
        if self.sound is None:
            return known
        known = replace(known, sound=window_sound(self.sound, window, self.context))
        if prediction is None or self.sound.features is None:
            return known
        low = int(numbers.min())
        span = self.sound.features.span(low, int(numbers.max()) - low + 1)
        predicted = prediction.frames(span[numbers - low], numbers)
        predicted = tempered(predicted, observed, self.survey.gap_weights)
        return weighed(replace(known, predicted=predicted, skill=self.sound_skill))

    @property
    def sound_skill(self) -> float:
        """Share of the variance that the sound explains; 0 where chance explains as much."""
        prediction, survey = self.survey.prediction, self.survey
        if prediction is None:
            return 0.0
        chance = NO_SKILL + CHANCE * float(survey.rate) / survey.frames
        return prediction.explained if prediction.explained >= chance else 0.0

    @cached_property
    def noise(self) -> Noise | None:
        """Its noise, normalised."""
        noise = self.survey.noise
        return None if noise is None else noise.scaled(1 / self.survey.intensity.scale)


def weighed(window: PreparedWindow) -> PreparedWindow:
    """A window whose sound is used as far as its measured skill allows.

    Without skill nothing of the sound is used: the result is that without sound. With little,
    frames are predicted from it, but the audio tokens, whose relation to this speaker nobody has
    measured, are not used.
    """
    if window.predicted is None or window.sound is None:
        return window
    if window.skill < NO_SKILL:
        return replace(window, sound=None, predicted=None, skill=0.0)
    if window.skill < TRUSTED_SKILL:
        everywhere = np.array([-np.inf, np.inf], np.float32)
        return replace(window, sound=replace(window.sound, masked=everywhere))
    return window


def window_sound(sound: SurveyedSound, window: Window, context: float) -> WindowSound:
    """The sound of a window with its context [s]."""
    start, count = window.audio_span(AUDIO_RATE, context)
    begins = window.audio_start(AUDIO_RATE, context)
    waveform = sound.sound.span(start, count)
    if sound.states is None:
        return WindowSound(waveform, begins)
    states, later = sound.reader.states_of_span(sound.states, start, count)
    return WindowSound(waveform, begins, states, begins + later)


def build_condition(windows: Sequence[PreparedWindow], device: torch.device) -> Condition:
    """What the model knows about a batch of windows of one length and size."""

    def batch(arrays: list[np.ndarray]) -> torch.Tensor:
        return torch.from_numpy(np.stack(arrays))

    frames = FramesCondition(
        batch([w.noisy for w in windows]),
        batch([w.observed for w in windows]),
        batch([w.window.frame_times() for w in windows]).float(),
    )
    condition = Condition(
        frames,
        _sound_condition(windows),
        _prediction_condition(windows),
        _noise_condition(windows),
        torch.tensor([w.target == "ideal" for w in windows]),
    )
    return condition.to(device)


def _sound_condition(windows: Sequence[PreparedWindow]) -> SoundCondition | None:
    sounds = [w.sound for w in windows]
    present = [s for s in sounds if s is not None]
    if not present:
        return None
    silence = WindowSound(np.zeros_like(present[0].waveform), present[0].start, valid=False)
    filled = [silence if s is None else s for s in sounds]
    nowhere = np.full(2, np.inf, np.float32)
    states = states_start = None
    with_states = [s.states for s in filled if s.states is not None]
    if with_states:
        blank = np.zeros_like(with_states[0])
        parts = [blank if s.states is None else s.states for s in filled]
        states = torch.from_numpy(np.stack(parts))
        states_start = torch.tensor([s.states_start for s in filled], dtype=torch.float32)
    masked = None
    if any(s.masked is not None for s in filled):
        parts = [nowhere if s.masked is None else s.masked for s in filled]
        masked = torch.from_numpy(np.stack(parts))
    return SoundCondition(
        waveform=torch.from_numpy(np.stack([s.waveform for s in filled])),
        start=torch.tensor([s.start for s in filled], dtype=torch.float32),
        valid=torch.tensor([s.valid for s in filled]),
        masked=masked,
        states=states,
        states_start=states_start,
    )


def _prediction_condition(windows: Sequence[PreparedWindow]) -> PredictionCondition | None:
    if all(w.mean is None for w in windows):
        return None
    blank = np.zeros_like(windows[0].noisy)
    valid = [
        w.predicted is not None and w.mean is not None and (w.sound is None or w.sound.valid)
        for w in windows
    ]
    frames = None
    if any(valid):
        parts = [blank if w.predicted is None else w.predicted for w in windows]
        frames = torch.from_numpy(np.stack(parts).astype(np.float32, copy=False))
    means = [blank[0] if w.mean is None else w.mean for w in windows]
    return PredictionCondition(
        mean=torch.from_numpy(np.stack(means)),
        mean_valid=torch.tensor([w.mean is not None for w in windows]),
        frames=frames,
        frames_valid=torch.tensor(valid),
        skill=torch.tensor([w.skill for w in windows], dtype=torch.float32),
    )


def _noise_condition(windows: Sequence[PreparedWindow]) -> NoiseCondition | None:
    if all(w.noise is None for w in windows):
        return None
    blank = np.zeros(windows[0].noisy.shape[1:], np.float32)
    strength = [blank if w.noise is None else w.noise.strength for w in windows]
    facts = [(0.0,) * NOISE_FACTS if w.noise is None else w.noise.facts for w in windows]
    return NoiseCondition(
        torch.from_numpy(np.stack(strength)).float(),
        torch.tensor(facts, dtype=torch.float32),
        torch.tensor([w.noise is not None for w in windows]),
    )
