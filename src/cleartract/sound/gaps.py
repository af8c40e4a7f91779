"""What the sound adds to interpolation between the frames around a gap, measured in the recording.

A prediction may tell posture well and the course of a quick movement badly. Between the frames around
a gap only its departure from its own interpolation counts, and that has a skill of its own, which
depends on how long the gap is.
"""

from __future__ import annotations

import numpy as np

GAPS = (2, 4, 8, 16, 32)  # [frames]


def gap_weights(
    frames: np.ndarray, predicted: np.ndarray, seen: np.ndarray | None = None
) -> tuple[float, ...]:
    r"""Best factor on the departures of predictions from their interpolation over a gap.

    .. math:: g = \operatorname{clip}\left(\frac{\sum (y - \bar y)(p - \bar p)}
              {\sum (p - \bar p)^2}, 0, 1\right)

    with the frames y, their predictions p, and the linear interpolation of both between the frames
    around the gap.

    Args:
        frames: Consecutive frames, (frame, height, width).
        predicted: Their predictions, held out, likewise.
        seen: False where a frame is lost, (frame,) bool.

    Returns:
        One factor for each length of `GAPS`; that of the gap before where there are too few frames.
    """
    seen = np.ones(len(frames), bool) if seen is None else seen
    weights: list[float] = []
    for gap in GAPS:
        starts = np.arange(0, len(frames) - gap - 1, max(1, gap // 2))
        together = power = 0.0
        for place in range(1, gap + 1):
            usable = starts[seen[starts] & seen[starts + gap + 1] & seen[starts + place]]
            share = np.float32(place / (gap + 1))
            departures = [
                x[usable + place] - (1 - share) * x[usable] - share * x[usable + gap + 1]
                for x in (frames, predicted)
            ]
            together += float(np.vdot(departures[1], departures[0]))
            power += float(np.vdot(departures[1], departures[1]))
        if power > 0:
            weights.append(float(np.clip(together / power, 0, 1)))
        else:
            weights.append(weights[-1] if weights else 0.0)
    return tuple(weights)


def tempered(predicted: np.ndarray, observed: np.ndarray, weights: tuple[float, ...]) -> np.ndarray:
    """Predictions of lost frames, drawn towards their own interpolation as the gap's factor says.

    Args:
        predicted: Frames of a window, (frame, height, width).
        observed: Which of them are there, (frame,) bool; where none is, nothing changes.
        weights: Factors of `gap_weights`.
    """
    seen = np.flatnonzero(observed)
    if not len(seen) or observed.all():
        return predicted
    result = predicted.copy()
    for frame in np.flatnonzero(~observed):
        after = int(np.searchsorted(seen, frame))
        low, high = seen[max(after - 1, 0)], seen[min(after, len(seen) - 1)]
        share = np.float32((frame - low) / (high - low) if high > low else 0.0)
        between = (1 - share) * predicted[low] + share * predicted[high]
        # a gap that is open to one side is as uncertain as one of twice its length
        gap = high - low - 1 if high > low else 2 * abs(int(frame) - int(low))
        weight = np.float32(np.interp(np.log(max(gap, 1)), np.log(GAPS), weights))
        result[frame] = between + weight * (predicted[frame] - between)
    return result
