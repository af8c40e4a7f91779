"""What is generated from sound: does it articulate as the speaker did?

python -m benchmarks.generation --corpus corpus --split validation
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from benchmarks.audio import of_another_speaker
from benchmarks.common import RESULTS, write_json, write_table
from cleartract.evaluation.articulation import constriction_degree, correlation
from cleartract.evaluation.grid_lines import GridLine, outline_lines
from cleartract.generation import GenerateSettings, generate
from cleartract.model import Model, load_model
from cleartract.recordings.dataset import AVDataset
from cleartract.recordings.pictures import kymograph, save_png, strip, to_levels
from cleartract.recordings.recording import Recording
from cleartract.recordings.simulated import SimulatedRecording
from cleartract.restore import denoise_recording
from cleartract.training.start import likeness_recording
from cleartract.windowed import DenoiseSettings

FIELD_OF_VIEW = 200.0  # [mm]


@dataclass(frozen=True)
class Options:
    """Generate from matched and from swapped sound; correlate constriction degrees with the truth."""

    corpus: Path
    weights: str | None = None
    split: str = "validation"
    limit: int | None = None
    name: str = "generation"


def main(options: Options) -> None:
    model, described = load_model(options.weights)
    entries = AVDataset(options.corpus, options.split).entries[: options.limit]
    loaded = [SimulatedRecording.load(entry.path) for entry in entries]
    lender = SimulatedRecording.load(likeness_recording(options.corpus, model.config.likeness))
    own_lines = outline_lines(lender.outlines)
    rows = []
    for number, simulated in enumerate(loaded):
        other = of_another_speaker(loaded, number).audio
        truth, lines = simulated.truth(), outline_lines(simulated.outlines)
        found = {}
        for name, audio in _sounds(simulated.audio, other).items():
            made = _generated(model, truth, audio)
            found[f"alone, {name}"] = _correlations(made, own_lines, truth, lines)
            if number == 0:
                _picture(made, truth, f"{options.name}_{name}")
        half = len(truth) // 2
        said, rest = truth.excerpt(0, half), truth.excerpt(half, len(truth) - half)
        noisy = simulated.noisy("view_shared").excerpt(0, half)
        reference = denoise_recording(noisy, model, DenoiseSettings()).recording
        for name, audio in _sounds(rest.sound[0] if rest.sound else said.audio, other).items():
            made = _generated(model, rest, audio, reference)
            found[f"reference, {name}"] = _correlations(made, lines, rest, lines)
        rows.append({"speaker": simulated.parameters["speaker"], "correlations": found})
        print(rows[-1]["speaker"], {k: round(v["lips"], 2) for k, v in found.items()}, flush=True)
    write_json(options.name, {"training": described.get("training"), "rows": rows})
    names = [line.name for line in own_lines]
    table = [
        [kind, *(f"{np.nanmean([r['correlations'][kind][n] for r in rows]):.2f}" for n in names)]
        for kind in rows[0]["correlations"]
    ]
    note = (
        f"`python -m benchmarks.generation --split {options.split}`: correlation with the truth, "
        f"mean over {len(rows)} recordings. *Alone*: nothing but the sound. *Reference*: the first "
        "half of the noisy recording shows the speaker, the second half is generated."
    )
    write_table(options.name, ["from", *names], table, note)


def _sounds(matched: np.ndarray, other: np.ndarray) -> dict[str, np.ndarray]:
    return {"matched": matched, "swapped": np.resize(other, len(matched))}


def _generated(
    model: Model, truth: Recording, audio: np.ndarray, reference: Recording | None = None
) -> Recording:
    settings = GenerateSettings(rate=str(truth.rate), size=model.config.likeness)
    return generate(audio, truth.sample_rate or 1, model, settings, reference)


def _correlations(
    made: Recording, made_lines: list[GridLine], truth: Recording, lines: list[GridLine]
) -> dict[str, float]:
    count = min(len(made), len(truth))
    found = {}
    for own, line in zip(made_lines, lines, strict=True):
        degrees = [
            constriction_degree(r.frames[:count], place, FIELD_OF_VIEW / r.frames.shape[2])
            for r, place in ((made, own), (truth, line))
        ]
        found[line.name] = correlation(degrees[0], degrees[1])
    return found


def _picture(made: Recording, truth: Recording, name: str) -> None:
    chosen = np.linspace(0, min(len(made), len(truth)) - 1, 8).astype(int)
    levels = [to_levels(made.frames / 255), to_levels(truth.frames)]
    rows = [strip(level, chosen) for level in levels] + [kymograph(x, 0.42) for x in levels]
    save_png(RESULTS / f"{name}.png", rows)


if __name__ == "__main__":
    main(tyro.cli(Options))
