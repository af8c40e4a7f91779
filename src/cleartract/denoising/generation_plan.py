"""What is made from a sound, and what is refused and said before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cleartract.denoising.remarks import (
    sound_warnings,
    unfamiliar_shape_warnings,
    window_warning,
)
from cleartract.denoising.settings import GenerateSettings
from cleartract.errors import UsageError
from cleartract.model.model import Model
from cleartract.recordings.recording import Recording
from cleartract.recordings.sound import ArraySound
from cleartract.sound.offset import estimate_offset
from cleartract.types import exact_rate

RATE, SIZE = Fraction(65040, 781), 84  # where neither settings nor a reference say
LEARNABLE = 1.0  # [s] of a reference recording, below which it shows one posture only
_ALONE = "how its speaker moves cannot be learned; one frame alone is used"


@dataclass(frozen=True)
class GenerationPlan:
    """Frames that will be made.

    Attributes:
        frames: How many [frames].
        rate: Frames per second, exact.
        size: (height, width) [pixels].
    """

    frames: int
    rate: Fraction
    size: tuple[int, int]

    @classmethod
    def of(
        cls,
        samples: int,
        sample_rate: int,
        model: Model,
        settings: GenerateSettings,
        reference: Recording | np.ndarray | None,
    ) -> GenerationPlan:
        """Plan the frames for a sound.

        Args:
            samples: Length of the sound [samples].
            sample_rate: Its rate [Hz].
            model: With which frames are made.
            settings: How.
            reference: The speaker to look like: a recording or a frame (height, width).

        Raises:
            UsageError: If the model has no audio encoder, the sound is shorter than a frame,
                several samples are wanted, or size and reference are both given.
        """
        if model.audio is None and settings.use_audio:
            raise UsageError(
                "these weights have no audio encoder; choose weights trained with audio"
            )
        if reference is not None and settings.size is not None:
            raise UsageError("--size is that of the reference; give one of both")
        if settings.samples > 1:
            raise UsageError("samples: generation makes one sample; change the seed for others")
        rate, side = RATE, settings.size or SIZE
        if settings.rate is not None:
            rate = exact_rate(settings.rate)
        elif isinstance(reference, Recording):
            rate = reference.rate
        frames = int(Fraction(samples, sample_rate) * rate)
        if frames < 1:
            raise UsageError("the sound is shorter than one frame")
        if reference is None:
            return cls(frames, rate, (side, side))
        shown = reference.frames[0] if isinstance(reference, Recording) else reference
        return cls(frames, rate, (shown.shape[0], shown.shape[1]))

    def remarks(
        self,
        model: Model,
        settings: GenerateSettings,
        reference: Recording | np.ndarray | None,
    ) -> Iterator[str]:
        """All there is to say before, in the words of the command line; arguments as in `of`."""
        if not settings.use_audio:
            yield "the sound is not used (--no-audio)"
        elif isinstance(reference, Recording):
            yield from reference_warnings(reference, model)
        elif reference is None and not model.config.default_speaker:
            yield "these weights have no default speaker: give a reference"
        yield from unfamiliar_shape_warnings(self.size, self.rate)
        if (text := window_warning(self.frames, self.rate, settings)) is not None:
            yield text


def learnable(model: Model, reference: Recording, settings: GenerateSettings) -> bool:
    """Whether the relation of sound and frames can be learned from a recording."""
    usable = settings.use_audio and model.inversion is not None
    return usable and reference.audio is not None and reference.duration >= LEARNABLE


def reference_warnings(reference: Recording, model: Model) -> Iterator[str]:
    """What to say about a recording that a speaker is learned from."""
    if reference.sound is None:
        yield f"the reference has no sound: {_ALONE}"
        return
    if reference.duration < LEARNABLE:
        shown = f"{reference.duration:.2f} s, less than {LEARNABLE:g} s"
        yield f"the reference is too short ({shown}): {_ALONE}"
        return
    if model.inversion is None:
        yield f"these weights read no articulation from a reference: {_ALONE}"
        return
    sound = ArraySound(*reference.sound)
    for text in sound_warnings(len(reference) / reference.rate, sound, len(sound.samples)):
        yield f"reference: {text}"
    if (late := estimate_offset(reference)) is not None:
        frame = 1 / float(reference.rate)
        if late.beyond(frame) and not late.natural:
            yield (
                f"the sound of the reference seems to be {1000 * abs(late.seconds):.0f} ms "
                f"{'late' if late.seconds > 0 else 'early'} (+-{1000 * late.error:.0f}): what moves "
                "is learned from sound of another moment; put it in time first"
            )
