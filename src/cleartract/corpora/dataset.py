"""Windows of frames with their sound from a folder of recordings."""

from __future__ import annotations

import copy
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch.utils.data import Dataset

from cleartract.corpora.entries import Entry, find_entries
from cleartract.corpora.material import Degrade, Material, undegraded
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.denoising.noise_survey import NoisePass
from cleartract.denoising.prepared import PreparedRecording
from cleartract.denoising.prepared_window import PreparedWindow, weighed
from cleartract.denoising.survey import SoundReader, SurveyedSound, survey, survey_sound
from cleartract.recordings.intensity import Intensity
from cleartract.recordings.opening import open_source
from cleartract.recordings.recording import Recording
from cleartract.recordings.source import FrameSource, RecordingSource, in_memory
from cleartract.recordings.waveform import PreparedSound
from cleartract.recordings.windows import SlidingWindowTransform, Window


class _NoReader:
    """Prepares sound without any model: waveforms alone."""

    def features(self, sound: PreparedSound, times: np.ndarray) -> None:
        return None

    def states(self, sound: PreparedSound) -> None:
        return None

    def states_of_span(
        self, states: np.ndarray, start: int, samples: int
    ) -> tuple[np.ndarray, float]:
        raise ValueError("there are no states")


@dataclass(frozen=True)
class AVSample:
    """One window of a data set.

    Attributes:
        scan: What the scanner would show with full sampling and no noise, (frame, height, width)
            float32; the frames themselves for real recordings.
        ideal: The object itself, likewise.
        prepared: What is known of the window: degraded frames, sound, mean, prediction, noise.
    """

    scan: np.ndarray
    ideal: np.ndarray
    prepared: PreparedWindow

    @property
    def clean(self) -> np.ndarray:
        """The truth that its target asks for."""
        return self.scan if self.prepared.target == "scan" else self.ideal

    @property
    def noisy(self) -> np.ndarray:
        """Degraded frames, like `clean`."""
        return self.prepared.noisy

    @property
    def window(self) -> Window:
        """Where it lies in the recording."""
        return self.prepared.window

    @property
    def waveform(self) -> np.ndarray | None:
        """Its sound with context at 16 kHz, (sample,), or None."""
        return None if self.prepared.sound is None else self.prepared.sound.waveform


class _Loaded:
    """A recording in memory; each of its reconstructions is surveyed once."""

    def __init__(self, entry: Entry, reader: SoundReader, context: float):
        self.simulated: SimulatedRecording | None = None
        self.reader, self.context = reader, context
        self.surveys: dict[str, PreparedRecording] = {}
        if entry.simulated:
            self.simulated = SimulatedRecording.load(entry.path)
            self.names = sorted(self.simulated.reconstructions)
            self.sound = self._sound(RecordingSource(self.simulated.truth()))
            self.frames = self.simulated.clean
            self.truths = {name: self._truth(name) for name in self.names}
            return
        self.names = [""]
        source = open_source(entry.path)
        recording = in_memory(source)
        self.sound = self._sound(source)
        prepared = self._prepared(recording)
        self.surveys[""] = prepared
        self.frames = prepared.normalised(recording.frames)
        means = np.repeat(self.frames.mean(0)[None], 2, 0)
        self.truths = {"": (means, np.zeros(means.shape[1:], np.float32))}

    def _truth(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Means of object and scan, and the scan's movement as a survey measures noise."""
        assert self.simulated is not None
        scan = self.simulated.scans[name].astype(np.float32)
        means = np.stack([self.simulated.clean.mean(0, dtype=np.float32), scan.mean(0)])
        collected = NoisePass(scan.shape[1:])
        collected.add(scan, np.ones(len(scan), bool))
        found = collected.result()
        return means, np.zeros_like(means[0]) if found is None else found.strength

    def material(self, name: str, window: Window) -> tuple[Material, PreparedWindow]:
        """What a window of a reconstruction is made from, and what is known of it."""
        numbers = window.frame_indices(len(self.frames))
        recording, simulated = self.prepared(name), self.simulated
        ideal = scan = self.frames[numbers].astype(np.float32)
        error, intensity = None, Intensity(0.0, 1.0)
        if simulated is not None:
            scan = simulated.scans[name][numbers].astype(np.float32)
            error, intensity = simulated.error(name, numbers), recording.survey.intensity
        prepared = recording.window(window, scan)
        means, motion = self.truths[name]
        mean, predicted, noise = prepared.mean, prepared.predicted, prepared.noise
        return (
            Material(
                ideal,
                scan,
                error,
                None if mean is None else intensity.undo(mean),
                None if predicted is None else intensity.undo(predicted),
                means,
                None if noise is None else noise.scaled(intensity.scale),
                motion,
            ),
            prepared,
        )

    def _sound(self, source: FrameSource) -> SurveyedSound | None:
        return survey_sound(source, self.reader)

    def _prepared(self, recording: Recording) -> PreparedRecording:
        source = RecordingSource(recording)
        return PreparedRecording(survey(source, self.sound), self.sound, self.context)

    def prepared(self, name: str) -> PreparedRecording:
        """What is known of a reconstruction; a real recording has one, without a name."""
        if name not in self.surveys:
            assert self.simulated is not None
            self.surveys[name] = self._prepared(self.simulated.noisy(name))
        return self.surveys[name]

    @property
    def nbytes(self) -> int:
        others = self.simulated.reconstructions.values() if self.simulated else ()
        states = 0 if self.sound is None or self.sound.states is None else self.sound.states.nbytes
        moments = sum(
            part.cross.nbytes
            for prepared in self.surveys.values()
            if prepared.survey.prediction is not None
            for part in prepared.survey.prediction.left_out
        )
        scans = self.simulated.scans.values() if self.simulated else ()
        parts = sum(part.nbytes for part in (*others, *scans))
        return int(self.frames.nbytes + states + moments + parts)


class AVDataset(Dataset[AVSample]):
    """Windows of a simulated corpus, of the USC 75-speaker layout, or of AVI + WAV pairs.

    Args:
        folder: Searched with all its subfolders.
        split: `train`, `validation`, `test` or `all`; by speaker.
        windows: How recordings are cut.
        degrade: Makes a training window from its material; by default simulated recordings give one
            of their reconstructions, real ones themselves.
        context: Sound before and after the frames [s].
        seed: Seed of the degradation; item i is always the same.
        cache_bytes: Recordings kept in memory [bytes].
        reader: What a model makes of the sound of whole recordings; nothing by default.

    Raises:
        CorpusError: If the folder holds no recordings of this split.
    """

    def __init__(
        self,
        folder: str | Path,
        split: str = "train",
        windows: SlidingWindowTransform | None = None,
        degrade: Degrade | None = None,
        context: float = 0.12,
        seed: int = 0,
        cache_bytes: int = 8 << 30,
        reader: SoundReader | None = None,
    ):
        self.windows = windows or SlidingWindowTransform(8, 4)
        self.folder, self.degrade, self.context = Path(folder), degrade, context
        self.seed, self.cache_bytes = seed, cache_bytes
        self.reader: SoundReader = reader or _NoReader()
        self.entries = find_entries(self.folder, split)
        self._cache: OrderedDict[Path, _Loaded] = OrderedDict()
        self.index = [
            (entry, window)
            for entry in self.entries
            for window in self.windows.windows(entry.frames, entry.rate)
        ]

    def with_reader(self, reader: SoundReader, context: float) -> AVDataset:
        """The same windows, their sound read by a model; this data set stays as it is.

        Args:
            reader: What the model makes of sound.
            context: Sound before and after the frames that the model gets [s].
        """
        other = copy.copy(self)
        other.reader, other.context, other._cache = reader, context, OrderedDict()
        return other

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
        name = str(rng.choice(loaded.names)) if loaded.simulated else loaded.names[0]
        material, prepared = loaded.material(name, window)
        if material.predicted is not None and loaded.simulated is not None:
            first = int(rng.integers(entry.frames - window.frames + 1))
            elsewhere, _ = loaded.material(name, replace(window, first=first))
            material = replace(material, astray=elsewhere.predicted)
        made = (degrade or self.degrade or undegraded)(material, rng)
        prepared = replace(
            prepared,
            noisy=made.noisy,
            mean=made.mean,
            predicted=made.predicted,
            noise=made.noise,
            skill=prepared.skill * made.skill,
        )
        return AVSample(made.scan, made.ideal, weighed(prepared))

    def _load(self, entry: Entry) -> _Loaded:
        if entry.path in self._cache:
            self._cache.move_to_end(entry.path)
            return self._cache[entry.path]
        loaded = _Loaded(entry, self.reader, self.context)
        self._cache[entry.path] = loaded
        while sum(item.nbytes for item in self._cache.values()) > self.cache_bytes > 0:
            self._cache.popitem(last=False)
        return self._cache.get(entry.path, loaded)
