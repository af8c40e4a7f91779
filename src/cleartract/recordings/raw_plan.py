"""What is reconstructed of raw data: which arms, which frames, at which rate."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from cleartract.errors import RecordingError
from cleartract.reconstruction.sampling import MeasuredSampling
from cleartract.reconstruction.settings import ReconstructionSettings
from cleartract.recordings.mrd_file import MrdFile
from cleartract.recordings.mrd_trajectory import read_trajectory

_ARMS_PER_FRAME = 2  # of both layouts
_TRANSIENT_FRAMES = 100  # of the USC 75-speaker set
_TRANSIENT_ARMS = 150  # of the USC 0.55 T scanner
_MOST_INTERLEAVES = 256  # that are taken for granted
_FINEST_RATE = 100_000  # denominator of a frame rate


@dataclass(frozen=True)
class RawPlan:
    """How the arms of a scan become frames.

    Attributes:
        sampling: Of the arms that are used, on the grid that is reconstructed.
        skipped: Arms left out at the beginning.
        discarded: Samples left out at the beginning of each arm.
        frames: Number of frames [frames].
        size: Pixels along each side of the frames.
        rate: Frames per second, or None where the file has no TR.
        arms: Arms that make a frame, fewer at the ends.
        trajectory: File that holds the trajectory, or None where the raw data do.
    """

    sampling: MeasuredSampling
    skipped: int
    discarded: int
    frames: int
    size: int
    rate: Fraction | None
    arms: int
    trajectory: Path | None = None

    @classmethod
    def of(
        cls, raw: MrdFile, settings: ReconstructionSettings, trajectory: Path | None = None
    ) -> RawPlan:
        """Plan a reconstruction.

        Raises:
            RecordingError: If the file has no usable trajectory, size or number of arms.
        """
        header, found = raw.header, read_trajectory(raw, trajectory)
        step = settings.step or header.arms_per_frame or _ARMS_PER_FRAME
        interleaves = settings.interleaves or header.interleaves or found.interleaves
        if interleaves is None:
            interleaves = len(found.table)
            if interleaves > _MOST_INTERLEAVES:
                raise RecordingError(
                    f"{raw.path}: has {interleaves} different arms, and does not say how many "
                    "sample k-space fully; give --interleaves"
                )
        if settings.skip is not None:
            skipped = settings.skip * step
        elif header.transient_arms is not None:
            skipped = header.transient_arms
        else:
            skipped = _TRANSIENT_ARMS if found.file is not None else _TRANSIENT_FRAMES * step
        used = len(raw.rows) - skipped
        if used < max(interleaves, step):
            raise RecordingError(
                f"{raw.path}: too few arms; it has {len(raw.rows)}, the first {skipped} are left "
                f"out (--skip), and {max(interleaves, step)} make a full image"
            )
        nominal = _nominal_size(raw, found.size, settings.size)
        size = settings.size or nominal
        grid = size + 2 * round(size * (settings.field - 1) / 2)
        frames = used // step
        sampling = MeasuredSampling(
            size=grid,
            interleaves=interleaves,
            arms_per_frame=step,
            table=(2 * np.pi * nominal / size * found.table).astype(np.complex64),
            played=found.played[skipped : skipped + frames * step],
            density=found.density,
        )
        full = step if settings.method == "cg" else interleaves
        return cls(
            sampling=sampling,
            skipped=skipped,
            discarded=found.discarded,
            frames=frames,
            size=size,
            rate=_rate(header.repetition_time, step),
            arms=settings.arms or full,
            trajectory=found.file,
        )


def _nominal_size(raw: MrdFile, of_trajectory: int | None, asked: int | None) -> int:
    """Pixels of the field of view at the resolution that the trajectory reaches."""
    if of_trajectory is not None:
        return of_trajectory
    if raw.header.size is None:
        if asked is None:
            raise RecordingError(f"{raw.path}: does not say how large its frames are; give --size")
        return asked
    x, y = raw.header.size
    if x != y and asked is None:
        raise RecordingError(f"{raw.path}: its frames are {x} x {y}, not square; give --size")
    return max(x, y)


def _rate(repetition_time: Fraction | None, step: int) -> Fraction | None:
    if repetition_time is None:
        return None
    return (1 / (repetition_time * step)).limit_denominator(_FINEST_RATE)
