"""Denoise a recording in memory: survey, restore, collect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cleartract.denoising.lasting import given_back
from cleartract.denoising.prepared import PreparedRecording
from cleartract.denoising.remarks import remarks, result_warnings
from cleartract.denoising.residual import ResidualSplit
from cleartract.denoising.restore import Progress, Restoration
from cleartract.denoising.settings import DenoiseSettings
from cleartract.errors import UsageError, WindowError, warn_caller
from cleartract.model.model import Model
from cleartract.recordings.recording import Recording
from cleartract.recordings.sound import length
from cleartract.recordings.source import RecordingSource
from cleartract.recordings.writing import write_recording

LARGEST_OFFSET = 10.0  # [s] of sound against frames


@dataclass(frozen=True)
class Restored:
    """A denoised recording.

    Attributes:
        recording: Same number of frames, rate, sound and intensity scale as the input.
        uncertainty: Standard deviation over the samples, (frame, height, width) in the
            recording's own unit, or None for a single sample.
        used: Every parameter as used, for the sidecar.
        split: What was removed, noise and what repeats; None of short recordings.
    """

    recording: Recording
    uncertainty: np.ndarray | None
    used: dict[str, Any]
    split: ResidualSplit | None = None

    def save(self, path: str | Path) -> Path:
        """Write the recording; its name chooses the format, see `recordings.writing.open_sink`."""
        height, width = self.recording.frames.shape[1:]
        for text in result_warnings((height, width), Path(path)):
            warn_caller(f"{path}: {text}")
        write_recording(Path(path), self.recording, self.used)
        return Path(path)


def denoise_recording(
    recording: Recording,
    model: Model,
    settings: DenoiseSettings,
    progress: Progress | None = None,
    observed: ArrayLike | None = None,
    audio_offset: float = 0.0,
    say: Callable[[str], None] | None = None,
) -> Restored:
    """Denoise a whole recording in overlapping windows.

    Args:
        recording: What to denoise.
        model: In evaluation mode, on its device.
        settings: How.
        progress: Called with windows done and windows in all.
        observed: False where a frame is lost and must be made from its neighbours and the sound,
            (frame,) bool; all are observed by default.
        audio_offset: How late the sound is against the frames, in seconds [s]; `--audio-offset` of
            the command line is in milliseconds.
        say: Called, before the work, with each remark on the recording, see `remarks`.

    Raises:
        UsageError: If the offset is beyond 10 s.
        WindowError: If windows and steps do not cover the recording.
    """
    if not abs(audio_offset) <= LARGEST_OFFSET:
        raise UsageError(f"audio_offset: at most {LARGEST_OFFSET:g} s, not {audio_offset:g}")
    lost: tuple[int, ...] = ()
    if observed is not None:
        mask = np.asarray(observed, bool)
        if mask.shape != (len(recording),) or not mask.any():
            raise WindowError(
                f"observed needs one value for each of {len(recording)} frames, some True"
            )
        lost = tuple(int(frame) for frame in np.flatnonzero(~mask))
    source = RecordingSource(recording)
    prepared = PreparedRecording.of(source, model, settings, lost, audio_offset)
    if say is not None:
        for text in remarks(source, length(source.sound), prepared, model, settings, audio_offset):
            say(text)
    restoration = Restoration(source, prepared, model, settings)
    frames = np.empty(recording.frames.shape, np.float32)
    spread = np.empty_like(frames) if settings.samples > 1 else None
    for piece in restoration.pieces(progress):
        part = slice(piece.first, piece.first + len(piece.frames))
        frames[part] = piece.frames
        if spread is not None and piece.uncertainty is not None:
            spread[part] = piece.uncertainty
    used, split = (
        restoration.described() | restoration.timing(),
        restoration.split(lambda: [frames]),
    )
    if split is not None:
        used["residual"] = split.described() | {"given_back": settings.given_back}
        if settings.given_back:
            share, first = settings.given_back, 0
            for chunk in given_back(split, source.chunks(), [frames], share, recording.peak):
                frames[first : first + len(chunk)] = chunk  # read before it comes
                first += len(chunk)
    return Restored(replace(recording, frames=frames), spread, used, split)
