"""Grid lines placed by anatomy: across lips, tongue tip, tongue body, velum port and pharynx."""

from __future__ import annotations

import numpy as np

from cleartract.evaluation.grid_lines import GridLine, moving_lines
from cleartract.evaluation.tract import Summary, Tract, find_tract

_RAYS = {"tongue tip": 138.0, "tongue body": 96.0, "pharynx": -4.0}
"""Angles around which rays are tried [degrees]; the one that crosses most movement is taken."""
_SIDEWAYS = 10.0  # [degrees] that a ray may be off
_PORT = (18.0, 4.0)  # [mm] that the port lies above the line across the pharynx, and how sure
_PORT_LENGTH = 13.0  # [mm] from the wall into the velum
_WALL_RAYS = (-20.0, -14.0, -8.0, -2.0, 4.0, 10.0)  # [degrees]
_LEAN = 0.5  # [mm per mm] by which the back wall may lean
_STEP = 0.5  # [mm] along a ray
_RISE = 0.2  # of the local brightness, from which on tissue follows air
_REACH = 28.0  # [mm] beyond the airway in which the wall is looked for
_FAR = 26.0  # [mm] on both sides of a gap in which tissue is looked for
_DEEP = 18.0  # [mm] inside of it in which the tongue begins
_WALL, _TISSUE = 1.5, 5.0  # [mm] of fixed wall and of moving tissue on a line
_LIP = 3.0  # [mm] of the upper lip, which moves too


def automatic_lines(frames: np.ndarray, pixel_size: float) -> list[GridLine]:
    """Grid lines by anatomy; where no vocal tract is found, numbered ones across what moves.

    Args:
        frames: Frames with little noise, (frame, height, width).
        pixel_size: [mm].
    """
    tract = find_tract(frames, pixel_size)
    lines = [] if tract is None else anatomical_lines(tract)
    return lines or moving_lines(frames, pixel_size)


def anatomical_lines(tract: Tract) -> list[GridLine]:
    """Grid lines across a vocal tract.

    Args:
        tract: As found in a recording.

    Returns:
        Those of lips, tongue tip, tongue body, velum port and pharynx that were found, in the
        picture as it came in.
    """
    lines = [lips_line(tract)]
    for name, angle in _RAYS.items():
        if name == "pharynx":
            lines.append(port_line(tract))
        lines.append(_best_ray(name, tract, angle))
    return [_back(line, tract.picture) for line in lines if line is not None]


def _best_ray(name: str, tract: Tract, middle: float) -> GridLine | None:
    """The line along that ray near an angle which crosses most of what changes."""
    found = []
    for angle in np.arange(middle - _SIDEWAYS, middle + _SIDEWAYS + 1, 2.0):
        line = _ray_line(name, tract, angle)
        if line is not None:
            places = np.linspace(line.start, line.end, 40)
            change = tract.picture.at(tract.picture.change, *places.T)
            surprise = (angle - middle) ** 2 / (2 * _SIDEWAYS**2)
            found.append((float(change.max() * np.exp(-surprise)), angle, line))
    return max(found)[2] if found else None


def _ray_line(name: str, tract: Tract, angle: float) -> GridLine | None:
    """From the wall into the tongue, along a ray from the middle of the tongue."""
    middle = tract.radius(angle)
    radii = np.arange(max(4.0, middle - _DEEP), middle + _REACH, _STEP)
    places = np.array([tract.place(angle, radius) for radius in radii])
    low = tract.picture.at(tract.picture.low, *places.T)
    at = int(np.argmin(np.abs(radii - middle)))
    near = slice(max(0, at - 6), at + 7)
    at = near.start + int(low[near].argmin())
    outer, inner = _half_way(low[at:]), _half_way(low[at::-1])
    if outer is None or inner is None:
        return None
    start = radii[min(at + outer, len(radii) - 1)] + _WALL
    end = radii[max(at - inner, 0)] - _TISSUE
    return _line(name, tract.place(angle, start), tract.place(angle, max(end, 0.0)))


def _half_way(values: np.ndarray) -> int | None:
    """Where values, from air on, come half-way to the tissue that follows; None if none does."""
    lowest = np.minimum.accumulate(values)
    risen = np.flatnonzero(values - lowest >= _RISE)
    if not len(risen):
        return None
    top = int(risen[0])
    while top + 1 < len(values) and values[top + 1] >= values[top]:
        top += 1
    bottom = int(values[: top + 1].argmin())
    level = (values[bottom] + values[top]) / 2
    return bottom + int(np.flatnonzero(values[bottom:] >= level)[0])


def _nearest(low: np.ndarray, high: np.ndarray) -> int | None:
    """Where tissue follows; such as is there only at times where none is there always."""
    found = _half_way(low)
    return _half_way(high) if found is None else found


def lips_line(tract: Tract) -> GridLine | None:
    """Downward through the gap between the lips."""
    if tract.lips_score <= 0:
        return None
    down = np.array([0.0, 1.0])
    return _along("lips", tract.picture, np.array(tract.lips), down, (_LIP, _TISSUE))


def port_line(tract: Tract) -> GridLine | None:
    """Forward from the back wall, at the height where most changes just before the wall.

    The wall is straight through the places where rays into the pharynx meet it.
    """
    found = [_ray_line("wall", tract, angle) for angle in _WALL_RAYS]
    wall = np.array([line.start for line in found if line is not None])
    if len(wall) < 3:
        return None
    slope = float(np.clip(np.polyfit(wall[:, 1], wall[:, 0], 1)[0], -_LEAN, _LEAN))
    heights = np.arange(8.0, 40.0, 1.0)
    y = tract.place(_RAYS["pharynx"], tract.radius(_RAYS["pharynx"]))[1] - heights
    x = np.median(wall[:, 0] - slope * wall[:, 1]) + slope * y
    before = np.arange(1.5, 8.0, 1.0)[:, None]
    change = tract.picture.at(tract.picture.change, x - _WALL - before, y + 0 * before).mean(0)
    best = int((change * np.exp(-(((heights - _PORT[0]) / _PORT[1]) ** 2) / 2)).argmax())
    end = np.array([x[best] - _WALL - _PORT_LENGTH, y[best]])
    return _line("velum port", np.array([x[best], y[best]]), end)


def _along(
    name: str,
    picture: Summary,
    place: np.ndarray,
    direction: np.ndarray,
    margins: tuple[float, float],
) -> GridLine | None:
    """Through a place that is air at times, from tissue before to tissue behind it."""
    steps = np.arange(-_FAR, _FAR + 0.1, _STEP)
    x, y = (place + steps[:, None] * direction).T
    low, high = picture.at(picture.low, x, y), picture.at(picture.high, x, y)
    middle = len(steps) // 2
    near = slice(middle - 8, middle + 9)
    at = near.start + int(low[near].argmin())
    before = _nearest(low[at::-1], high[at::-1])
    behind = _nearest(low[at:], high[at:])
    if before is None or behind is None:
        return None
    start = steps[max(at - before, 0)] - margins[0]
    end = steps[min(at + behind, len(steps) - 1)] + margins[1]
    return _line(name, place + start * direction, place + end * direction)


def _line(name: str, start: np.ndarray, end: np.ndarray) -> GridLine:
    return GridLine(name, (float(start[0]), float(start[1])), (float(end[0]), float(end[1])))


def _back(line: GridLine, picture: Summary) -> GridLine:
    """In the picture as it came in."""
    if not picture.turned:
        return line
    width = picture.size[1] - picture.pixel_size  # between the middles of the outermost pixels
    (x0, y0), (x1, y1) = line.start, line.end
    return GridLine(line.name, (width - x0, y0), (width - x1, y1))
