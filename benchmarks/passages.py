"""Passages of validation speakers, degraded alike for all models, of any window length."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cleartract.corpora.dataset import AVDataset, AVSample, _Loaded
from cleartract.corpora.entries import Entry
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.denoising.prepared import ModelSoundReader, window_sound
from cleartract.denoising.prepared_window import PreparedWindow, build_condition
from cleartract.denoising.settings import DenoiseSettings
from cleartract.denoising.survey import SurveyedSound
from cleartract.denoising.window_loop import sample_windows
from cleartract.evaluation.controls import lost_runs
from cleartract.model.model import Model
from cleartract.recordings.overlap_add import OverlapAdd
from cleartract.recordings.sound import ArraySound, whole
from cleartract.recordings.source import FrameSource, RecordingSource
from cleartract.recordings.spool import Spool
from cleartract.recordings.waveform import PreparedSound
from cleartract.recordings.windows import SlidingWindowTransform, Window
from cleartract.sound.log_mel import AUDIO_RATE
from cleartract.training.degradation import TrainingDegradation
from cleartract.training.varied_sound import VariedSoundReader

FRAMES = 40  # of a passage; the rest of the shortest recordings must suffice to learn from
SIZE = 42  # [pixels]
SOUNDS = ("matched", "null", "swapped")
KINDS = ("observed", "noisy", "lost")
"""Observed frames; those of the noisier half of the passages; lost frames."""
_CONTEXT = 0.5  # [s] of sound kept on both sides
_MOVING = 0.8  # quantile of the change over time: pixels that move more are where sound can matter
_SEED = 999


@dataclass(frozen=True)
class Passage:
    """Frames with a known truth.

    Attributes:
        matched: With its own sound, and the frames predicted from it.
        swapped: The same frames with another speaker's sound, and the frames predicted from that.
        observed: False where a frame is lost, (frame,) bool.
    """

    matched: AVSample
    swapped: AVSample
    observed: np.ndarray

    @property
    def noise(self) -> float:
        """Mean square error of the noisy frames where something moves."""
        error = (self.matched.noisy - self.matched.clean) ** 2
        return float(error[self.moving()].mean())

    def moving(self) -> np.ndarray:
        """Pixels that change most over time, (frame, height, width) bool."""
        spread = self.matched.clean.std(0)
        return np.broadcast_to(spread >= np.quantile(spread, _MOVING), self.matched.clean.shape)


def passage_psnr(
    model: Model, corpus: Path, count: int, windows: SlidingWindowTransform
) -> dict[str, float]:
    """PSNR at the moving pixels by kind of frame and by sound, one-step estimates [dB].

    Args:
        model: In evaluation mode.
        corpus: Simulated corpus; its validation speakers are used.
        count: Passages.
        windows: How passages are cut.
    """
    settings = DenoiseSettings(
        window_duration=windows.window_duration, step_duration=windows.step_duration
    )
    drawn = list(passages(model, corpus, count))
    noisier = np.median([passage.noise for passage in drawn])
    errors: dict[str, list[float]] = {f"{k} {s}": [] for k in KINDS for s in SOUNDS}
    for passage in drawn:
        moving, observed = passage.moving(), passage.observed
        for sound in SOUNDS:
            sample = passage.swapped if sound == "swapped" else passage.matched
            chosen = settings.model_copy(update={"use_audio": sound != "null"})
            error = (denoised(model, sample, observed, chosen) - sample.clean) ** 2
            errors[f"observed {sound}"].append(float(error[observed][moving[observed]].mean()))
            errors[f"lost {sound}"].append(float(error[~observed][moving[~observed]].mean()))
            if passage.noise >= noisier:
                errors[f"noisy {sound}"].append(errors[f"observed {sound}"][-1])
    return {name: -10 * math.log10(np.mean(values)) for name, values in errors.items()}


def passages(model: Model, corpus: Path, count: int) -> Iterator[Passage]:
    """The same windows, degradations and losses for every model; predictions are the model's."""
    kept, reader = SlidingWindowTransform(FRAMES, FRAMES), VariedSoundReader(model, _SEED)
    own, foreign = (
        kind(corpus, "validation", kept, context=_CONTEXT, reader=reader)
        for kind in (AVDataset, _Swapped)
    )
    degrade = TrainingDegradation(size=SIZE)
    for number in range(count):
        rng = np.random.default_rng([_SEED, number])
        entry = own.entries[number % len(own.entries)]
        first = int(rng.integers(entry.frames - FRAMES + 1))
        window = Window(first, FRAMES, entry.rate)

        def alike(clean, error, known, _, number=number):
            return degrade(clean, error, known, np.random.default_rng([_SEED, number, 1]))

        matched, swapped = (
            data.sample(entry, window, np.random.default_rng([_SEED, number, 2]), alike)
            for data in (own, foreign)
        )
        yield Passage(matched, swapped, ~lost_runs(FRAMES, number))


def denoised(
    model: Model, sample: AVSample, observed: np.ndarray, settings: DenoiseSettings
) -> np.ndarray:
    """A passage in overlapping windows, (frame, height, width)."""
    rate, total, known = sample.window.rate, len(sample.clean), sample.prepared
    sound = None
    if settings.use_audio and sample.waveform is not None:
        sound = _passage_sound(model, sample.waveform)
    predicted = None if sound is None else known.predicted
    blended = OverlapAdd(total, sample.clean.shape[1:], settings.blend)
    cut = SlidingWindowTransform(settings.window_duration, settings.step_duration)
    for window in cut.windows(total, rate):
        numbers = window.frame_indices(total)
        prepared = PreparedWindow(
            window,
            known.noisy[numbers],
            observed[numbers],
            None if sound is None else window_sound(sound, window, model.config.audio.context),
            known.mean,
            None if predicted is None else predicted[numbers],
        )
        condition = build_condition([prepared], model.device)
        result = sample_windows(model, condition, [numbers], settings)
        blended.add(result[0].cpu().numpy(), window.first)
    return blended.take(total)


def _passage_sound(model: Model, waveform: np.ndarray) -> SurveyedSound:
    """The sound of a passage, at the common loudness already, with its context before it."""
    spool, reader = Spool(), ModelSoundReader(model)
    spool.append(waveform)
    sound = PreparedSound(spool, AUDIO_RATE, 1.0)
    return SurveyedSound(sound.shifted(_CONTEXT), None, reader.states(sound), reader)


class _LoadedWithOther(_Loaded):
    """A recording with the sound of another, cut or repeated to its length."""

    def __init__(self, entry: Entry, other: Entry, data: AVDataset):
        self.other = other
        super().__init__(entry, data.reader, data.context)

    def _sound(self, source: FrameSource) -> SurveyedSound | None:
        own = source.sound
        if own is None or not isinstance(source, RecordingSource):
            return None
        audio = SimulatedRecording.load(self.other.path).audio
        source.sound = ArraySound(np.resize(audio, len(whole(own))), own.rate)
        return super()._sound(source)


class _Swapped(AVDataset):
    """Every recording with the sound of the next speaker."""

    def _load(self, entry: Entry) -> _Loaded:
        if entry.path not in self._cache:
            place = self.entries.index(entry)
            turned = self.entries[place:] + self.entries[:place]
            others = [item for item in turned if item.speaker != entry.speaker]
            if not others:
                raise SystemExit("the validation split needs two speakers: simulate 16 or more")
            self._cache[entry.path] = _LoadedWithOther(entry, others[0], self)
        return self._cache[entry.path]
