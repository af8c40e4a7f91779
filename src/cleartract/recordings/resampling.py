"""Frames of a variable rate on a regular grid of times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from cleartract.errors import RecordingError
from cleartract.recordings.sound import Sound
from cleartract.recordings.source import CHUNK, FrameSource

RULE = "nearest frame in time on a regular grid at the median rate"
_COARSE = Fraction(1, 2000)  # ticks as long as this round the time stamps [s]
_FINEST = 100_000  # denominator of a rate


@dataclass(frozen=True)
class Resampling:
    r"""How often each frame is shown so that the rate is constant.

    With times :math:`t_i` of the frames and the interval :math:`T`, the median of their
    differences, frame :math:`k` of the result is the frame nearest to :math:`t_0 + k T`; of two at
    the same distance it is the earlier one. Time stamps of whole milliseconds and coarser round
    the median: there :math:`T` is the mean of the differences that are within one tick of it.

    Attributes:
        rate: 1 / T [frames/s].
        uses: How often each frame is used, 0 where it is dropped, (frame,).
    """

    rate: Fraction
    uses: np.ndarray

    @classmethod
    def of(cls, name: str, stamps: np.ndarray, tick: Fraction) -> Resampling:
        """Plan the grid.

        Args:
            name: What messages call the recording.
            stamps: Time of each frame in the order of showing [ticks], (frame,) int.
            tick: Their unit [s].

        Raises:
            RecordingError: If frames share a time so often that there is no rate, or the gaps are
                so long that most frames of the result would be repetitions.
        """
        steps = np.diff(stamps)
        middle = float(np.median(steps)) if len(steps) else 0.0
        if middle <= 0:
            raise RecordingError(f"{name}: its frames have no times of their own; write it again")
        usual = Fraction(middle)
        if tick >= _COARSE:
            close = steps[np.abs(steps - middle) <= 1]
            usual = Fraction(int(close.sum()), len(close)) if len(close) else usual
        since = (stamps - stamps[0]).astype(np.float64)
        frames = int(since[-1] / float(usual) + 0.5) + 1
        if frames > 2 * len(stamps):
            raise RecordingError(
                f"{name}: has gaps so long that {frames} frames would be made of {len(stamps)}; "
                "cut it at the gaps"
            )
        between = (since[:-1] + since[1:]) / 2
        chosen = np.searchsorted(between, np.arange(frames) * float(usual), side="left")
        uses = np.bincount(chosen, minlength=len(stamps))
        return cls((1 / (usual * tick)).limit_denominator(_FINEST), uses)

    @property
    def frames(self) -> int:
        """Number of frames of the result [frames]."""
        return int(self.uses.sum())

    def described(self) -> dict[str, Any]:
        """For a sidecar."""
        return {
            "rule": RULE,
            "frames_in_the_file": len(self.uses),
            "repeated": int((self.uses - 1).clip(0).sum()),
            "dropped": int((self.uses == 0).sum()),
        }

    def warning(self) -> str:
        """What to say."""
        told = self.described()
        return (
            f"variable frame rate put onto {float(self.rate):.6g} frames a second ({RULE}): of "
            f"{told['frames_in_the_file']} frames dropped: {told['dropped']}, repeated: {told['repeated']}"
        )


class ResampledSource:
    """A source whose frames are repeated and dropped as planned; see `FrameSource`."""

    def __init__(self, source: FrameSource, plan: Resampling):
        self.source, self.plan = source, plan
        self.name, self.size, self.peak = source.name, source.size, source.peak
        self.count, self.rate = plan.frames, plan.rate
        self.sound: Sound | None = source.sound
        self.provenance = source.provenance
        self.provenance["resampled"] = plan.described()
        self._tell()

    def chunks(self) -> Iterator[np.ndarray]:
        """See `FrameSource.chunks`."""
        first = 0
        for chunk in self.source.chunks():
            uses = self.plan.uses[first : first + len(chunk)]
            first += len(chunk)
            made = np.repeat(chunk[: len(uses)], uses, axis=0)
            for start in range(0, len(made), CHUNK):
                yield made[start : start + CHUNK]
        self._tell()

    def end_with(self, frames: int) -> None:
        """Use no more than the first `frames` frames of the file, as where it was cut off."""
        said = self.plan.warning()
        self.provenance["warnings"] = [w for w in self.provenance["warnings"] if w != said]
        self.plan = replace(self.plan, uses=self.plan.uses[:frames])
        self.count = self.plan.frames
        self.provenance["resampled"] = self.plan.described()
        self._tell()

    def _tell(self) -> None:
        """Readers set their warnings anew when they have read all frames."""
        if (text := self.plan.warning()) not in self.provenance["warnings"]:
            self.provenance["warnings"] = [*self.provenance["warnings"], text]


def resampled(source: Any) -> Any:
    """A source as it is, or on the constant rate that it planned (`grid`)."""
    plan = getattr(source, "grid", None)
    return source if plan is None else ResampledSource(source, plan)
