"""What is said about a recording before the work: on the command line, in dry runs, and in Python."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from cleartract.denoising.prepared import PreparedRecording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.denoising.survey import Survey
from cleartract.model.model import Model
from cleartract.recordings.formats import VIDEO_SUFFIXES
from cleartract.recordings.sound import Sound
from cleartract.recordings.source import FrameSource, start_of
from cleartract.recordings.video_writer import preferred_codec
from cleartract.recordings.windows import SlidingWindowTransform

_DIFFERENT = 0.01  # of the frames' duration: sound longer or shorter by more is told
_TELLING = 3.0  # [s] of a recording, before which sound may well explain nothing
_DIFFERENT_SECONDS = 0.1  # [s], and by more than this
_SIZES, _RATES, _NOISIEST = (48, 192), (10, 120), 0.3  # that the training saw, about


def remarks(
    source: FrameSource,
    samples: int,
    prepared: PreparedRecording,
    model: Model,
    settings: DenoiseSettings,
    corrected: float = 0.0,
    spikes_lost: bool = False,
) -> Iterator[str]:
    """All there is to say about a recording before it is denoised, in the words of the command line.

    Args:
        source: The recording.
        samples: Length of its sound [samples].
        prepared: What the survey found.
        model: With which it is denoised.
        settings: How.
        corrected: How late the sound was said to be [s].
        spikes_lost: Whether frames with spikes are treated as lost.
    """
    survey = prepared.survey
    if source.sound is None:
        yield "no sound found: the model works without audio"
    elif not settings.use_audio:
        yield "the sound is not used (--no-audio)"
    if (text := window_warning(source.count, source.rate, settings)) is not None:
        yield text
    yield from target_warnings(model, settings)
    yield from source.provenance.get("warnings", [])
    if survey.frames != source.count:
        yield f"only {survey.frames} of {source.count} frames can be decoded"
    yield from survey_warnings(prepared, corrected, spikes_lost)
    yield from unfamiliar_warnings(survey)
    yield from sound_warnings(survey.frames / survey.rate, source.sound, samples)


def in_python(text: str) -> str:
    """A remark with the arguments of Python in place of the options of the command line."""
    text = re.sub(r"--audio-offset (-?\d+)", lambda ms: f"audio_offset={int(ms[1]) / 1000:g}", text)
    text = text.replace("--audio-offset", "audio_offset=").replace("--no-audio", "use_audio=False")
    text = text.replace("kept; try --lost auto", "kept; observed= can declare them lost")
    return re.sub(r"--lost (\w)", r"observed= \1", text)


def window_warning(count: int, rate: Fraction, settings: DenoiseSettings) -> str | None:
    """What to say about windows that are longer than a recording of some frames."""
    cut = SlidingWindowTransform(settings.window_duration, settings.step_duration)
    if (frames := cut.window_frames(rate)) <= count:
        return None
    return (
        f"a window of {frames} frames is longer than the recording of {count}: its end is "
        "filled with frames in reverse order"
    )


def target_warnings(model: Model, settings: DenoiseSettings) -> list[str]:
    """What to say about the target, with these weights."""
    if not model.config.unet.noise:
        return ["these weights know no target but ideal: what they take away may be anatomy"]
    if settings.target == "ideal":
        return ["target ideal: artefacts that never change are taken away in the model's opinion"]
    return []


def survey_warnings(prepared: PreparedRecording, corrected: float, spikes_lost: bool) -> list[str]:
    """What to say about a recording.

    Args:
        prepared: The recording.
        corrected: How late the sound was said to be [s].
        spikes_lost: Whether frames with spikes are treated as lost.
    """
    warnings: list[str] = []
    survey = prepared.survey
    long = float(survey.frames / survey.rate) >= _TELLING
    if survey.prediction is not None and prepared.sound_skill == 0 and long:
        warnings.append(
            "the sound explains nothing of what moves: the result is that without sound; "
            "is it this recording's, and in time (--audio-offset)?"
        )
    if survey.offset is not None:  # measured after the correction
        whole = replace(survey.offset, seconds=survey.offset.seconds + corrected)
        if text := whole.warning(1 / float(survey.rate), corrected):
            warnings.append(text)
    if borders := survey.borders.described():
        warnings.append(f"no image in {borders} (random values): left as they are")
    if survey.spikes:
        done = "treated as lost" if spikes_lost else "kept; try --lost auto"
        warnings.append(f"spikes in {_named(survey.spikes)}: {done}")
    if survey.blank:
        warnings.append(
            f"no image in {_named(survey.blank)}; --lost restores such frames from the others"
        )
    return warnings


def _named(frames: tuple[int, ...]) -> str:
    """`frame 3`, `frames 3, 4`; of many the first ten."""
    named = ", ".join(str(frame) for frame in frames[:10])
    more = f" and {len(frames) - 10} more" if len(frames) > 10 else ""
    return f"frame{'s' * (len(frames) > 1)} {named}{more}"


def sound_warnings(duration: Fraction, sound: Sound | None, samples: int) -> list[str]:
    """What to say about sound that starts or ends elsewhere than the frames.

    Args:
        duration: Of the frames [s].
        sound: Their sound, or None.
        samples: Its length, from the beginning of the first frame [samples].
    """
    if sound is None:
        return []
    start, end, shown = start_of(sound), samples / sound.rate, float(duration)
    apart = end - shown
    elsewhere = abs(apart) > max(_DIFFERENT * shown, _DIFFERENT_SECONDS)
    if abs(start) > _DIFFERENT_SECONDS:
        text = f"the sound starts {_seconds_from(start)} the first frame"
        return [text + (f" and ends {_seconds_from(apart)} the last one" if elsewhere else "")]
    if not elsewhere:
        return []
    return [
        f"the sound is {'longer' if apart > 0 else 'shorter'} than the frames: {end:.2f} s of sound, "
        f"{shown:.2f} s of frames; is it this recording's?"
    ]


def _seconds_from(seconds: float) -> str:
    """`0.20 s after`, `0.20 s before`."""
    return f"{abs(seconds):.2f} s {'after' if seconds > 0 else 'before'}"


def unfamiliar_warnings(survey: Survey) -> list[str]:
    """What to say about a recording far from all that the shipped weights were trained on."""
    warnings = unfamiliar_shape_warnings(survey.size, survey.rate)
    if survey.noise is not None:
        noise = survey.noise.level / max(survey.intensity.scale, 1e-12)
        if noise > _NOISIEST:
            warnings.append(
                f"the noise is {100 * noise:.0f} % of the brightest tissue: beyond {100 * _NOISIEST:.0f} % "
                "the weights were not trained; believe no detail"
            )
    return warnings


def unfamiliar_shape_warnings(size: tuple[int, int], exact: Fraction) -> list[str]:
    """What to say about frames of a size (height, width) and rate that the weights do not know."""
    warnings = []
    height, width = size
    rate = float(exact)
    if not all(_SIZES[0] <= side <= _SIZES[1] for side in size):
        warnings.append(
            f"frames of {width}x{height} pixels are unfamiliar: the weights know "
            f"{_SIZES[0]} to {_SIZES[1]}; compare the result with the input"
        )
    if not _RATES[0] <= rate <= _RATES[1]:
        warnings.append(
            f"{rate:.4g} frames a second are unfamiliar: the weights know {_RATES[0]} to {_RATES[1]}; "
            "compare the result with the input"
        )
    return warnings


def result_warnings(size: tuple[int, int], result: Path) -> list[str]:
    """What to say about a result that cannot keep the size (height, width) of the frames."""
    height, width = size
    if result.suffix.lower() in VIDEO_SUFFIXES and preferred_codec(result) == "libx264":
        padded = height + height % 2, width + width % 2
        if padded != size:
            return [
                f"H.264 holds even sizes only: the result is padded from {width}x{height} to "
                f"{padded[1]}x{padded[0]} pixels (at the right and the bottom)"
            ]
    return []
