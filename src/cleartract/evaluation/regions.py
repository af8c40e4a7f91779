"""Regions in which metrics are computed: air, tissue at rest, and the moving airway."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_dilation, distance_transform_edt

from cleartract.denoising.residual import tissue_of

AIR_SHARE = 8.0  # [percent] of the pixels, the darkest of the mean frame
AIRWAY_BAND = 5.0  # [mm] on both sides of an outline
_CURVES = ((0, 34), (51, 62), (66, 96))  # upper side, lower teeth and lip, tongue surface


def air_mask(frames: np.ndarray, share: float = AIR_SHARE) -> np.ndarray:
    """The darkest pixels of the mean frame, (height, width) bool.

    Args:
        frames: Noisy frames, (frame, height, width).
        share: Share of the pixels [percent].
    """
    mean = frames.mean(0)
    return mean <= np.percentile(mean, share)


def bright_tissue(frames: np.ndarray) -> np.ndarray:
    """Pixels brighter than a quarter of the brightest tissue in the mean frame, (height, width)."""
    return tissue_of(frames.mean(0))


def resting_tissue(frames: np.ndarray, share: float = 25.0) -> np.ndarray:
    """Bright pixels that change least, (height, width) bool.

    Args:
        frames: (frame, height, width), with little noise.
        share: Share of the tissue [percent] that counts as at rest.
    """
    tissue, deviation = bright_tissue(frames), frames.std(0)
    return tissue & (deviation <= np.percentile(deviation[tissue], share))


def moving_band(frames: np.ndarray, share: float = 0.35) -> np.ndarray:
    """Pixels that move, and two around them, (height, width) bool.

    For recordings without outlines.

    Args:
        frames: Frames with little noise, (frame, height, width).
        share: Least standard deviation over frames, of its own 99.5th percentile.
    """
    deviation = frames.std(0)
    return binary_dilation(deviation > share * np.percentile(deviation, 99.5), iterations=2)


def airway_band(
    outlines: np.ndarray, size: tuple[int, int], pixel_size: float, width: float = AIRWAY_BAND
) -> np.ndarray:
    """The band around the moving outlines of every frame, (frame, height, width) bool.

    An outline point counts as moving where its path over the recording is more than one pixel
    wide; teeth, palate and back wall stay out.

    Args:
        outlines: Outline points as simulated recordings store them, (frame, point, 2) [mm].
        size: (height, width) [pixels].
        pixel_size: [mm].
        width: Of the band on each side [mm].
    """
    moving = np.ptp(outlines, axis=0).max(1) > pixel_size
    bands = np.zeros((len(outlines), *size), bool)
    for frame, points in enumerate(outlines):
        canvas = np.ones(size, bool)
        for first, last in _CURVES:
            for a in range(first, last - 1):
                if moving[a] or moving[a + 1]:
                    line = np.linspace(points[a], points[a + 1], 12) / pixel_size
                    x, y = np.round(line).astype(int).T
                    inside = (x >= 0) & (y >= 0) & (x < size[1]) & (y < size[0])
                    canvas[y[inside], x[inside]] = False
        if not canvas.all():
            bands[frame] = distance_transform_edt(canvas) * pixel_size <= width
    return bands
