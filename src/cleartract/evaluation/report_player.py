"""The player of one recording in a report."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cleartract.evaluation.articulation import constriction_degree
from cleartract.evaluation.measure import Subject
from cleartract.recordings.annotations import Annotation
from cleartract.recordings.recording import Recording
from cleartract.recordings.sound import ArraySound
from cleartract.viewer.measures import Measures
from cleartract.viewer.shown import Shown, planes_in_memory

SECONDS = 0.5  # [s] shown before and after a window
_LARGEST = 60_000_000  # [bytes] of frames in all players of a report


def player_name(number: int) -> str:
    """File of the player of a report's section."""
    return f"player_{number + 1:02d}.html"


def shown_of(
    subject: Subject,
    recording: Recording,
    annotation: Annotation | None = None,
    spread: tuple[np.ndarray, np.ndarray] | None = None,
    together: int = 1,
) -> Shown:
    """Noisy, denoised and true frames with all that was measured on them over time.

    Args:
        subject: Its frames, grid lines and constriction degrees.
        recording: With the exact rate and the sound.
        annotation: Its words and phones, or None.
        spread: Spread of samples and absolute error, each (frame, height, width), or None.
        together: Players in the report, which share its size.
    """
    versions = dict(subject.versions())
    if subject.truth is not None:
        versions["truth"] = subject.truth
    if spread is not None:
        versions["uncertainty"] = spread[0]
    each = subject.denoised[0].size * len(versions)
    count = min(len(subject.denoised), max(1, _LARGEST // (each * together)))
    cut = {name: frames[:count] for name, frames in versions.items()}
    sound = None
    if recording.sound is not None:
        samples, rate = recording.sound
        sound = ArraySound(samples[: round(count / recording.rate * rate)], rate)
    lines = {
        line.name: [list(map(float, line.start)), list(map(float, line.end))]
        for line in subject.grid_lines()
    }
    return Shown(
        subject.name, planes_in_memory(cut), count, cut["denoised"].shape[1:], recording.rate,
        sound, subject.millimetres, annotation, _degrees(subject, cut), lines,
    )  # fmt: skip


def _degrees(subject: Subject, versions: dict[str, np.ndarray]) -> Measures | None:
    """Constriction degrees of the result and of what it is compared with; lines not scored are left out."""
    scored = [
        line
        for line, quality in zip(subject.grid_lines(), subject.line_qualities(), strict=True)
        if quality.scored
    ]
    other = next((name for name in ("truth", "noisy") if name in versions), None)
    names = {line.name: ("denoised", line) for line in scored}
    if other is not None:
        names |= {f"{line.name}, {other}": (other, line) for line in scored}
    if not names:
        return None
    degrees = [
        constriction_degree(versions[name], line, subject.millimetres)
        for name, line in names.values()
    ]
    return Measures(Path("report.json"), tuple(names), np.array(degrees, np.float32))
