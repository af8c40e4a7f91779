r"""Does adaptation to noisy recordings alone gain anything, and only where there is something?

cleartract simulate --golden --noise 0.08 0.16 --speakers 4 --seconds 12 --minutes 0.8 \
    --timit-share 0 --seed 11 -o unseen
cleartract simulate --speakers 3 --seconds 12 --minutes 0.6 --timit-share 0 --seed 12 -o familiar
python -m benchmarks.adaptation --unseen unseen --familiar familiar
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from benchmarks.common import write_json, write_table
from cleartract.adaptation.adapt import LEAST_WINDOWS, adapt
from cleartract.adaptation.settings import AdaptSettings
from cleartract.corpora.entries import find_entries
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.evaluation.full_reference import frame_difference_error, psnr
from cleartract.evaluation.measure import Subject
from cleartract.model.model import Model
from cleartract.model.weights import load_model


@dataclass(frozen=True)
class Options:
    """Adapt to each recording by itself and compare with the truth, which adaptation never sees."""

    unseen: Path | None = None
    """Corpus of a protocol that the weights have not seen."""
    familiar: Path | None = None
    """Corpus of new speakers and the protocol that they were trained on: nothing to gain."""
    limit: int = 4
    """Recordings of each."""
    steps: int = 100
    weights: str | None = None
    name: str = "adaptation"


def main(options: Options) -> None:
    model, described = load_model(options.weights)
    rows = []
    for protocol, folder in (("unseen", options.unseen), ("familiar", options.familiar)):
        if folder is None:
            continue
        entries = find_entries(folder, "all")
        jobs = [SimulatedRecording.load(e.path) for e in entries if _long_enough(e.frames)]
        for number, simulated in enumerate(jobs[: options.limit]):
            names = sorted(simulated.reconstructions)
            row = _row(model, simulated, names[number % len(names)], options.steps)
            rows.append({"protocol": protocol, **row})
            print(rows[-1], flush=True)
    write_json(options.name, {"training": described.get("training"), "rows": rows})
    note = (
        f"`python -m benchmarks.adaptation`: {options.steps} steps for each recording by itself; the "
        "truth serves the figures only. *Kept* says whether adapted weights would be written; where not, "
        "their figures are shown all the same. *Taken away*: by how much more, of what the weights before "
        "took from held-out frames."
    )
    write_table(options.name, _HEADER, [_line(row) for row in rows], note)


_HEADER = [
    "protocol", "speaker", "reconstruction", "noisy [dB]", "unadapted", "adapted", "gain",
    "gain, airway", "frame difference", "adapted", "taken away", "kept",
]  # fmt: skip


def _long_enough(frames: int) -> bool:
    return frames >= LEAST_WINDOWS * AdaptSettings().frames


def _row(model: Model, simulated: SimulatedRecording, name: str, steps: int) -> dict:
    noisy, truth = simulated.noisy(name), simulated.truth(name).frames
    rate = float(simulated.rate)
    subject = Subject("s", rate, truth, None, truth, outlines=simulated.outlines)
    band = np.broadcast_to(subject.airway(), truth.shape)
    result = adapt(model, [noisy], AdaptSettings(steps=steps))
    row: dict = {
        "speaker": simulated.parameters["speaker"],
        "size": truth.shape[1],
        "reconstruction": name,
        "noise_level": simulated.parameters["noise_level"],
        "kept": result.kept,
        "standard_errors": result.gain,
        "given_back": result.given_back,
        "losses": result.losses,
        "noisy": {"psnr": psnr(noisy.frames, truth)},
    }
    for kind, chosen in (("unadapted", model), ("adapted", result.adapted)):
        frames = denoise_recording(noisy, chosen, DenoiseSettings()).recording.frames
        row[kind] = {
            "psnr": psnr(frames, truth),
            "airway": psnr(frames, truth, mask=band),
            "difference": frame_difference_error(frames, truth),
        }
    return row


def _line(row: dict) -> list:
    before, after = row["unadapted"], row["adapted"]
    return [
        row["protocol"], row["speaker"], row["reconstruction"], f"{row['noisy']['psnr']:.2f}",
        f"{before['psnr']:.2f}", f"{after['psnr']:.2f}", f"{after['psnr'] - before['psnr']:+.2f}",
        f"{after['airway'] - before['airway']:+.2f}", f"{before['difference']:.4f}",
        f"{after['difference']:.4f}", f"{-100 * row['given_back']:+.1f} %", "yes" if row["kept"] else "no",
    ]  # fmt: skip


if __name__ == "__main__":
    main(tyro.cli(Options))
