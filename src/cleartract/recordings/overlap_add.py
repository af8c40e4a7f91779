"""Overlapping windows blended into one video, frame after frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from cleartract.errors import WindowError

Blend = Literal["hann", "triangular", "uniform"]


def blend_weights(frames: int, blend: Blend = "hann") -> np.ndarray:
    r"""Weights of a window's frames, (frame,) float64, strictly positive.

    .. math:: h_k = \sin^2\!\left(\pi \tfrac{k + 1/2}{n}\right) \text{ (Hann)}, \quad
              h_k = 1 - \left|\tfrac{2 k + 1}{n} - 1\right| + \tfrac1n \text{ (triangular)}

    Raises:
        WindowError: If the blend is unknown.
    """
    k = np.arange(frames)
    if blend == "hann":
        return np.sin(np.pi * (k + 0.5) / frames) ** 2
    if blend == "triangular":
        return 1 - np.abs((2 * k + 1) / frames - 1) + 1 / frames
    if blend == "uniform":
        return np.ones(frames)
    raise WindowError(f"unknown blend {blend!r}: choose hann, triangular or uniform")


class OverlapAdd:
    r"""Blends overlapping windows; frames that no later window touches are handed out.

    .. math:: y_f = \sum_w h_{f-s_w} x_{w,f-s_w} / \sum_w h_{f-s_w}

    Memory is that of the frames not yet handed out.

    Args:
        total: Frames of the result [frames].
        size: (height, width) [pixels].
        blend: Weights.
        first: First frame that is wanted; those before it are dropped [frames].
    """

    def __init__(self, total: int, size: tuple[int, int], blend: Blend = "hann", first: int = 0):
        self.total, self.blend, self.first = total, blend, first
        self._sum = np.zeros((0, *size), np.float64)
        self._weight = np.zeros(0, np.float64)

    def add(self, window: np.ndarray, first: int, factors: np.ndarray | None = None) -> None:
        """Add a window (frame, height, width) that starts at a frame; the overhang is dropped.

        Args:
            window: Restored frames.
            first: Number of the first of them [frames].
            factors: On their weights, (frame,), positive; ones by default.
        """
        weights = blend_weights(len(window), self.blend)
        if factors is not None:
            weights = weights * factors
        low, high = max(first, self.first), min(first + len(window), self.total)
        if high <= low:
            return
        if (missing := high - self.first - len(self._weight)) > 0:
            more = np.zeros((missing, *self._sum.shape[1:]), np.float64)
            self._sum = np.concatenate([self._sum, more])
            self._weight = np.concatenate([self._weight, np.zeros(missing)])
        part, place = slice(low - first, high - first), slice(low - self.first, high - self.first)
        self._sum[place] += weights[part, None, None] * window[part]
        self._weight[place] += weights[part]

    def take(self, until: int) -> np.ndarray:
        """Hand out the frames before `until`, (frame, height, width) float32.

        Exact where the windows agree.

        Raises:
            WindowError: If one of them is covered by no window.
        """
        count = max(0, min(until, self.total) - self.first)
        bare = np.flatnonzero(self._weight[:count] == 0)
        if len(bare) or count > len(self._weight):
            frame = self.first + (int(bare[0]) if len(bare) else len(self._weight))
            raise WindowError(f"frame {frame} is covered by no window")
        result = np.empty((count, *self._sum.shape[1:]), np.float32)
        weight = self._weight[:count, None, None]
        np.divide(self._sum[:count], weight, out=result, casting="same_kind")
        self._sum, self._weight = self._sum[count:], self._weight[count:]
        self.first += count
        return result


def overlap_add(
    windows: Iterable[np.ndarray], starts: Sequence[int], n_frames: int, blend: Blend = "hann"
) -> np.ndarray:
    """Blend overlapping windows into one video; see `OverlapAdd`.

    Args:
        windows: Restored windows, each (frame, height, width).
        starts: First frame of each window [frames].
        n_frames: Length of the result [frames].
        blend: `hann`, `triangular` or `uniform` weights.

    Returns:
        Video, (frame, height, width).

    Raises:
        WindowError: If a frame is covered by no window or there are no windows.
    """
    total: OverlapAdd | None = None
    for window, first in zip(windows, starts, strict=True):
        if total is None:
            total = OverlapAdd(n_frames, window.shape[1:], blend)
        total.add(window, first)
    if total is None:
        raise WindowError("there are no windows to blend")
    return total.take(n_frames)
