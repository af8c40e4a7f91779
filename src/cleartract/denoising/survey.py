"""The first pass over a recording: all that restoring needs of the whole.

It reads the recording once, in chunks, and what it keeps does not grow with the length.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np

from cleartract.denoising.noise_survey import Noise, NoisePass, SpikePass
from cleartract.denoising.posture import Posture, PosturePass
from cleartract.errors import RecordingError, WindowError
from cleartract.recordings.borders import Borders, empty_borders
from cleartract.recordings.intensity import Intensity, ValueHistogram
from cleartract.recordings.source import FrameSource
from cleartract.recordings.spool import Spool
from cleartract.recordings.waveform import PreparedSound
from cleartract.sound.gaps import gap_weights
from cleartract.sound.inversion import PARAMETERS
from cleartract.sound.log_mel import AUDIO_RATE
from cleartract.sound.moments import FOLDS, Folds, MomentsPass
from cleartract.sound.offset import FrameSpeed, Offset, offset_of
from cleartract.sound.prediction import LEAST, SoundPrediction, finished_prediction
from cleartract.sound.spectrum import COMPONENTS, spectral_components

_PIXELS = 10_000  # of a frame, beyond which the regression has fewer folds
_LISTED = 10  # frames that a message names
_FIRST = 400  # [frames] that show borders, movement and what is usual


class SoundReader(Protocol):
    """What a model makes of the sound of a whole recording."""

    def features(self, sound: PreparedSound, times: np.ndarray) -> Iterator[np.ndarray] | None:
        """Articulation in standard units at some times [s], in parts (time, feature), or None."""
        ...

    def states(self, sound: PreparedSound) -> np.ndarray | None:
        """Hidden states of a frozen speech model, (token, state), or None."""
        ...

    def states_of_span(
        self, states: np.ndarray, start: int, samples: int
    ) -> tuple[np.ndarray, float]:
        """Those of a span of samples, and the time of the first after its start [s]."""
        ...


@dataclass(frozen=True)
class Survey:
    """What restoring needs of a whole recording.

    Attributes:
        frames: Number of frames [frames].
        size: (height, width) [pixels].
        rate: Frames per second, exact.
        intensity: Scale of the recording.
        minimum: Lowest value, in the recording's unit.
        maximum: Highest value.
        bright: 99.9th percentile.
        borders: Rows and columns without image.
        mean: Mean frame, normalised, (height, width); None where too few frames are observed.
        noise: Its noise, in the recording's unit, or None.
        spikes: Frames with spikes.
        lost: Frames that were declared lost, or are treated so.
        prediction: Regression of the frames on the sound, or None.
        gap_weights: What it adds to interpolation over gaps, see `sound.gaps`.
        offset: How late the sound is, or None where that cannot be estimated.
        posture: How its frames change, or None where they do not.
        blank: Frames that have one value everywhere.
    """

    frames: int
    size: tuple[int, int]
    rate: Fraction
    intensity: Intensity
    minimum: float
    maximum: float
    bright: float
    borders: Borders
    mean: np.ndarray | None
    noise: Noise | None
    spikes: tuple[int, ...]
    lost: tuple[int, ...]
    prediction: SoundPrediction | None
    offset: Offset | None
    posture: Posture | None = None
    gap_weights: tuple[float, ...] = ()
    blank: tuple[int, ...] = ()

    def observed(self, numbers: np.ndarray) -> np.ndarray:
        """Which of some frames are observed, (frame,) bool."""
        return ~np.isin(numbers, self.lost)


@dataclass(frozen=True)
class SurveyedSound:
    """Sound of a recording as a model uses it.

    Attributes:
        sound: At the encoders' rate.
        features: Articulation and spectrum of every frame, (frame, feature), or None.
        states: Hidden states of a frozen speech model, (token, state), or None.
        reader: What made them.
    """

    sound: PreparedSound
    features: Spool | None
    states: np.ndarray | None
    reader: SoundReader


def survey_sound(
    source: FrameSource, reader: SoundReader, audio_offset: float = 0.0
) -> SurveyedSound | None:
    """Prepare the sound of a recording.

    Args:
        source: The recording.
        reader: What a model makes of sound.
        audio_offset: How late the sound is against the frames [s].

    Returns:
        None where the recording has no sound.
    """
    if source.sound is None:
        return None
    sound = PreparedSound.of(source.sound, AUDIO_RATE).shifted(audio_offset)
    times = (np.arange(source.count) + 0.5) / float(source.rate)
    parts, features = reader.features(sound, times), None
    if parts is not None:
        features, articulation = Spool(PARAMETERS + COMPONENTS), Spool(PARAMETERS)
        for part in parts:
            articulation.append(part)
        for part in spectral_components(sound, times):
            told = articulation.span(len(features), len(part))
            features.append(np.concatenate([told, part], 1))
    return SurveyedSound(sound, features, reader.states(sound), reader)


def survey(
    source: FrameSource,
    surveyed: SurveyedSound | None = None,
    lost: tuple[int, ...] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Survey:
    """Read a recording once.

    Args:
        source: The recording.
        surveyed: Its sound, or None to do without.
        lost: Frames that are lost [frames].
        progress: Called with frames read and frames in all.

    Raises:
        RecordingError: If the recording cannot be read or holds values that are not finite.
        WindowError: If a lost frame lies outside of the recording, or all are lost.
    """
    if wrong := [frame for frame in lost if not 0 <= frame < source.count]:
        raise WindowError(
            f"lost frame {wrong[0]}: the recording has frames 0 to {source.count - 1}"
        )
    chunks = _finite_chunks(source)
    first, chunks = _beginning(source, chunks)
    seen_first = ~np.isin(np.arange(len(first)), lost)
    borders = empty_borders(first[seen_first])
    values, noise, posture = ValueHistogram(), NoisePass(source.size), PosturePass(source.size)
    everything = ValueHistogram() if lost else values
    spikes = SpikePass(borders.replicated(first))
    speed = FrameSpeed(borders.replicated(first), float(source.rate))
    features = surveyed.features if surveyed is not None else None
    count_of_features = features.columns if features is not None else 0
    pixels = source.size[0] * source.size[1]  # large frames have fewer folds, for memory
    folds = Folds.of(source.count, source.rate, int(np.clip(FOLDS * _PIXELS / pixels, 8, FOLDS)))
    moments = MomentsPass(folds, count_of_features, source.size) if features is not None else None
    total, observed, position = np.zeros(source.size), 0, 0
    blank: list[int] = []
    for chunk in chunks:
        seen = ~np.isin(np.arange(position, position + len(chunk)), lost)
        image = borders.replicated(chunk)
        if seen.any():
            values.add(image[seen])
            posture.add(image[seen])
        if lost:
            everything.add(chunk)
        noise.add(image, seen)
        spikes.add(image)
        speed.add(image)
        flat = chunk.max((1, 2)) == chunk.min((1, 2))
        blank += [position + int(frame) for frame in np.flatnonzero(flat & seen)]
        total += image[seen].sum(0, dtype=np.float64)
        observed += int(seen.sum())
        if moments is not None and features is not None:
            moments.add(position, features.span(position, len(chunk)), image, seen)
        position += len(chunk)
        if progress:
            progress(position, source.count)
    if not observed:
        raise WindowError("every frame is declared lost; nothing is left to restore from")
    intensity = values.intensity()
    prediction = None
    weights: tuple[float, ...] = ()
    if moments is not None:
        prediction = finished_prediction(moments, intensity.offset, intensity.scale)
    if prediction is not None and features is not None:
        told = prediction.frames(features.span(0, len(first)), np.arange(len(first)))
        shown = intensity.apply(borders.replicated(first))
        weights = gap_weights(shown, told, seen_first)
    offset = None
    if surveyed is not None:
        offset = offset_of(speed.result(), float(source.rate), surveyed.sound)
    return Survey(
        frames=position,
        size=source.size,
        rate=source.rate,
        intensity=intensity,
        minimum=everything.minimum,
        maximum=values.maximum,
        bright=values.percentile(99.9),
        borders=borders,
        mean=intensity.apply(total / observed) if observed >= LEAST else None,
        noise=noise.result(),
        spikes=spikes.result(),
        lost=tuple(sorted(set(lost))),
        prediction=prediction,
        offset=offset,
        posture=posture.result(),
        gap_weights=weights,
        blank=tuple(blank),
    )


def _finite_chunks(source: FrameSource) -> Iterator[np.ndarray]:
    first, chunks = 0, source.chunks()
    for chunk in chunks:
        if not np.isfinite(chunk).all():
            _refuse_wrong(source.name, first, itertools.chain([chunk], chunks))
        first += len(chunk)
        yield chunk


def _refuse_wrong(name: str, first: int, chunks: Iterator[np.ndarray]) -> None:
    """Name the frames that hold values that are not finite."""
    wrong: list[int] = []
    for chunk in chunks:
        wrong += [first + int(n) for n in np.flatnonzero(~np.isfinite(chunk).all((1, 2)))]
        first += len(chunk)
    listed = ",".join(map(str, wrong[:_LISTED]))
    more = f" and {len(wrong) - _LISTED} more" if len(wrong) > _LISTED else ""
    held = f"frame{'s' * (len(wrong) > 1)} {listed}{more} hold{'s' * (len(wrong) == 1)}"
    raise RecordingError(
        f"{name}: {held} values that are not finite; give --lost {listed}{',...' * bool(more)} to make "
        "them from the others, or repair them"
    )


def _beginning(
    source: FrameSource, chunks: Iterator[np.ndarray]
) -> tuple[np.ndarray, Iterator[np.ndarray]]:
    """The first frames, and all of them."""
    held: list[np.ndarray] = []
    while sum(len(chunk) for chunk in held) < min(_FIRST, source.count):
        chunk = next(chunks, None)
        if chunk is None:
            break
        held.append(chunk)
    if not held:
        raise RecordingError(f"{source.name}: holds no frames")
    return np.concatenate(held)[:_FIRST], itertools.chain(held, chunks)
