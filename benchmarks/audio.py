"""Does the sound matter, and where? Matched, no and swapped sound on simulated speakers.

python -m benchmarks.audio --corpus corpus --split validation
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro

from benchmarks.common import load_split, of_another_speaker, write_json, write_table
from benchmarks.peers.protocols import spiral_level
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.evaluation.control_summary import hallucination_index
from cleartract.evaluation.controls import (
    LOST,
    ControlResult,
    ControlSetup,
    long_runs,
    lost_runs,
    run_controls,
)
from cleartract.evaluation.full_reference import psnr
from cleartract.evaluation.measure import Subject
from cleartract.model.prior import interpolation_weights
from cleartract.model.weights import load_model

CONTROLS = ("matched", "null", "swapped")


@dataclass(frozen=True)
class Options:
    """Run the controls of the audio and sort them by noise and by lost frames."""

    corpus: Path
    weights: str | None = None
    split: str = "validation"
    limit: int | None = None
    name: str = "audio"


def main(options: Options) -> None:
    model, described = load_model(options.weights)
    loaded = load_split(options.corpus, options.split)
    # the reconstructions in turn: two of one recording are not independent
    kinds = [sorted(item.reconstructions) for item in loaded]
    jobs = [(i, names[i % len(names)]) for i, names in enumerate(kinds)]
    rows: list[dict] = []
    for number, name in jobs[: options.limit]:
        simulated = loaded[number]
        noisy = simulated.noisy(name)
        truth, rate = simulated.truth(name).frames, float(simulated.rate)
        subject = Subject("s", rate, truth, None, truth, outlines=simulated.outlines)
        setup = ControlSetup(of_another_speaker(loaded, number).audio, number, CONTROLS)
        results = run_controls(subject, noisy, setup, model, DenoiseSettings())
        level = spiral_level(simulated.parameters["noise_level"])
        rows.append(_row(simulated, name, level, results))
        rows[-1]["interpolated_airway_db"] = _interpolated(noisy.frames, subject, number)
        print(rows[-1]["speaker"], name, level, flush=True)
    write_json(
        options.name,
        {"split": options.split, "training": described.get("training"), "rows": rows},
    )
    note = (
        f"`python -m benchmarks.audio --split {options.split}`: whole recordings, "
        "reconstructions in turn; mean and standard error over speakers."
    )
    write_table(options.name, _HEADER, [_line(kind, rows) for kind in _KINDS], note)


_HEADER = [
    "where", "speakers", "noisy neighbours interpolated [dB]", "null [dB]", "matched - null [dB]",
    "swapped - null [dB]", "degree error null [mm]", "matched / null", "swapped / null",
]  # fmt: skip
_KINDS = ("low", "medium", "high", *LOST)


def _row(
    simulated: SimulatedRecording, name: str, level: str, results: dict[str, ControlResult]
) -> dict:
    return {
        "speaker": simulated.parameters["speaker"],
        "protocol": simulated.parameters["protocol"],
        "reconstruction": name,
        "level": level,
        "metrics": {control: result.metrics for control, result in results.items()},
        "hallucination_mm": hallucination_index(results),
        "hallucination_lost_mm": hallucination_index(results, lost=True),
    }


def _interpolated(noisy: np.ndarray, subject: Subject, seed: int) -> dict[str, float]:
    """Airway PSNR [dB] of lost frames that are only interpolated between noisy neighbours."""
    truth = subject.truth
    if truth is None:
        raise ValueError("interpolation is compared with a truth")
    lost = lost_runs(len(truth), seed)
    weights = interpolation_weights(torch.from_numpy(~lost)[None])[0].numpy()
    frames = np.tensordot(weights, noisy, 1)
    band = np.broadcast_to(subject.airway(), truth.shape)
    levels = {}
    for name, where in zip(LOST, (lost, long_runs(lost)), strict=True):
        known = where.any()
        levels[name] = psnr(frames[where], truth[where], mask=band[where]) if known else np.nan
    return levels


def _line(kind: str, rows: list[dict]) -> list:
    """One line: a noise level of intact recordings, or lost frames of all of them."""
    situation = kind if kind in LOST else "all frames"
    chosen = [row for row in rows if kind in LOST or row["level"] == kind]
    name = kind if kind in LOST else f"intact, {kind} noise"

    def values(metric: str, control: str) -> np.ndarray:
        speakers = sorted({row["speaker"] for row in chosen})
        return np.array(
            [
                np.nanmean(
                    [
                        row["metrics"][control][metric][situation]
                        for row in chosen
                        if row["speaker"] == speaker
                    ]
                )
                for speaker in speakers
            ]
        )

    if not chosen:
        return [name, 0, *["–"] * 7]
    levels = {c: values("psnr_airway", c) for c in CONTROLS}
    degrees = {c: values("degree_error_mm", c) for c in CONTROLS}
    cells: list = [name, len(levels["null"]), "–", f"{np.nanmean(levels['null']):.2f}"]
    if kind in LOST:
        plain = [row["interpolated_airway_db"][kind] for row in chosen]
        cells[2] = f"{np.nanmean(plain):.2f}"
    cells += [_gain(levels[c] - levels["null"]) for c in ("matched", "swapped")]
    cells.append(f"{np.nanmean(degrees['null']):.2f}")
    cells += [
        f"{np.nanmean(degrees[c]) / np.nanmean(degrees['null']):.3f}"
        for c in ("matched", "swapped")
    ]
    return cells


def _gain(values: np.ndarray) -> str:
    values = values[np.isfinite(values)]
    spread = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return f"{values.mean():+.2f} ± {spread:.2f}"


if __name__ == "__main__":
    main(tyro.cli(Options))
