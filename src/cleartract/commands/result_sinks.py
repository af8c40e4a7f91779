"""Where the frames of `cleartract denoise` are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cleartract.commands.residual_video import ResidualSink
from cleartract.denoising.survey import Survey
from cleartract.files import naming
from cleartract.recordings.array_reader import UNCERTAINTY
from cleartract.recordings.array_writer import ArrayWriter
from cleartract.recordings.source import FrameSource
from cleartract.recordings.writing import Described, FrameSink, open_master, open_sink


def result_sinks(
    source: FrameSource,
    samples: int,
    survey: Survey,
    places: dict[str, Path],
    targets: dict[str, Path],
    provenance: dict[str, Any],
) -> tuple[list[FrameSink], list[FrameSink]]:
    """Open the files for frames, and those for uncertainties.

    Args:
        source: The recording.
        samples: Length of its sound [samples].
        survey: What the first pass found.
        places: Where each result is written, by name.
        targets: What each is going to be called.
        provenance: Kept in a .npz.
    """
    result = Described(
        frames=survey.frames,
        size=survey.size,
        rate=survey.rate,
        peak=source.peak,
        bright=survey.bright,
        maximum=survey.maximum,
        sound=source.sound,
        samples=samples,
    )
    sinks = [open_sink(places["result"], result, provenance, targets["result"])]
    if "master" in places:
        sinks.append(open_master(places["master"], result, targets["master"]))
    if "residual" in places:
        sinks.append(ResidualSink(source, survey, places["residual"], targets["residual"]))
    spread: list[FrameSink] = []
    if "uncertainty" in places:
        shape, others = (survey.frames, *survey.size), {"kind": UNCERTAINTY}
        with naming(targets["uncertainty"]):
            spread.append(ArrayWriter(places["uncertainty"], shape, survey.rate, None, others))
    return sinks, spread
