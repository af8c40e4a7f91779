"""A small anti-aliased canvas in the speaker's coordinates."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike

from cleartract.simulation.phantom.speaker import FIELD_OF_VIEW, Speaker

SIGNAL_ONE = 200.0  # grey level of signal 1: leaves head room in 8 bit
SUPERSAMPLING = 4
_GRID = 84 * SUPERSAMPLING
_ANGLES = np.linspace(0, 2 * np.pi, 16, endpoint=False)
CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], 1)


def smooth_curve(points: ArrayLike, rounds: int, closed: bool) -> np.ndarray:
    """Corner cutting (Chaikin 1974): each round replaces a corner by two points."""
    curve = np.asarray(points, float)
    for _ in range(rounds):
        first = curve if closed else curve[:-1]
        second = np.roll(curve, -1, 0) if closed else curve[1:]
        cut = np.empty((2 * len(first), 2))
        cut[0::2] = 0.75 * first + 0.25 * second
        cut[1::2] = 0.25 * first + 0.75 * second
        curve = cut if closed else np.vstack([curve[:1], cut, curve[-1:]])
    return curve


class Canvas:
    """Paints polygons and lines given in synthesizer coordinates [cm] onto a uint8 image."""

    def __init__(self, speaker: Speaker, background: float | np.ndarray = 0.0):
        """Start from a uniform signal or from a copy of an image."""
        self.speaker = speaker
        if isinstance(background, np.ndarray):
            self.image = background.copy()
        else:
            self.image = np.full((_GRID, _GRID), background * SIGNAL_ONE, np.uint8)

    def _pixels(self, points: np.ndarray) -> np.ndarray:
        scale = _GRID / FIELD_OF_VIEW
        return np.round(self.speaker.to_image(points) * scale * 16).astype(np.int32)

    def fill(self, points, signal: float, smooth: int = 2) -> None:
        """Fill a polygon (point, 2) with a signal."""
        curve = smooth_curve(points, smooth, closed=True)
        cv2.fillPoly(self.image, [self._pixels(curve)], signal * SIGNAL_ONE, cv2.LINE_AA, 4)

    def line(self, points, signal: float, width: float, smooth: int = 2) -> None:
        """Draw an open line (point, 2) of a width [cm]."""
        curve = smooth_curve(points, smooth, closed=False)
        pixels = max(1, round(width * 10 * _GRID / FIELD_OF_VIEW))
        colour = signal * SIGNAL_ONE
        cv2.polylines(self.image, [self._pixels(curve)], False, colour, pixels, cv2.LINE_AA, 4)


def texture(rng: np.random.Generator, widths, weights, size: int = 168) -> np.ndarray:
    """Sum of Gaussian-filtered noises of unit variance, weighted, (size, size)."""
    total = np.zeros((size, size), np.float32)
    for width, weight in zip(widths, weights, strict=True):
        noise = cv2.GaussianBlur(rng.normal(0, 1, (size, size)), (0, 0), width)
        total += (weight * noise / noise.std()).astype(np.float32)
    return total
