"""Windows of frames with their audio from a folder of recordings."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
from torch.utils.data import Dataset

from cleartract.corpora.entries import Entry, find_entries
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.recordings.intensity import Intensity
from cleartract.recordings.video_io import open_recording
from cleartract.recordings.waveform import prepared_audio
from cleartract.recordings.windows import SlidingWindowTransform, Window
from cleartract.sound.prediction import (
    FOLD,
    LEAST,
    MARGIN,
    Moments,
    learned_regression,
    shrunk,
)

Degrade = Callable[
    [np.ndarray, np.ndarray | None, np.ndarray | None, np.random.Generator],
    tuple[np.ndarray, np.ndarray, np.ndarray | None],
]
"""(clean frames, complex error or None, frames predicted from the sound or None, source of
randomness) -> (clean, noisy, predicted) frames."""

Articulation = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(waveform at the audio rate, times [s]) -> features in standard units, (time, feature)."""


class Speech(Protocol):
    """What reads a whole recording's sound once, for all of its windows."""

    def of_recording(self, audio: np.ndarray) -> np.ndarray:
        """(sample,) at the audio rate -> (token, state)."""
        ...

    def of_span(self, recorded: np.ndarray, start: int, samples: int) -> tuple[np.ndarray, float]:
        """Tokens of a span of samples, and the time of the first after its start [s]."""
        ...


@dataclass(frozen=True)
class AVSample:
    """One window of a data set.

    Attributes:
        clean: Target, (frame, height, width) float32; the frames themselves for real recordings.
        noisy: Degraded frames, same shape.
        window: Where it lies in the recording.
        waveform: Its sound with context, (sample,) float32, or None.
        waveform_start: Time of the first sample relative to the window's centre [s].
        acoustic: Frames predicted from the sound by the rest of the recording, or None.
        mean: Mean frame of that rest, (height, width), or None.
        hidden: What a speech model makes of the sound, (token, state), or None.
        hidden_start: Time of the first token relative to the window's centre [s].
    """

    clean: np.ndarray
    noisy: np.ndarray
    window: Window
    waveform: np.ndarray | None
    waveform_start: float
    acoustic: np.ndarray | None = None
    mean: np.ndarray | None = None
    hidden: np.ndarray | None = None
    hidden_start: float = 0.0


@dataclass(frozen=True)
class _Loaded:
    """A recording in memory, intensities normalised, sound at the encoder's rate."""

    clean: np.ndarray
    simulated: SimulatedRecording | None
    audio: np.ndarray | None
    features: np.ndarray | None
    hidden: np.ndarray | None
    acoustic: dict[str, tuple[Moments, np.ndarray] | None] = field(default_factory=dict)

    def noisy(self, name: str, frames: slice = slice(None)) -> np.ndarray:
        """Frames of a reconstruction, or the recording's own, (frame, height, width)."""
        if self.simulated is None:
            return self.clean[frames]
        parts = self.simulated.reconstructions[name][frames].astype(np.float32)
        return np.hypot(parts[:, 0], parts[:, 1])

    @property
    def nbytes(self) -> int:
        others = self.simulated.reconstructions.values() if self.simulated else ()
        hidden = 0 if self.hidden is None else self.hidden.nbytes
        return self.clean.nbytes + hidden + sum(part.nbytes for part in others)


class AVDataset(Dataset):
    """Windows of a simulated corpus, of the USC 75-speaker layout, or of AVI + WAV pairs.

    Args:
        folder: Searched with all its subfolders.
        split: `train`, `validation`, `test` or `all`; by speaker.
        windows: How recordings are cut.
        degrade: Makes (clean, noisy) from clean frames and the error of the reconstruction; by
            default simulated recordings give their first reconstruction, real ones themselves.
        audio_rate: Rate of the waveforms [Hz].
        context: Sound before and after the frames [s].
        seed: Seed of the degradation; item i is always the same.
        cache_bytes: Recordings kept in memory [bytes].
        articulation: Reads features off a sound; frames are then predicted from them.
        speech: Speech model that reads whole recordings; `Speech`.

    Raises:
        CorpusError: If the folder holds no recordings of this split.
    """

    def __init__(
        self,
        folder: str | Path,
        split: str = "train",
        windows: SlidingWindowTransform | None = None,
        degrade: Degrade | None = None,
        audio_rate: int = 16_000,
        context: float = 0.12,
        seed: int = 0,
        cache_bytes: int = 8 << 30,
        articulation: Articulation | None = None,
        speech: Speech | None = None,
    ):
        self.windows = windows or SlidingWindowTransform(8, 4)
        self.degrade, self.audio_rate, self.context = degrade, audio_rate, context
        self.seed, self.cache_bytes, self.articulation = seed, cache_bytes, articulation
        self.speech = speech
        self.entries = find_entries(Path(folder), split)
        self._cache: OrderedDict[Path, _Loaded] = OrderedDict()
        self.index = [
            (entry, window)
            for entry in self.entries
            for window in self.windows.windows(entry.frames, entry.rate)
        ]

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, item: int) -> AVSample:
        entry, window = self.index[item]
        return self.sample(entry, window, np.random.default_rng([self.seed, item]))

    def sample(
        self,
        entry: Entry,
        window: Window,
        rng: np.random.Generator,
        degrade: Degrade | None = None,
    ) -> AVSample:
        """A window of a recording, degraded with the given source of randomness."""
        loaded = self._load(entry)
        frames = window.frame_indices(len(loaded.clean))
        clean = loaded.clean[frames].astype(np.float32)
        error, noisy, name = None, clean, ""
        if loaded.simulated is not None:
            name = str(rng.choice(sorted(loaded.simulated.reconstructions)))
            error = loaded.simulated.error(name, frames)
            noisy = np.abs(clean + error)
        told = self._predicted(loaded, name, window, rng)
        degrade = degrade or self.degrade
        if degrade is not None:
            clean, noisy, told = degrade(clean, error, told, rng)
        waveform = None
        if loaded.audio is not None:
            waveform = window.audio(loaded.audio, self.audio_rate, self.context)
        start = window.audio_start(self.audio_rate, self.context)
        acoustic, mean = (None, None) if told is None else (told[:-1], told[-1])
        found = AVSample(clean, noisy, window, waveform, start, acoustic, mean)
        if loaded.hidden is None or self.speech is None:
            return found
        span = window.audio_span(self.audio_rate, self.context)
        hidden, later = self.speech.of_span(loaded.hidden, *span)
        return replace(found, hidden=hidden, hidden_start=start + later)

    def _predicted(
        self, loaded: _Loaded, name: str, window: Window, rng: np.random.Generator
    ) -> np.ndarray | None:
        """Frames of a window predicted from the sound by the recording without that window, and
        the mean frame of that rest behind them."""
        if loaded.features is None:
            return None
        rate, count = float(window.rate), len(loaded.clean)
        if name not in loaded.acoustic:
            loaded.acoustic[name] = learned_regression(loaded.features, loaded.noisy(name), rate)
        if (learned := loaded.acoustic[name]) is None:
            return None
        total, skill = learned
        margin = round(float(rng.uniform(MARGIN, 0.5 * FOLD)) * rate)
        near = slice(max(0, window.first - margin), window.first + window.frames + margin)
        rest = total - Moments.of(loaded.features[near], loaded.noisy(name, near))
        if rest.frames < LEAST:
            return None
        told = rest.predict(loaded.features[window.frame_indices(count)])
        return np.concatenate([shrunk(told, rest.mean(), skill), rest.mean()[None]])

    def _load(self, entry: Entry) -> _Loaded:
        if entry.path in self._cache:
            self._cache.move_to_end(entry.path)
            return self._cache[entry.path]
        if entry.simulated:
            simulated = SimulatedRecording.load(entry.path)
            audio = prepared_audio(simulated.audio, simulated.sample_rate, self.audio_rate)
            features = self._features(audio, len(simulated.clean), simulated.rate)
            loaded = _Loaded(simulated.clean, simulated, audio, features, self._hidden(audio))
        else:
            recording = open_recording(entry.path)
            clean = Intensity.of(recording.frames).apply(recording.frames)
            sound = recording.audio_at(self.audio_rate)
            features = self._features(sound, len(clean), recording.rate)
            loaded = _Loaded(clean, None, sound, features, self._hidden(sound))
        self._cache[entry.path] = loaded
        while sum(item.nbytes for item in self._cache.values()) > self.cache_bytes > 0:
            self._cache.popitem(last=False)
        return self._cache.get(entry.path, loaded)

    def _features(self, audio: np.ndarray | None, frames: int, rate: Fraction):
        if audio is None or self.articulation is None:
            return None
        return self.articulation(audio, (np.arange(frames) + 0.5) / float(rate))

    def _hidden(self, audio: np.ndarray | None) -> np.ndarray | None:
        return None if audio is None or self.speech is None else self.speech.of_recording(audio)
