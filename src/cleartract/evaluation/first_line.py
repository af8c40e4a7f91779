"""The line across the vocal tract that is shown before somebody draws one."""

from __future__ import annotations

import numpy as np

from cleartract.evaluation.anatomical_lines import automatic_lines
from cleartract.evaluation.line_quality import line_quality

_FIRST = ("tongue body", "tongue tip", "lips", "pharynx", "velum port")


def first_line(frames: np.ndarray, pixel_size: float) -> dict[str, list[list[float]]]:
    """A line on which a constriction degree can be measured.

    Args:
        frames: Frames with little noise from all over a recording, (frame, height, width).
        pixel_size: [mm].

    Returns:
        Start in the fixed wall and end in what moves, each (x, y) [mm], by its name; nothing where
        no line can be measured.
    """
    order = {name: place for place, name in enumerate(_FIRST)}
    lines = automatic_lines(frames, pixel_size)
    for line in sorted(lines, key=lambda line: order.get(line.name, len(order))):
        if line_quality(frames, line, pixel_size).scored:
            return {line.name: [list(map(float, end)) for end in (line.start, line.end)]}
    return {}
