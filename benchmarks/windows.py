"""Window, step and blend: what they cost, and whether a seam is left.

python -m benchmarks.windows --corpus corpus --real recording.mp4
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from benchmarks.common import load_split, write_json, write_table
from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.evaluation.full_reference import frame_difference_error, psnr, seam_index
from cleartract.model.weights import load_model
from cleartract.recordings.opening import open_recording
from cleartract.recordings.recording import Recording

ROWS = (
    *((5, 2, "hann"), (5, 3, "hann"), (8, 5, "hann"), (16, 10, "hann"), (32, 20, "hann")),
    *((16, 10, "triangular"), (16, 10, "uniform"), (16, 16, "hann"), (1, 1, "uniform")),
)
"""Window [frames], step [frames], blend."""


@dataclass(frozen=True)
class Options:
    """Denoise the same recordings with each row of `ROWS`."""

    corpus: Path
    real: Path | None = None
    """A real recording, for the seam where no truth is known."""
    frames: int = 400
    """Of the real recording, from its start."""
    weights: str | None = None
    split: str = "validation"
    limit: int | None = 6


def main(options: Options) -> None:
    model, described = load_model(options.weights)
    jobs = _simulated(options)
    if options.real is not None:
        real = open_recording(options.real)
        jobs.append((real.excerpt(0, min(options.frames, len(real))), None))
    rows = []
    for window, step, blend in ROWS:
        settings = DenoiseSettings(window_duration=window, step_duration=step, blend=blend)
        measured, seconds = [], 0.0
        for recording, truth in jobs:
            started = time.perf_counter()
            frames = denoise_recording(recording, model, settings).recording.frames
            seconds += time.perf_counter() - started
            seam = seam_index(frames, truth, window, step)
            one = {"seam": seam, "seam_of_input": seam_index(recording.frames, truth, window, step)}
            if truth is not None:
                one["psnr"] = psnr(frames, truth)
                noisy = frame_difference_error(recording.frames, truth)
                one["difference"] = frame_difference_error(frames, truth) / noisy
            measured.append(one)
        speed = sum(len(recording) for recording, _ in jobs) / seconds
        row = {"window": window, "step": step, "blend": blend, "figures": measured, "speed": speed}
        rows.append(row)
        print(window, step, blend, round(speed, 1), flush=True)
    write_json("windows", {"training": described.get("training"), "rows": rows})
    count = sum(truth is not None for _, truth in jobs)
    note = (
        f"`python -m benchmarks.windows --limit {options.limit} --frames {options.frames}`: means "
        f"over {count} recordings of {options.split} speakers; "
        "last column one real recording, its own change where windows begin and end over that "
        "elsewhere, divided by the same of the input."
    )
    write_table("windows", _HEADER, [_line(row) for row in rows], note)


_HEADER = [
    "window", "step", "blend", "PSNR [dB]", "frame difference error", "seam index",
    "frames/s", "seam index, real",
]  # fmt: skip


def _simulated(options: Options) -> list[tuple[Recording, np.ndarray | None]]:
    kept = load_split(options.corpus, options.split)
    chosen = kept[:: max(1, len(kept) // (options.limit or len(kept)))][: options.limit]
    names = [sorted(item.reconstructions) for item in chosen]
    return [
        (item.noisy(n[i % len(n)]), item.truth(n[i % len(n)]).frames)
        for i, (item, n) in enumerate(zip(chosen, names, strict=True))
    ]


def _line(row: dict) -> list:
    simulated = [one for one in row["figures"] if "psnr" in one]
    real = [one for one in row["figures"] if "psnr" not in one]

    def mean(name: str, digits: int) -> str:
        values = np.array([one[name] for one in simulated])
        return f"{values.mean():.{digits}f}" if np.isfinite(values).all() else "–"

    seam = real[0]["seam"] / real[0]["seam_of_input"] if real else float("nan")
    return [
        row["window"], row["step"], row["blend"], mean("psnr", 2), mean("difference", 3),
        mean("seam", 3), f"{row['speed']:.0f}", f"{seam:.3f}" if np.isfinite(seam) else "–",
    ]  # fmt: skip


if __name__ == "__main__":
    main(tyro.cli(Options))
