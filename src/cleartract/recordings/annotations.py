"""Annotations of a recording: tiers of labelled intervals, and which tiers are words and phones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_WORDS = {"word", "words", "wordtier", "ortmau", "ort", "wrd"}
_PHONES = {"phone", "phones", "phoneme", "phonemes", "phontier", "phonetier", "mau"}
_OTHERS = {
    "sentence", "sentences", "sentencetier", "utterance", "utterances", "phrase", "phrases",
    "syllable", "syllables", "syl", "mas", "kanmau", "trn", "tok", "notes", "comment", "comments",
}  # fmt: skip
_SHORT = 0.15  # [s]: intervals of a tier that stands alone are phones below this mean duration
_SAME = 1e-6  # [s]: times that lie closer are the same; files round them


@dataclass(frozen=True)
class Interval:
    """A label and when it holds.

    Attributes:
        start: [s] from the beginning of the first frame.
        end: [s]; equal to `start` for a point.
        label: Never empty, in one line.
    """

    start: float
    end: float
    label: str


@dataclass(frozen=True)
class Tier:
    """Labels of one kind, in the order of their times.

    Attributes:
        name: As in the file.
        intervals: Without those whose label is empty.
        points: Whether it marks points in time.
    """

    name: str
    intervals: tuple[Interval, ...]
    points: bool = False

    def labels_at(self, times: np.ndarray) -> list[str]:
        """The label at every time [s]; empty where there is none.

        At a boundary it is the label that begins there.
        """
        if not self.intervals:
            return [""] * len(times)
        starts = np.array([interval.start for interval in self.intervals])
        ends = np.array([interval.end for interval in self.intervals])
        moments = np.asarray(times) + _SAME
        last = np.searchsorted(starts, moments, side="right") - 1
        inside = (last >= 0) & (moments < ends[last])
        return [self.intervals[i].label if a else "" for i, a in zip(last, inside, strict=True)]


@dataclass(frozen=True)
class Annotation:
    """What is said when.

    Attributes:
        path: The file.
        tiers: In the order of the file.
    """

    path: Path
    tiers: tuple[Tier, ...]

    @property
    def words(self) -> Tier | None:
        """The tier of words, or None."""
        return words_and_phones(self.tiers)[0]

    @property
    def phones(self) -> Tier | None:
        """The tier of phones, or None."""
        return words_and_phones(self.tiers)[1]

    def spoken_at(self, times: np.ndarray) -> dict[str, list[str]]:
        """`word` and `phone` at every time [s]; empty where there is none."""
        words, phones = words_and_phones(self.tiers)
        silent = Tier("", ())
        return {
            "word": (words or silent).labels_at(times),
            "phone": (phones or silent).labels_at(times),
        }


def words_and_phones(tiers: tuple[Tier, ...]) -> tuple[Tier | None, Tier | None]:
    """The tiers of words and of phones: by their names, otherwise by density.

    Without a name that tells, phones are the tier of the most labels and words that of the second
    most; of two with as many, the first is that of words. Tiers of points, of phrases (most labels
    hold a space) and of names that tell something else are neither.
    """
    usable = [tier for tier in tiers if tier.intervals and not tier.points]
    words, phones = _named(usable, _WORDS), _named(usable, _PHONES)
    rest = [
        tier
        for tier in usable
        if not _named([tier], _WORDS | _PHONES | _OTHERS) and not _of_phrases(tier)
    ]
    rest.sort(key=_count)  # stable: the order of the file decides between equals
    if words is None and phones is None:
        if len(rest) == 1:
            return (None, rest[0]) if _mean_duration(rest[0]) < _SHORT else (rest[0], None)
        return (rest[-2], rest[-1]) if rest else (None, None)
    if phones is None and words is not None:
        phones = next((t for t in reversed(rest) if _count(t) > _count(words)), None)
    elif words is None and phones is not None:
        words = next((t for t in reversed(rest) if _count(t) < _count(phones)), None)
    return words, phones


def _count(tier: Tier) -> int:
    return len(tier.intervals)


def _mean_duration(tier: Tier) -> float:
    return float(np.mean([interval.end - interval.start for interval in tier.intervals]))


def _of_phrases(tier: Tier) -> bool:
    return 2 * sum(" " in interval.label for interval in tier.intervals) > len(tier.intervals)


def _named(tiers: list[Tier], names: set[str]) -> Tier | None:
    """The first tier of such a name; aligners put the speaker before or after it."""
    for tier in tiers:
        parts = re.split(r" - |[@:/]", tier.name.lower())
        if any(re.sub(r"[\W_]|\d+$", "", part) in names for part in [tier.name.lower(), *parts]):
            return tier
    return None
