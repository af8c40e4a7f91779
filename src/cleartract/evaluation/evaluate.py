"""Evaluate one denoised recording."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.corpora.simulated import SimulatedRecording
from cleartract.errors import RecordingError, UsageError
from cleartract.evaluation.consistency import consistency, middle_excerpt
from cleartract.evaluation.grid_lines import read_lines
from cleartract.evaluation.measure import FIELD_OF_VIEW, Subject, measure
from cleartract.evaluation.report import Section
from cleartract.evaluation.settings import EvaluateSettings
from cleartract.recordings.annotation_finder import annotation_for
from cleartract.recordings.intensity import Intensity
from cleartract.recordings.opening import open_recording
from cleartract.recordings.recording import Recording
from cleartract.recordings.sidecar import sidecar_of

EXCERPT = 240  # [frames] on which consistency is measured
SHORTEST, SMALLEST = 4, 16  # [frames], [pixels]


def evaluate(
    result: str | Path | Recording,
    truth: str | Path | Recording | None = None,
    noisy: str | Path | Recording | None = None,
    *,
    restore: Callable[[Recording], np.ndarray] | None = None,
    settings: EvaluateSettings | None = None,
) -> Section:
    """Evaluate one denoised recording.

    Args:
        result: The denoised recording; a sidecar beside it holds window and step.
        truth: The clean recording, or a file of a simulated corpus.
        noisy: The recording that was denoised.
        restore: The denoiser that made the result, recording -> (frame, height, width); measures
            consistency too.
        settings: Grid lines, size of a pixel and annotation.

    Returns:
        The subject and all its measurements.

    Raises:
        RecordingError: If a file cannot be read, frames do not match, or a recording is blank or too small.
        UsageError: If a grid line leaves the picture.
    """
    settings = settings or EvaluateSettings()
    lines = read_lines(settings.grid_lines) if settings.grid_lines else None
    denoised = _open(result)
    clean, outlines = _open_truth(truth, settings.reconstruction)
    before = None if noisy is None else _open(noisy)
    annotation, warning = annotation_for(_files(denoised, before, clean), settings.annotation)
    reference = clean or before or denoised
    denoised = _without_padding(denoised, reference)
    for other, name in ((clean, "truth"), (before, "noisy recording")):
        if other is not None and other.frames.shape != denoised.frames.shape:
            raise RecordingError(
                f"{_name(denoised)}: has (frame, height, width) {denoised.frames.shape}, the {name} "
                f"{other.frames.shape}; give recordings of the same frames"
            )
    if len(denoised) < SHORTEST or min(denoised.frames.shape[1:]) < SMALLEST:
        raise RecordingError(
            f"{_name(denoised)}: too small to evaluate; give {SHORTEST} frames or more of "
            f"{SMALLEST}x{SMALLEST} pixels or more"
        )
    if not np.ptp(reference.frames) > 0:
        raise RecordingError(f"{_name(reference)}: every pixel is the same; nothing to evaluate")
    height, width = (
        n * (settings.pixel_size or FIELD_OF_VIEW / denoised.frames.shape[2])
        for n in denoised.frames.shape[1:]
    )
    for line in lines or []:
        if not all(0 <= x <= width and 0 <= y <= height for x, y in (line.start, line.end)):
            raise UsageError(
                f"{line.name}: the grid line leaves the picture of {width:.0f}x{height:.0f} mm"
            )
    scale = Intensity.of(reference.frames)
    if clean is not None:
        scale = Intensity(0.0, scale.offset + scale.scale)
    notes: list[str] = [] if warning is None else [warning]
    sidecar = {} if isinstance(result, Recording) else sidecar_of(Path(result))
    if "generated" in sidecar or str(denoised.provenance.get("comment", "")).startswith(
        "generated"
    ):
        notes.append("this is a generated video: nothing in it was measured")
    if clean is None and before is None:
        notes.append(
            "no truth and no noisy recording was given: air, tissue and movement are located on the "
            "result itself, which can flatter it; give --noisy"
        )

    def scaled(recording: Recording) -> np.ndarray:
        gain = _unit_gain(recording, reference)
        if gain != 1:
            notes.append(f"{_name(recording)}: intensities were multiplied by {gain:.4g}")
        return scale.apply(recording.frames * gain)

    subject = Subject(
        name=_name(denoised),
        rate=float(denoised.rate),
        denoised=scaled(denoised),
        noisy=None if before is None else scaled(before),
        truth=None if clean is None else scaled(clean),
        outlines=outlines,
        lines=lines,
        pixel_size=settings.pixel_size,
        window=_window(sidecar),
    )
    measured = measure(subject)
    if before is not None and restore is not None:
        first, length = middle_excerpt(len(before), EXCERPT)
        measured["consistency"] = consistency(before.excerpt(first, length), restore)
    shown = denoised if denoised.audio is not None or before is None else before
    return Section(subject.name, measured, subject, shown, notes, annotation=annotation)


def matched(result: Recording, before: Recording) -> tuple[Recording, np.ndarray]:
    """A result without the padding of its codec, and the frames before denoising in its unit.

    Raises:
        RecordingError: If they have not the same frames.
    """
    result = _without_padding(result, before)
    if result.frames.shape != before.frames.shape:
        raise RecordingError(
            f"{_name(before)}: has (frame, height, width) {before.frames.shape}, "
            f"{_name(result)} {result.frames.shape}; give recordings of the same frames"
        )
    return result, before.frames * _unit_gain(before, result)


def _files(*recordings: Recording | None) -> list[Path]:
    """The files of recordings that have one."""
    paths = [recording.provenance.get("path") for recording in recordings if recording is not None]
    return [Path(str(path)) for path in paths if path]


def _open(source: str | Path | Recording) -> Recording:
    return source if isinstance(source, Recording) else open_recording(source)


def _open_truth(
    source: str | Path | Recording | None, reconstruction: str | None
) -> tuple[Recording | None, np.ndarray | None]:
    if source is None:
        return None, None
    if not isinstance(source, Recording) and Path(source).suffix == ".npz":
        try:
            simulated = SimulatedRecording.load(Path(source))
        except RecordingError:
            pass  # frames without outlines
        else:
            if reconstruction is not None and reconstruction not in simulated.scans:
                raise UsageError(f"{source}: has no reconstruction {reconstruction}")
            return simulated.truth(reconstruction), simulated.outlines
    return _open(source), None


def _without_padding(result: Recording, reference: Recording) -> Recording:
    """Without the row or column that a video codec adds to odd sizes."""
    height, width = reference.frames.shape[1:]
    extra = (result.frames.shape[1] - height, result.frames.shape[2] - width)
    if extra in ((0, 1), (1, 0), (1, 1)):
        return replace(result, frames=result.frames[:, :height, :width])
    return result


def _unit_gain(recording: Recording, reference: Recording) -> float:
    """Factor between two units of intensity, 1 where the formats have one unit."""
    if recording is reference or recording.peak == reference.peak:
        return 1.0
    bright = [float(np.percentile(r.frames, 99.5)) for r in (reference, recording)]
    return bright[0] / max(bright[1], 1e-12)


def _name(recording: Recording) -> str:
    return Path(str(recording.provenance.get("path", "recording"))).name


def _window(sidecar: dict[str, Any]) -> tuple[int, int] | None:
    used = sidecar.get("parameters", {})
    try:
        window, step = int(used["window_frames"]), int(used["step_frames"])
        return (window, step) if 0 < step <= window else None
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
