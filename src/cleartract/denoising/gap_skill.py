"""What the model adds to interpolation over gaps, measured on frames of the recording that it hides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from cleartract.denoising.gap_windows import runs_of
from cleartract.recordings.windows import Window
from cleartract.sound.gaps import GAPS, tempered

TRIALS = 12  # windows in which frames are hidden
_NEEDED = 4  # of them, for a factor to be measured


def hidden_trials(
    windows: Sequence[Window], lost: Sequence[int], total: int
) -> list[tuple[Window, np.ndarray]]:
    """Intact windows, spread over the recording, and which of their frames to show, (frame,) bool.

    As many frames are hidden in the middle as gaps usually have that a window shows from both sides.

    Returns:
        Nothing where there are no such gaps, or too few intact windows.
    """
    length = windows[0].frames
    gaps = [count for _, count in runs_of(lost) if count <= length - 2]
    intact = [w for w in windows if not np.isin(w.frame_indices(total), lost).any()]
    if not gaps or len(intact) < _NEEDED or total < length:
        return []
    count = int(np.median(gaps))
    shown = np.ones(length, bool)
    first = (length - count) // 2
    shown[first : first + count] = False
    chosen = np.unique(np.linspace(0, len(intact) - 1, TRIALS).round().astype(int))
    return [(intact[place], shown) for place in chosen]


def drawn_to_interpolation(restored: np.ndarray, observed: np.ndarray, factor: float) -> np.ndarray:
    """Restored frames of a window; those of gaps are drawn towards interpolation of the rest.

    Args:
        restored: (frame, height, width).
        observed: Which of them are there, (frame,) bool; gaps at an edge of the window stay as they are.
        factor: Of their departures from interpolation, what is left: 0 to 1.
    """
    if factor == 1 or observed.all() or not observed.any():
        return restored
    result = tempered(restored, observed, (factor,) * len(GAPS))
    seen = np.flatnonzero(observed)
    for edge in (slice(0, seen[0]), slice(seen[-1] + 1, None)):
        result[edge] = restored[edge]
    return result


def gap_factor(
    trials: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> float:
    r"""Best factor on the departures of restored frames from interpolation over a gap.

    .. math:: g = \operatorname{clip}\left(\frac{\sum (y - \bar x)(x - \bar x)}
              {\sum (x - \bar x)^2}, 0, 1\right)

    with the hidden frames y, noise and all, the restored frames x, and the linear interpolation
    :math:`\bar x` of the restored frames around the gap. The noise of y is independent of the rest
    unless it outlasts the gap.

    Args:
        trials: Of each window the noisy and the restored frames, (frame, height, width), and which
            frames it showed, (frame,) bool.

    Returns:
        1 where there are none.
    """
    together = power = 0.0
    for noisy, restored, shown in trials:
        between = drawn_to_interpolation(restored, shown, 0.0)[~shown]
        departure = restored[~shown] - between
        together += float(np.vdot(departure, noisy[~shown] - between))
        power += float(np.vdot(departure, departure))
    return float(np.clip(together / power, 0, 1)) if power > 0 else 1.0
