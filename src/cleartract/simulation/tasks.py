"""The recordings of a corpus: who speaks, and in which split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cleartract.corpora.simulated import Kind, simulated_path
from cleartract.simulation.settings import CorpusSettings


@dataclass(frozen=True)
class Task:
    """One recording to simulate.

    Attributes:
        speaker: Number of the speaker, from 0.
        index: Number of the recording of this speaker, from 0.
        split: `train`, `validation` or `test`.
        kind: With frames, or sound and motor trajectory only.
    """

    speaker: int
    index: int
    split: str
    kind: Kind = "recording"

    def path(self, folder: Path) -> Path:
        """Where the recording lies."""
        return simulated_path(folder, self.speaker, self.index, self.kind)


def split_of(speaker: int, speakers: int) -> str:
    """Split of a speaker: every eighth is for the test, every eighth for validation."""
    if speakers >= 3:
        if speaker % 8 == 2:
            return "test"
        if speaker % 8 == 1:
            return "validation"
    return "train"


def tasks(settings: CorpusSettings) -> list[Task]:
    """All recordings of a corpus, speakers in turn."""
    each = max(1, round(settings.minutes * 60 / settings.seconds / settings.speakers))
    kind: Kind = "speech" if settings.sound_only else "recording"
    return [
        Task(speaker, index, split_of(speaker, settings.speakers), kind)
        for index in range(each)
        for speaker in range(settings.speakers)
    ]


def raw_path(recording: Path) -> Path:
    """Where the raw data of a simulated recording lie."""
    return recording.with_name(f"{recording.stem}_raw.h5")
