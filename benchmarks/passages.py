"""Passages of validation speakers, degraded alike for all models, of any window length."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from cleartract.corpora.dataset import AVDataset, AVSample
from cleartract.corpora.entries import Entry
from cleartract.denoising.settings import DenoiseSettings
from cleartract.denoising.window_loop import Sound, sample_windows, window_condition
from cleartract.evaluation.controls import lost_runs
from cleartract.model.model import Model
from cleartract.recordings.windows import OverlapAdd, SlidingWindowTransform, Window
from cleartract.sound.log_mel import AUDIO_RATE
from cleartract.training.degradation import TrainingDegradation
from cleartract.training.varied_sound import varied_articulation

FRAMES = 40  # of a passage; the rest of the shortest recordings must suffice to learn from
SIZE = 42  # [pixels]
SOUNDS = ("matched", "null", "swapped")
KINDS = ("given", "noisy", "lost")
"""Frames that are given; those of the noisier half of the passages; those that are lost."""
_CONTEXT = 0.5  # [s] of sound kept on both sides
_MOVING = 0.8  # quantile of the change over time: pixels that move more are where sound can matter
_SEED = 999


@dataclass(frozen=True)
class Passage:
    """Frames with a known truth.

    Attributes:
        matched: With its own sound and what that tells.
        swapped: The same frames with another speaker's sound and what that tells.
        given: False where a frame is lost, (frame,) bool.
    """

    matched: AVSample
    swapped: AVSample
    given: np.ndarray

    @property
    def noise(self) -> float:
        """Mean square error of the noisy frames where something moves."""
        error = (self.matched.noisy - self.matched.clean) ** 2
        return float(error[self.moving()].mean())

    def moving(self) -> np.ndarray:
        """Pixels that change most over time, (frame, height, width) bool."""
        spread = self.matched.clean.std(0)
        return np.broadcast_to(spread >= np.quantile(spread, _MOVING), self.matched.clean.shape)


def figures(
    model: Model, corpus: Path, count: int, windows: SlidingWindowTransform, blend: str = "hann"
) -> dict[str, float]:
    """PSNR at the moving pixels by kind of frame and by sound, one-step estimates [dB].

    Args:
        model: In evaluation mode.
        corpus: Simulated corpus; its validation speakers are used.
        count: Passages.
        windows: How passages are cut.
        blend: Weights of the overlap-add.
    """
    settings = DenoiseSettings(
        window_duration=windows.window_duration, step_duration=windows.step_duration, blend=blend
    )
    found = list(passages(model, corpus, count))
    noisier = np.median([passage.noise for passage in found])
    errors: dict[str, list[float]] = {f"{k} {s}": [] for k in KINDS for s in SOUNDS}
    for passage in found:
        moving, given = passage.moving(), passage.given
        for sound in SOUNDS:
            sample = passage.swapped if sound == "swapped" else passage.matched
            result = denoised(model, sample, given, settings, sound != "null")
            error = (result - sample.clean) ** 2
            errors[f"given {sound}"].append(float(error[given][moving[given]].mean()))
            errors[f"lost {sound}"].append(float(error[~given][moving[~given]].mean()))
            if passage.noise >= noisier:
                errors[f"noisy {sound}"].append(errors[f"given {sound}"][-1])
    return {name: -10 * math.log10(np.mean(values)) for name, values in errors.items()}


def passages(model: Model, corpus: Path, count: int) -> Iterator[Passage]:
    """The same windows, degradations and losses for every model; what is told is the model's."""
    kept = SlidingWindowTransform(FRAMES, FRAMES)
    own, foreign = (
        kind(corpus, "validation", kept, context=_CONTEXT) for kind in (AVDataset, _Swapped)
    )
    if model.inversion is not None:
        own.articulation = foreign.articulation = varied_articulation(model.inversion, _SEED)
    degrade = TrainingDegradation(size=SIZE)
    for number in range(count):
        rng = np.random.default_rng([_SEED, number])
        entry = own.entries[number % len(own.entries)]
        first = int(rng.integers(entry.frames - FRAMES + 1))
        window = Window(first, FRAMES, entry.rate)

        def alike(clean, error, told, _, number=number):
            return degrade(clean, error, told, np.random.default_rng([_SEED, number, 1]))

        matched, swapped = (
            data.sample(entry, window, np.random.default_rng([_SEED, number, 2]), alike)
            for data in (own, foreign)
        )
        yield Passage(matched, swapped, ~lost_runs(FRAMES, number))


@torch.inference_mode()
def denoised(
    model: Model, sample: AVSample, given: np.ndarray, settings: DenoiseSettings, hears: bool
) -> np.ndarray:
    """A passage in overlapping windows, (frame, height, width)."""
    rate, total = sample.window.rate, len(sample.clean)
    before = math.ceil(_CONTEXT * rate)  # [frames] that are not there, but whose sound is
    empty = ((before, before), (0, 0), (0, 0))
    sound, told = None, None
    if hears and sample.waveform is not None:
        silent = round(before / rate * AUDIO_RATE) - round(_CONTEXT * AUDIO_RATE)
        sound = Sound.of(np.pad(sample.waveform, (silent, 0)), model)
        told = None if sample.acoustic is None else np.pad(sample.acoustic, empty)
    cut = SlidingWindowTransform(settings.window_duration, settings.step_duration)
    blended = OverlapAdd(total, sample.clean.shape[1:], settings.blend)
    noisy, known = np.pad(sample.noisy, empty), np.pad(given, before)
    for window in cut.windows(total, rate):
        later = [replace(window, first=window.first + before)]
        condition = window_condition(
            later, noisy, sound, model.config.audio.context, torch.device("cpu"), known,
            sample.mean, told,
        )  # fmt: skip
        result = sample_windows(model, condition, later, len(noisy), settings)
        blended.add(result[0].numpy(), window.first)
    return blended.result()


class _Swapped(AVDataset):
    """Every recording with the sound of the next speaker, cut or repeated to its length."""

    def _load(self, entry: Entry):
        own = super()._load(entry)
        if entry.path not in self._foreign:
            place = self.entries.index(entry)
            turned = self.entries[place:] + self.entries[:place]
            others = [item for item in turned if item.speaker != entry.speaker]
            if not others:
                raise SystemExit("the validation split needs two speakers: simulate 16 or more")
            other = others[0]
            audio = np.resize(super()._load(other).audio, len(own.audio))
            features = self._features(audio, len(own.clean), entry.rate)
            self._foreign[entry.path] = replace(own, audio=audio, features=features, acoustic={})
        return self._foreign[entry.path]

    @property
    def _foreign(self) -> dict:
        return self.__dict__.setdefault("_foreign_sound", {})
