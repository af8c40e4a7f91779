"""What was removed, noisy - denoised, as a video around mid grey."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.commands.opinion import SHOWN
from cleartract.denoising.survey import Survey
from cleartract.recordings.source import FrameSource
from cleartract.recordings.writing import Described, FrameSink, open_sink

NOTHING = 128  # grey level where nothing was removed
_FULL = 0.25  # of the brightest tissue (99.9th percentile): nearly black and white
_PROVENANCE = {"kind": "noisy - denoised", "unit": "that of the recording"}


class ResidualSink:
    """Takes finished frames and writes what they lack of the noisy ones; see `FrameSink`.

    Args:
        source: The recording, which is read once more.
        survey: Of it.
        place: Where it is written.
        target: What it is going to be called: kinds that hold grey levels get
            level = 128 + (noisy - denoised) x levels per unit, others the values.
    """

    def __init__(self, source: FrameSource, survey: Survey, place: Path, target: Path):
        self._zero, self._per_unit = _scale(survey, target)
        peak, bright = 255.0 if self._zero else None, survey.bright
        described = Described(survey.frames, survey.size, survey.rate, peak, bright, bright)
        self._sink: FrameSink = open_sink(place, described, _PROVENANCE, target)
        self._noisy: Iterator[np.ndarray] = iter(source.chunks())
        self._read = np.empty((0, *survey.size), np.float32)  # and not yet used

    def write(self, frames: np.ndarray) -> None:
        """See `FrameSink.write`."""
        while len(self._read) < len(frames):
            self._read = np.concatenate([self._read, next(self._noisy)])
        noisy, self._read = np.split(self._read, [len(frames)])
        self._sink.write(self._zero + self._per_unit * (noisy - frames))

    def close(self) -> None:
        """See `FrameSink.close`."""
        self._sink.close()

    def abandon(self) -> None:
        """See `FrameSink.abandon`."""
        self._sink.abandon()


def described_residual(survey: Survey, target: Path) -> dict[str, Any]:
    """For the sidecar: noisy - denoised = (value - `nothing`) / `levels_per_unit`."""
    nothing, per_unit = _scale(survey, target)
    return {"nothing": nothing, "levels_per_unit": per_unit}


def _scale(survey: Survey, target: Path) -> tuple[int, float]:
    """Value where nothing was removed, and values per unit of the recording."""
    if target.suffix.lower() not in SHOWN:
        return 0, 1.0
    return NOTHING, 127 / (_FULL * max(survey.bright, 1e-12))
