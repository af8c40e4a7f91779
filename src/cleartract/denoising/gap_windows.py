"""Windows around lost frames: a gap is filled from both its sides, wherever windows begin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cleartract.recordings.windows import Window

_SIDE = 3  # [frames] that a window should show on either side of a gap
_ONE_SIDED = 1e-3  # weight of a gap's frames in a window that shows only one of its sides


def runs_of(lost: Sequence[int]) -> list[tuple[int, int]]:
    """Runs of consecutive frames, as (first, count) [frames]."""
    frames = np.unique(np.asarray(lost, int))
    parts = np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1)
    return [(int(part[0]), len(part)) for part in parts if len(part)]


def with_gaps_inside(windows: list[Window], lost: Sequence[int], total: int) -> list[Window]:
    """Windows, and one more around each gap that none of them shows with both its sides.

    A gap that is longer than a window less two frames, or that begins or ends the recording, gets
    none.

    Args:
        windows: Of one length, in order.
        lost: Frames that are lost [frames].
        total: Frames of the recording [frames].

    Returns:
        All of them, in order.
    """
    length, more = windows[0].frames, []
    for first, count in runs_of(lost):
        room = length - count
        if room < 2 or first == 0 or first + count == total or total <= length:
            continue
        side = min(_SIDE, room // 2, first, total - first - count)
        if any(
            w.first + side <= first and first + count + side <= w.first + length for w in windows
        ):
            continue
        begin = int(np.clip(first - room // 2, 0, total - length))
        more.append(Window(begin, length, windows[0].rate))
    return sorted([*windows, *more], key=lambda window: window.first)


def edge_factors(observed: np.ndarray) -> np.ndarray | None:
    """Factors on a window's weights, (frame,): frames of a gap at its edge hardly count.

    Args:
        observed: Which of its frames are there, (frame,) bool.

    Returns:
        None where no gap lies at an edge.
    """
    if not observed.any() or (observed[0] and observed[-1]):
        return None
    seen = np.flatnonzero(observed)
    factors = np.ones(len(observed))
    factors[: seen[0]] = factors[seen[-1] + 1 :] = _ONE_SIDED
    return factors
