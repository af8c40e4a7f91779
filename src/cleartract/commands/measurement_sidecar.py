"""What the sidecar of measurements says of how they were made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleartract.commands.outputs import described_file, versions

if TYPE_CHECKING:
    from cleartract.evaluation.grid_lines import GridLine
    from cleartract.evaluation.line_quality import LineQuality
    from cleartract.recordings.recording import Recording


def described_measurement(
    read: dict[str, Path | None],
    recording: Recording,
    pixel_size: float,
    lines: list[GridLine],
    qualities: list[LineQuality],
) -> dict[str, Any]:
    """The part of the sidecar that decides the numbers.

    Args:
        read: Files that were read by what they are, `input` and others; None where there is none.
        recording: That was measured.
        pixel_size: [mm].
        lines: Grid lines.
        qualities: Of each line.
    """
    files = {name: None if path is None else described_file(path) for name, path in read.items()}
    placed = {
        line.name: {
            "points": [list(line.start), list(line.end)],
            "confidence": round(quality.confidence, 4),
            "not_scored": None if quality.scored else quality.reason,
        }
        for line, quality in zip(lines, qualities, strict=True)
    }
    height, width = recording.frames.shape[1:]
    return (
        versions()
        | files
        | {
            "frames": len(recording),
            "size": [height, width],
            "rate": [recording.rate.numerator, recording.rate.denominator],
            "pixel_size": pixel_size,
            "lines": placed,
        }
    )
