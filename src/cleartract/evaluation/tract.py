"""Where the vocal tract lies in a midsagittal recording: tongue, airway around it, lips, velum.

Air is dark between bright tissue, and the border of the tongue changes most over time. Around a point
inside the tongue the airway is therefore a dark arc with tissue on both sides, from the teeth over the
palate to the pharynx. The point and the arc are found together: for every candidate the best smooth
arc follows by dynamic programming, and the candidate with the best arc wins.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates, maximum_filter

_USED = 300  # [frames], about, that the percentiles are taken from
_LOW, _HIGH = 10, 90  # percentiles over time: nearly always at least, and at most, as bright
_BLUR = 1.2  # [mm]
_LOCAL = 30.0  # [mm] around a pixel, the brightest tissue of which counts as bright there
_FLOOR = 0.25  # of the brightest tissue: nothing is bright where all is darker
ANGLES = np.arange(-25.0, 161.0, 5.0)  # [degrees], 0 is the back of the head, 90 up, 180 the face
RADII = np.arange(8.0, 47.0, 1.0)  # [mm] from the middle of the tongue
_INSIDE, _OUTSIDE = (-12, -5), (4, 14)  # [mm] from the arc, where there must be tissue
_BEND = 3  # [mm] by which the arc may come nearer or go away from one angle to the next
_GRID = 5.0  # [mm] between candidates
_COARSE = (2, 2)  # of angles and radii, every second is tried for a candidate
_LEAST = 0.22  # mean contrast of an arc, below which there is no tract in the picture
_LIPS = ((-41.0, -6.0), (10.0, 12.0))  # (x, y) from the middle of the tongue, and how sure [mm]
_CHANGE = 0.5  # weight of what changes over time


@dataclass(frozen=True)
class Summary:
    """A recording over time; the face looks to the left, (height, width) each.

    Attributes:
        low: Tenth percentile over its local brightness: dark wherever air comes.
        high: Ninetieth percentile over its local brightness: dark where there is only air.
        pixel_size: [mm].
        turned: Whether it was mirrored, because the face looks to the right.
    """

    low: np.ndarray
    high: np.ndarray
    pixel_size: float
    turned: bool = False

    @classmethod
    def of(cls, frames: np.ndarray, pixel_size: float) -> Summary:
        """Summarise frames, (frame, height, width), with the face as it is."""
        chosen = gaussian_filter1d(frames, 1.0, axis=0)[:: max(1, len(frames) // _USED)]
        low, high = np.percentile(chosen, (_LOW, _HIGH), axis=0)
        low, high = (gaussian_filter(plane, _BLUR / pixel_size) for plane in (low, high))
        dark = np.percentile(low, 2)
        around = maximum_filter(high - dark, round(_LOCAL / pixel_size))
        bright = gaussian_filter(around, _LOCAL / 3 / pixel_size)
        bright = np.maximum(bright, _FLOOR * np.percentile(high - dark, 99))
        bright = np.maximum(bright, 1e-12)
        return cls((low - dark) / bright, (high - dark) / bright, pixel_size)

    def mirrored(self) -> Summary:
        """With the face to the other side."""
        return Summary(self.low[:, ::-1], self.high[:, ::-1], self.pixel_size, not self.turned)

    @property
    def change(self) -> np.ndarray:
        """How much a pixel changes, of its local brightness, (height, width)."""
        return self.high - self.low

    @property
    def size(self) -> tuple[float, float]:
        """(height, width) [mm]."""
        height, width = self.low.shape
        return height * self.pixel_size, width * self.pixel_size

    def at(self, plane: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Values of a plane at places [mm]; 0 outside the picture."""
        places = [y / self.pixel_size, x / self.pixel_size]
        return map_coordinates(plane, places, order=1, mode="constant")


@dataclass(frozen=True)
class Tract:
    """The vocal tract in a picture.

    Attributes:
        picture: In which it was found; its face looks to the left.
        centre: (x, y) of the middle of the tongue [mm].
        radii: Distance of the airway from there at each of `ANGLES` [mm].
        contrast: Mean contrast of the airway to the tissue on both sides, 0 to 1.
        lips: (x, y) of the gap between the lips [mm].
        lips_score: How much of a gap that opens and closes, with air in front, is there; from 0.
    """

    picture: Summary
    centre: tuple[float, float]
    radii: np.ndarray
    contrast: float
    lips: tuple[float, float] = (0.0, 0.0)
    lips_score: float = 0.0

    def radius(self, angle: float) -> float:
        """Distance of the airway from the middle of the tongue [mm]."""
        return float(np.interp(angle, ANGLES, self.radii))

    def place(self, angle: float, radius: float) -> np.ndarray:
        """(x, y) [mm] of polar coordinates."""
        turn = np.deg2rad(angle)
        return np.array(self.centre) + radius * np.array([np.cos(turn), -np.sin(turn)])


def find_tract(frames: np.ndarray, pixel_size: float) -> Tract | None:
    """Find the vocal tract.

    Args:
        frames: Midsagittal frames, head up, with little noise, (frame, height, width).
        pixel_size: [mm].

    Returns:
        None where no arc of air around a tongue is found.
    """
    if pixel_size * min(frames.shape[1:]) < 2 * RADII[-1]:
        return None
    seen = Summary.of(frames, pixel_size)
    # only before a face there are lips with air in front of them
    both = [_with_lips(_best(picture)) for picture in (seen, seen.mirrored())]
    found = max(both, key=lambda tract: tract.contrast * tract.lips_score)
    return found if found.contrast >= _LEAST else None


def _with_lips(tract: Tract) -> Tract:
    """The same with the lips: tissue above and below, open at times, and air before them."""
    picture, (cx, cy) = tract.picture, tract.centre
    x, y = np.meshgrid(np.arange(cx - 75.0, cx - 22.0, 1.0), np.arange(cy - 45.0, cy + 30.0, 1.0))
    change = picture.at(gaussian_filter(picture.change, 1.5 / picture.pixel_size), x, y)
    above, below = (
        np.max([picture.at(picture.high, x, y + side * d) for d in range(4, 13)], axis=0)
        for side in (-1, 1)
    )
    front = np.mean([picture.at(picture.high, x - d, y) for d in range(10, 26, 2)], axis=0)
    gap = np.clip(np.minimum(above, below) - picture.at(picture.low, x, y), 0, 1)
    score = change * gap * np.clip(1 - 3 * front, 0, 1) * expected((x - cx, y - cy), *_LIPS)
    row, column = np.unravel_index(int(score.argmax()), score.shape)
    place = (float(x[row, column]), float(y[row, column]))
    return replace(tract, lips=place, lips_score=float(score[row, column]))


def expected(
    place: tuple[np.ndarray, np.ndarray], mean: tuple[float, float], sure: tuple[float, float]
) -> np.ndarray:
    """How much a place is like that of the speakers known, 0 to 1."""
    first, second = (((p - m) / s) ** 2 for p, m, s in zip(place, mean, sure, strict=True))
    return np.exp(-(first + second) / 2)


def _best(picture: Summary) -> Tract:
    """The best arc in a picture whose face looks to the left."""
    height, width = picture.size
    columns = np.arange(0.22 * width, 0.8 * width, _GRID)
    rows = np.arange(0.25 * height, 0.8 * height, _GRID)
    x, y = (plane.ravel() for plane in np.meshgrid(columns, rows))
    x, y = _best_arc(picture, x, y, *_COARSE).centre
    dx, dy = (plane.ravel() for plane in np.meshgrid((-2.0, 0.0, 2.0), (-2.0, 0.0, 2.0)))
    return _best_arc(picture, x + dx, y + dy)


def _best_arc(
    picture: Summary, x: np.ndarray, y: np.ndarray, turn: int = 1, step: int = 1
) -> Tract:
    """The best arc around one of some points, (point,) each [mm]; of angles and radii every
    `turn`-th and `step`-th is tried."""
    angles, radii = ANGLES[::turn], RADII[::step]
    turns = np.deg2rad(angles)[:, None]
    across, up = radii * np.cos(turns), radii * np.sin(turns)
    places = x[:, None, None] + across, y[:, None, None] - up
    low, high = picture.at(picture.low, *places), picture.at(picture.high, *places)
    inside = _mean_between(low, *(place // step for place in _INSIDE))
    outside = _most_between(high, *(place // step for place in _OUTSIDE))
    contrast = np.clip(np.minimum(inside, outside) - low, 0, 1)
    change = np.clip(high - low, 0, 1)
    reward = contrast * (1 - _CHANGE + _CHANGE * change)
    chosen = _smooth_paths(reward, max(1, _BEND * turn // step))
    tongue = low[:, :, : 6 // step].mean((1, 2))  # nearly always bright
    along = chosen[:, :, None]
    mean, moved = (np.take_along_axis(plane, along, 2).mean((1, 2)) for plane in (contrast, reward))
    score = (mean + moved) / 2 * np.minimum(1.0, tongue / 0.5)
    best = int(score.argmax())
    path = np.interp(ANGLES, angles, radii[chosen[best]])
    return Tract(picture, (float(x[best]), float(y[best])), path, float(score[best]))


def _mean_between(values: np.ndarray, first: int, last: int) -> np.ndarray:
    """Mean over radii from `first` to `last` steps away, with what there is at the ends."""
    padded = np.pad(values, ((0, 0), (0, 0), (-first, 0)), mode="edge")
    count = values.shape[2]
    return np.mean([padded[:, :, i : i + count] for i in range(last - first + 1)], axis=0)


def _most_between(values: np.ndarray, first: int, last: int) -> np.ndarray:
    """Maximum over radii from `first` to `last` steps away, with what there is at the ends."""
    padded = np.pad(values, ((0, 0), (0, 0), (0, last)), mode="edge")
    count = values.shape[2]
    return np.max([padded[:, :, i : i + count] for i in range(first, last + 1)], axis=0)


def _smooth_paths(reward: np.ndarray, bend: int) -> np.ndarray:
    """Index of the radius at every angle: the greatest sum with small steps, (point, angle)."""
    total, came = reward[:, 0], []
    count = reward.shape[2]
    for row in reward.transpose(1, 0, 2)[1:]:
        padded = np.pad(total, ((0, 0), (bend, bend)), constant_values=-np.inf)
        shifted = np.stack([padded[:, i : i + count] for i in range(2 * bend + 1)])
        came.append(np.arange(count) + shifted.argmax(0) - bend)
        total = shifted.max(0) + row
    path = [total.argmax(1)]
    for before in reversed(came):
        path.append(np.take_along_axis(before, path[-1][:, None], 1)[:, 0])
    return np.stack(path[::-1], 1)
