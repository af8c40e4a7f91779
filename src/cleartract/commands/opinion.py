"""What was removed although it repeats, as a video and a picture."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from cleartract.denoising.lasting import repeating_parts
from cleartract.denoising.residual import ResidualSplit, bright_tissue
from cleartract.denoising.survey import Survey
from cleartract.files import naming
from cleartract.recordings.writing import Described, open_sink

SHOWN = (".mp4", ".mov", ".avi", ".gif")  # kinds that hold grey levels; others hold the values
FULL = 0.1  # of the brightest tissue: black and white of the video, white of the picture


def write_opinion(
    places: tuple[Path, Path],
    targets: tuple[Path, Path],
    survey: Survey,
    split: ResidualSplit,
    raw: Iterable[np.ndarray],
    restored: Iterable[np.ndarray],
) -> None:
    """Write the repeating part of what was removed.

    Args:
        places: Where video (or .npz) and picture are written.
        targets: What they are going to be called.
        survey: Of the recording.
        split: What was removed.
        raw: All frames in order, in parts.
        restored: The same, as the model leaves them.
    """
    _, bright = bright_tissue(survey)
    in_levels = targets[0].suffix.lower() in SHOWN
    peak = 255.0 if in_levels else None
    described = Described(survey.frames, survey.size, survey.rate, peak, bright, bright)
    provenance = {"kind": "repeating part of what was removed", "unit": "that of the recording"}
    sink = open_sink(places[0], described, provenance, targets[0])
    try:
        for _, part in repeating_parts(split, raw, restored):
            sink.write(127.5 * (1 + part / (FULL * bright)) if in_levels else part)
    except BaseException:
        sink.abandon()
        raise
    sink.close()
    levels = np.round(255 * split.strength / (FULL * bright)).clip(0, 255).astype(np.uint8)
    with naming(targets[1]):
        Image.fromarray(levels).save(places[1], format="png")
