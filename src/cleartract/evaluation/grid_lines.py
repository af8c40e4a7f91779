"""Fixed grid lines across the airway, and intensities along them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from cleartract.corpora.simulated import OUTLINES
from cleartract.errors import UsageError

SPACING = 0.25  # [pixels] between samples along a line
_PARALLEL = (-0.75, 0.0, 0.75)  # [pixels], averaged lines on both sides
_FLAT = 1e-6  # of the range of the mean frame, a pixel: less is no slope
_UPPER, _LOWER, _TONGUE = (OUTLINES[name].start for name in ("upper", "lower", "tongue"))


@dataclass(frozen=True)
class GridLine:
    """A line from a fixed wall, across the air, into the moving tissue.

    Attributes:
        name: Name of the place, such as lips.
        start: (x, y) in or on the fixed wall [mm] from the upper left corner.
        end: (x, y) inside the moving tissue [mm].
    """

    name: str
    start: tuple[float, float]
    end: tuple[float, float]

    @property
    def length(self) -> float:
        """Length [mm]."""
        return float(np.hypot(self.end[0] - self.start[0], self.end[1] - self.start[1]))


def sample_line(frames: np.ndarray, line: GridLine, pixel_size: float) -> np.ndarray:
    """Intensity along a line, the mean of three parallel lines, (frame, sample).

    Args:
        frames: (frame, height, width).
        line: Grid line.
        pixel_size: [mm].
    """
    start, end = np.array(line.start) / pixel_size, np.array(line.end) / pixel_size
    direction = (end - start) / np.linalg.norm(end - start)
    across = np.array([-direction[1], direction[0]])
    positions = np.arange(0, np.linalg.norm(end - start), SPACING)
    total = np.zeros((len(frames), len(positions)))
    for offset in _PARALLEL:
        x, y = (start + offset * across + positions[:, None] * direction).T
        for index, frame in enumerate(frames):
            total[index] += map_coordinates(frame, [y, x], order=1, mode="nearest")
    return total / len(_PARALLEL)


def outline_lines(outlines: np.ndarray) -> list[GridLine]:
    """Grid lines of a simulated recording, fixed over its frames.

    Args:
        outlines: (frame, point, 2) [mm].

    Returns:
        Lips, tongue tip, tongue body, velum port, pharynx.
    """
    mean = outlines.mean(0)
    tongue = outlines[:, _TONGUE + 4 : _TONGUE + 34]
    lower_lip = outlines[:, _LOWER + 22 : _LOWER + 28]
    upper_lip = mean[_UPPER + 29 : _UPPER + 32].mean(0)
    lines = [
        _towards("lips", upper_lip, lower_lip, 3.0),
        _towards("tongue tip", mean[_UPPER + 20], tongue[:, 16:], 0.0),
        _towards("tongue body", mean[_UPPER + 16], tongue[:, 8:26], 0.0),
    ]
    wall, above = mean[_UPPER + 8], mean[_UPPER + 8] - mean[_UPPER + 6]
    up = above / np.linalg.norm(above)
    forward = mean[_UPPER + 16] - wall
    forward = forward - (forward @ up) * up
    forward /= np.linalg.norm(forward)
    port = wall + 4.0 * up
    lines.append(GridLine("velum port", _point(port - 1.5 * forward), _point(port + 14 * forward)))
    lines.append(_towards("pharynx", mean[_UPPER + 6], tongue[:, :14], 2.0))
    return lines


def _towards(name: str, anchor: np.ndarray, moving: np.ndarray, margin: float) -> GridLine:
    distances = np.linalg.norm(moving - anchor, axis=2)
    nearest = moving[np.arange(len(moving)), distances.argmin(1)]
    direction = (nearest - anchor).mean(0)
    direction /= np.linalg.norm(direction)
    reach = float(np.percentile(distances.min(1), 98)) + 6.0
    return GridLine(name, _point(anchor - margin * direction), _point(anchor + reach * direction))


def moving_lines(
    frames: np.ndarray, pixel_size: float, count: int = 4, length: float = 26.0
) -> list[GridLine]:
    """Grid lines across the places that move most, for recordings without outlines.

    They are named by number, because the anatomy is unknown.

    Args:
        frames: Frames with little noise, (frame, height, width).
        pixel_size: [mm].
        count: Number of lines.
        length: Of each [mm].
    """
    mean = gaussian_filter(frames.mean(0), 1.0)
    deviation = gaussian_filter(frames.std(0), 1.0)
    gradient = np.stack(np.gradient(mean)[::-1], -1)
    margin = int(np.ceil(length / 2 / pixel_size)) + 1
    deviation[:margin] = deviation[-margin:] = 0
    deviation[:, :margin] = deviation[:, -margin:] = 0
    y, x = np.mgrid[: deviation.shape[0], : deviation.shape[1]]
    lines: list[GridLine] = []
    while len(lines) < count and deviation.max() > 0:
        row, column = np.unravel_index(deviation.argmax(), deviation.shape)
        deviation[np.hypot(y - row, x - column) * pixel_size < length / 2] = 0
        slope = gradient[row - 1 : row + 2, column - 1 : column + 2].mean((0, 1))
        steep = float(np.linalg.norm(slope))
        if steep <= _FLAT * float(np.ptp(mean)):
            continue  # it changes as a whole: nothing says which way a line should run
        half = slope / steep * length / 2  # from dark to bright
        centre = np.array([column, row]) * pixel_size
        name = f"line {len(lines) + 1}"
        lines.append(GridLine(name, _point(centre - half), _point(centre + half)))
    return lines


def read_lines(path: Path) -> list[GridLine]:
    """Grid lines from JSON: {"lips": [[x, y], [x, y]], ...} in [mm], fixed wall first.

    Raises:
        UsageError: If the file is not of this form.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file of grid lines")
    form = f'{path}: not grid lines; write {{"lips": [[x, y], [x, y]], ...}} in mm'
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"{form}, as JSON") from error
    if not isinstance(content, dict) or not content:
        raise UsageError(form)
    lines = []
    for name, points in content.items():
        try:
            start, end = points
            lines.append(GridLine(str(name), _point(start), _point(end)))
        except (ValueError, TypeError) as error:
            raise UsageError(f"{form} ({name!r} is not two points)") from error
        if not 1 <= lines[-1].length < 1000:
            raise UsageError(f"{path}: {name!r} must be 1 mm long or more")
    return lines


def _point(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    x, y = values
    return float(x), float(y)
