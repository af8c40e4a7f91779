"""Does denoising move closures? Constriction degrees and their timing, by articulator.

python -m benchmarks.closures --corpus corpus
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from benchmarks.common import load_split, write_json, write_table
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.evaluation.labels import plain_verdict
from cleartract.evaluation.measure import Subject, articulation
from cleartract.evaluation.report import finite
from cleartract.model.model import Model
from cleartract.model.weights import load_model

_FIGURES = {
    "error [mm]": ("error_mm", 2),
    "closures too wide [mm]": ("closure_bias_mm", 2),
    "largest error of a closure [mm]": ("closure_change_mm", 1),
    "timing [ms]": ("timing_error_ms", 1),
    "missed [%]": ("events_missed", 0),
    "invented [%]": ("events_invented", 0),
}


@dataclass(frozen=True)
class Options:
    """Denoise every recording of a split and compare its closures with those of the truth."""

    corpus: Path
    weights: str | None = None
    split: str = "validation"
    frames: int = 120
    """Frames from the middle of each recording."""
    limit: int | None = None
    name: str = "closures"


def main(options: Options) -> None:
    start = time.monotonic()
    model, described = load_model(options.weights)
    rows = []
    for simulated in load_split(options.corpus, options.split)[: options.limit]:
        for reconstruction in simulated.reconstructions:
            rows.append(_measured(simulated, reconstruction, model, options.frames))
            print(rows[-1]["speaker"], reconstruction, *rows[-1]["verdict"], sep="; ", flush=True)
    lines = {name: None for row in rows for name in row["articulation"]}
    table = [
        [name, *(_cell(rows, name, metric, digits) for metric, digits in _FIGURES.values())]
        for name in lines
    ]
    write_json(options.name, {"training": described.get("training"), "rows": finite(rows)})
    note = (
        f"`python -m benchmarks.closures --split {options.split} --frames {options.frames}`: "
        f"constriction degrees before → after denoising against the scan without noise, mean over "
        f"{len(rows)} reconstructions of {len({row['speaker'] for row in rows})} speakers "
        f"({(time.monotonic() - start) / 60:.0f} min). A closure is too wide where its smallest "
        "degree is larger than the truth's; closures and releases within 80 ms are the same event."
    )
    write_table(options.name, ["articulator", *_FIGURES], table, note)


def _measured(
    simulated: SimulatedRecording, reconstruction: str, model: Model, frames: int
) -> dict:
    noisy, truth = simulated.noisy(reconstruction), simulated.truth(reconstruction)
    length = min(frames, len(noisy))
    first = (len(noisy) - length) // 2
    noisy, truth = noisy.excerpt(first, length), truth.excerpt(first, length)
    subject = Subject(
        name=reconstruction,
        rate=float(simulated.rate),
        denoised=denoise_recording(noisy, model, DenoiseSettings()).recording.frames,
        noisy=noisy.frames,
        truth=truth.frames,
        outlines=simulated.outlines[first : first + length],
    )
    found = articulation(subject)
    return {
        "speaker": simulated.parameters["speaker"],
        "reconstruction": reconstruction,
        "articulation": found,
        "verdict": plain_verdict({"articulation": found, "with_truth": {}}),
    }


def _cell(rows: list[dict], line: str, metric: str, digits: int) -> str:
    """Before and after, means over the recordings where both are known."""
    pairs = [
        [row["articulation"][line][metric][version] for version in ("noisy", "denoised")]
        for row in rows
        if line in row["articulation"]
    ]
    known = np.array([pair for pair in pairs if np.isfinite(pair).all()])
    if not len(known):
        return "–"
    scale = 100 if metric.startswith("events") else 1
    before, after = scale * known.mean(0)
    return f"{before:.{digits}f} → {after:.{digits}f}"


if __name__ == "__main__":
    main(tyro.cli(Options))
