"""Area of the air in chosen regions, over time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import map_coordinates

from cleartract.errors import UsageError

_SPACING = 0.25  # [pixels] between samples
_LEVELS = (2, 90)  # percentiles that are air and tissue
_CONTRAST = 4.0  # of air to tissue over the noise, below which there is no air to measure
_NOTHING = 0.05  # of the brightness of the recording: less is no difference
_FORM = '{"pharynx": [[x, y], [x, y], [x, y], ...]} in mm, the corners of each region'


@dataclass(frozen=True)
class Region:
    """A polygon on the frames.

    Attributes:
        name: Name of the place.
        corners: (x, y) from the upper left corner of the picture [mm].
    """

    name: str
    corners: tuple[tuple[float, float], ...]

    @property
    def area(self) -> float:
        """Of the polygon [mm²]."""
        x, y = np.array(self.corners).T
        return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)

    def inside(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Which points [mm] lie in it, bool: a ray from there crosses its border an odd number of times."""
        odd = np.zeros(x.shape, bool)
        for (x0, y0), (x1, y1) in zip(
            self.corners, self.corners[1:] + self.corners[:1], strict=True
        ):
            between = (y0 > y) != (y1 > y)
            cut = x0 + (y - y0) * (x1 - x0) / (y1 - y0 if y1 != y0 else 1.0)
            odd ^= between & (x < cut)
        return odd


def air_area(frames: np.ndarray, region: Region, pixel_size: float) -> np.ndarray:
    r"""Area of the air in a region in every frame, (frame,) [mm²].

    .. math:: a = \Delta s^2 \sum_s w\!\left(\frac{T - I_s}{T - A}\right), \quad
              w(d) = \operatorname{clip}(2 d - \tfrac12, 0, 1)

    As `constriction_degree`, with samples all over the region; tissue T and air A are the 90th and
    the 2nd percentile of its intensities I over the whole recording.

    Args:
        frames: (frame, height, width), any intensity scale.
        region: Where.
        pixel_size: [mm].

    Returns:
        Not a number everywhere where air and tissue do not differ beyond the noise.
    """
    x, y = _samples(region, pixel_size, frames.shape[1:])
    places = [y / pixel_size, x / pixel_size]
    values = np.stack([map_coordinates(frame, places, order=1, mode="nearest") for frame in frames])
    air, tissue = (float(v) for v in np.percentile(values, _LEVELS))
    bright = float(np.ptp(np.percentile(frames[:: max(1, len(frames) // 20)], (1, 99.5))))
    bent = np.diff(values, 2, axis=0) if len(values) > 2 else np.zeros((1, 1))
    noise = float(np.median(np.abs(bent)) / 0.6745 / np.sqrt(6))
    if tissue - air <= max(_CONTRAST * noise, _NOTHING * bright):
        return np.full(len(frames), np.nan)
    share = np.clip(2 * (tissue - values) / (tissue - air) - 0.5, 0, 1)
    return share.mean(1) * len(x) * (_SPACING * pixel_size) ** 2


def _samples(
    region: Region, pixel_size: float, size: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Points of a grid inside a region and the picture [mm], (point,) each."""
    step, corners = _SPACING * pixel_size, np.array(region.corners)
    ends = np.array([size[1], size[0]]) * pixel_size - pixel_size / 2
    low, high = np.maximum(corners.min(0), -pixel_size / 2), np.minimum(corners.max(0), ends)
    columns, rows = (np.arange(a + step / 2, b, step) for a, b in zip(low, high, strict=True))
    x, y = (plane.ravel() for plane in np.meshgrid(columns, rows))
    inside = region.inside(x, y)
    if inside.sum() < 16:  # less than a pixel
        raise UsageError(f"region {region.name!r}: less than a pixel of it lies in the picture")
    return x[inside], y[inside]


def read_regions(path: Path) -> list[Region]:
    """Regions from JSON, see `_FORM`.

    Raises:
        UsageError: If the file is not of this form.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file of regions")
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: not regions; write {_FORM}, as JSON") from error
    if not isinstance(content, dict) or not content:
        raise UsageError(f"{path}: not regions; write {_FORM}")
    regions = []
    for name, points in content.items():
        try:
            corners = tuple((float(x), float(y)) for x, y in points)
        except (ValueError, TypeError) as error:
            raise UsageError(f"{path}: {name!r} is no region; write {_FORM}") from error
        region = Region(str(name), corners)
        if len(corners) < 3 or not 1 <= region.area < 1e6:
            raise UsageError(
                f"{path}: {name!r} needs three corners or more, and an area of 1 mm² or more"
            )
        regions.append(region)
    return regions
