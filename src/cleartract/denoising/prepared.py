"""A recording ready for the model: the only place that scales intensities and cuts sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from cleartract.denoising.noise_survey import Noise
from cleartract.denoising.prepared_window import NO_SKILL, PreparedWindow, WindowSound, weighed
from cleartract.denoising.residual import at_rest
from cleartract.denoising.settings import DenoiseSettings, Target
from cleartract.denoising.survey import (
    Survey,
    SurveyedSound,
    survey,
    survey_sound,
)
from cleartract.model.model import Model
from cleartract.recordings.source import FrameSource
from cleartract.recordings.windows import Window
from cleartract.sound.gaps import tempered
from cleartract.sound.log_mel import AUDIO_RATE

LEAST_MOVEMENT = 0.05  # of the variance: less cannot be told from an error of the noise
CHANCE = 0.3  # [s]: sound of something else explains up to this over the length of the recording


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

    def window(
        self, window: Window, noisy: np.ndarray, shown: np.ndarray | None = None
    ) -> PreparedWindow:
        """A window with its normalised noisy frames (frame, height, width).

        Args:
            window: Where it lies.
            noisy: Its frames.
            shown: Which of them are shown to the model, (frame,) bool; all that are there by default.
        """
        numbers = window.frame_indices(self.survey.frames)
        observed, prediction = self.survey.observed(numbers), self.survey.prediction
        if shown is not None:
            observed = observed & shown
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
        prediction = self.survey.prediction
        if prediction is None or prediction.explained < self._chance:
            return 0.0
        return prediction.explained

    @cached_property
    def _chance(self) -> float:
        """Share that sound of something else may explain: of what moves, and nothing of the noise."""
        prediction, survey = self.survey.prediction, self.survey
        chance = NO_SKILL + CHANCE * float(survey.rate) / survey.frames
        if self.noise is None or prediction is None:
            return chance
        noise = at_rest(self.noise.strength)[prediction.moving]
        movement = 1 - float(np.mean(noise**2)) / max(prediction.variance, 1e-20)
        return max(chance * float(np.clip(movement, LEAST_MOVEMENT, 1)), NO_SKILL)

    @property
    def sound_used(self) -> bool:
        """Whether the sound has a part in the result: not where it was measured to tell nothing."""
        if self.sound is None:
            return False
        measured = self.survey.prediction is not None and self.sound.features is not None
        return not measured or self.sound_skill > 0

    @cached_property
    def noise(self) -> Noise | None:
        """Its noise, normalised."""
        noise = self.survey.noise
        return None if noise is None else noise.scaled(1 / self.survey.intensity.scale)


def window_sound(sound: SurveyedSound, window: Window, context: float) -> WindowSound:
    """The sound of a window with its context [s]."""
    start, count = window.audio_span(AUDIO_RATE, context)
    begins = window.audio_start(AUDIO_RATE, context)
    waveform = sound.sound.span(start, count)
    if sound.states is None:
        return WindowSound(waveform, begins)
    states, later = sound.reader.states_of_span(sound.states, start, count)
    return WindowSound(waveform, begins, states, begins + later)
