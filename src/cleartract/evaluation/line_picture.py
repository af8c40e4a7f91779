"""Grid lines drawn over the mean frame, each with its number, name and confidence."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cleartract.evaluation.areas import Region
from cleartract.evaluation.grid_lines import GridLine
from cleartract.evaluation.line_quality import LineQuality

_COLOURS = ("#ffd23c", "#4fc3f7", "#a5e65a", "#ff9d5c", "#e79bff", "#5cf0c8")
_REFUSED = "#ff6b6b"
_SIDE = 640  # [pixels], about, of the frame
_LEGEND = 400  # [pixels] beside it
_BRIGHTER = 0.6  # exponent, so that the dim pharynx is seen


def lines_picture(
    frames: np.ndarray,
    lines: list[GridLine],
    qualities: list[LineQuality],
    pixel_size: float,
    regions: Sequence[Region] = (),
) -> bytes:
    """A PNG: the lines with a dot on the fixed wall, and a legend beside the frame.

    Args:
        frames: (frame, height, width).
        lines: Grid lines.
        qualities: Of each.
        pixel_size: [mm].
        regions: Drawn too, each with its name.
    """
    mean = frames.mean(0)
    top = max(float(np.percentile(mean, 99.5)), 1e-12)
    levels = (255 * np.clip(mean / top, 0, 1) ** _BRIGHTER).astype(np.uint8)
    zoom = max(1, round(_SIDE / max(mean.shape)))
    height, width = levels.shape[0] * zoom, levels.shape[1] * zoom
    picture = Image.new("RGB", (width + _LEGEND, max(height, 40 + 44 * len(lines))), "#16181c")
    enlarged = Image.fromarray(levels).resize((width, height), Image.Resampling.NEAREST)
    picture.paste(enlarged.convert("RGB"), (0, 0))
    draw = ImageDraw.Draw(picture)
    large, small = (ImageFont.load_default(size=size) for size in (18, 14))
    for region in regions:
        corners = [
            ((x / pixel_size + 0.5) * zoom, (y / pixel_size + 0.5) * zoom)
            for x, y in region.corners
        ]
        draw.line([*corners, corners[0]], fill="#ffffff", width=2)
        draw.text(
            max(corners),
            region.name,
            fill="#ffffff",
            font=small,
            stroke_width=2,
            stroke_fill="black",
        )
    for number, (line, quality) in enumerate(zip(lines, qualities, strict=True)):
        colour = _COLOURS[number % len(_COLOURS)] if quality.scored else _REFUSED
        start, end = (
            tuple((p / pixel_size + 0.5) * zoom for p in point) for point in (line.start, line.end)
        )
        draw.line([start, end], fill=colour, width=3)
        x, y = start
        draw.ellipse([x - 5, y - 5, x + 5, y + 5], fill=colour)
        beyond = np.array(start) + 16 * (np.array(start) - end) / max(
            np.hypot(*np.subtract(start, end)), 1
        )
        draw.text(
            tuple(beyond), str(number + 1), fill=colour, font=large, anchor="mm",
            stroke_width=3, stroke_fill="black",
        )  # fmt: skip
        row = 20 + 44 * number
        draw.text((width + 16, row), f"{number + 1}  {line.name}", fill=colour, font=large)
        said = f"confidence {100 * quality.confidence:.0f} %"
        said = said if quality.scored else f"not scored: {quality.reason}"
        draw.text((width + 38, row + 21), said, fill="#c8ccd2", font=small)
    file = io.BytesIO()
    picture.save(file, format="PNG")
    return file.getvalue()
