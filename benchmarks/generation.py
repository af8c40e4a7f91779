"""What is generated from sound: does it articulate as the speaker did?

python -m benchmarks.generation --corpus corpus --split validation
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
import tyro

from benchmarks import common
from benchmarks.common import load_split, of_another_speaker, write_json, write_table
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.generate import generate_recording
from cleartract.denoising.settings import DenoiseSettings, GenerateSettings
from cleartract.evaluation.articulation import constriction_degree
from cleartract.evaluation.full_reference import correlation, seam_index
from cleartract.evaluation.grid_lines import GridLine, outline_lines
from cleartract.model.model import Model
from cleartract.model.weights import load_model
from cleartract.recordings.intensity import Intensity
from cleartract.recordings.pictures import kymograph, save_png, strip, to_levels
from cleartract.recordings.recording import Recording
from cleartract.training.initial import default_speaker_recording

AMPLITUDES: tuple[Literal["speaker", "mean"], ...] = ("mean", "speaker")
MOVING = "moving pixels"
FIELD_OF_VIEW = 200.0  # [mm]
_WINDOW = (16, 10)  # [frames] length and step of the default windows
_QUIET = 0.03  # of the loudest frame: below it lie the pauses before and after all speech


@dataclass(frozen=True)
class Options:
    """Generate from matched and from swapped sound; correlate constriction degrees with the truth."""

    corpus: Path
    weights: str | None = None
    split: str = "validation"
    limit: int | None = None
    matched_reference_only: bool = False
    """Neither without a reference nor from swapped sound: a quarter of the time."""
    name: str = "generation"


def main(options: Options) -> None:
    model, described = load_model(options.weights)
    loaded = load_split(options.corpus, options.split)
    default = default_speaker_recording(options.corpus, model.config.default_speaker)
    own_lines = outline_lines(SimulatedRecording.load(default).outlines)
    rows = []
    for number, simulated in enumerate(loaded[: options.limit]):
        other = of_another_speaker(loaded, number).audio
        truth, lines = simulated.truth(), outline_lines(simulated.outlines)
        correlations, amplitudes, seams = {}, {}, []
        sounds = _sounds(simulated.audio, other)
        spoken = _spoken(truth, sounds)
        for name, audio in ({} if options.matched_reference_only else sounds).items():
            made = _generated(model, truth, audio)
            kind = f"alone, {name}"
            correlations[kind], amplitudes[kind] = _agreement(made, own_lines, truth, lines, spoken)
            kind = f"alone, {name}, pauses at the ends included"
            correlations[kind], amplitudes[kind] = _agreement(
                made, own_lines, truth, lines, np.ones_like(spoken)
            )
            seams.append(seam_index(made.frames, None, *_WINDOW))
            if number == 0:
                _picture(made, truth, f"{options.name}_{name}")
        half = len(truth) // 2
        said, rest = truth.excerpt(0, half), truth.excerpt(half, len(truth) - half)
        noisy = simulated.noisy("view_shared").excerpt(0, half)
        reference = denoise_recording(noisy, model, DenoiseSettings()).recording
        sounds = _sounds(rest.sound[0] if rest.sound else said.audio, other)
        spoken = _spoken(rest, sounds)
        if options.matched_reference_only:
            sounds = {"matched": sounds["matched"]}
        for (name, audio), amplitude in product(sounds.items(), AMPLITUDES):
            made = _generated(model, rest, audio, reference, amplitude)
            kind = f"reference, {name}, amplitude of the {amplitude}"
            correlations[kind], amplitudes[kind] = _agreement(made, lines, rest, lines, spoken)
            seams.append(seam_index(made.frames, None, *_WINDOW))
        rows.append(
            {
                "speaker": simulated.parameters["speaker"],
                "correlations": correlations,
                "amplitudes": amplitudes,
                "seams": seams,
            }
        )
        print(
            rows[-1]["speaker"],
            {k: round(float(v["lips"]), 2) for k, v in correlations.items()},
            flush=True,
        )
    write_json(options.name, {"training": described.get("training"), "rows": rows})
    names = [line.name for line in own_lines]
    table = [
        [kind, *(_cell(rows, kind, name) for name in names), _cell(rows, kind, MOVING)]
        for kind in rows[0]["correlations"]
    ]
    seam = np.nanmean([r["seams"] for r in rows])
    note = (
        f"`python -m benchmarks.generation --split {options.split}`: correlation with the truth / "
        f"amplitude (standard deviation over the truth's, geometric mean; 1 is best), {MOVING}: of the "
        f"intensity of the tenth of the pixels that move most; mean "
        f"over {len(rows)} recordings, from where both sounds have begun to where one ends. "
        "*Alone*: nothing but the sound. *Reference*: the first half of the noisy recording shows "
        "the speaker, the second half is generated. Change from frame to frame where windows begin "
        f"and end, relative to elsewhere: {seam:.3f}."
    )
    write_table(options.name, ["from", *names, MOVING], table, note)


def _sounds(matched: np.ndarray, other: np.ndarray) -> dict[str, np.ndarray]:
    return {"matched": matched, "swapped": np.resize(other, len(matched))}


def _spoken(truth: Recording, sounds: dict[str, np.ndarray]) -> np.ndarray:
    """Frames between the pauses at both ends of all the sounds, (frame,) bool."""
    inside = np.ones(len(truth), bool)
    for audio in sounds.values():
        starts = np.arange(len(truth)) / float(truth.rate) * (truth.sample_rate or 1)
        parts = np.split(audio.astype(np.float64) ** 2, starts[1:].astype(int))
        level = np.sqrt([part.mean() if len(part) else 0.0 for part in parts])
        loud = np.flatnonzero(level > _QUIET * level.max())
        inside[: loud[0]] = inside[loud[-1] + 1 :] = False
    return inside


def _cell(rows: list[dict], kind: str, name: str) -> str:
    """Mean correlation and amplitude."""
    correlations = [row["correlations"][kind][name] for row in rows]
    ratios = np.array([row["amplitudes"][kind][name] for row in rows])
    known = ratios[np.isfinite(ratios) & (ratios > 0)]
    amplitude = np.exp(np.log(known).mean()) if len(known) else np.nan
    return f"{np.nanmean(correlations):.2f} / {amplitude:.2f}"


def _generated(
    model: Model,
    truth: Recording,
    audio: np.ndarray,
    reference: Recording | None = None,
    amplitude: Literal["speaker", "mean"] = "speaker",
) -> Recording:
    size = model.config.default_speaker if reference is None else None
    settings = GenerateSettings(rate=str(truth.rate), size=size, amplitude=amplitude)
    return generate_recording(audio, truth.sample_rate or 1, model, settings, reference)


def _agreement(
    made: Recording,
    made_lines: list[GridLine],
    truth: Recording,
    lines: list[GridLine],
    where: np.ndarray,
) -> tuple[dict[str, float], dict[str, float]]:
    """Correlation, and amplitude over the truth's, by grid line and of the pixels that move."""
    where = where[: min(len(made), len(truth))]
    by_line, ratios = {}, {}
    for own, line in zip(made_lines, lines, strict=True):
        degrees = []
        for recording, place in ((made, own), (truth, line)):
            frames, size = recording.frames[: len(where)], FIELD_OF_VIEW / recording.frames.shape[2]
            degrees.append(constriction_degree(frames, place, size)[where])
        by_line[line.name] = correlation(degrees[0], degrees[1])
        spread = float(degrees[1].std())
        ratios[line.name] = float(degrees[0].std()) / spread if spread > 0 else float("nan")
    by_line[MOVING], ratios[MOVING] = _moving(made, truth, where)
    return by_line, ratios


def _moving(made: Recording, truth: Recording, where: np.ndarray) -> tuple[float, float]:
    """The same of pixels; only for frames of one speaker, whose pixels show the same anatomy."""
    if made.frames.shape[1:] != truth.frames.shape[1:] or not where.any():
        return float("nan"), float("nan")
    own, true = (
        Intensity.of(one.frames).apply(one.frames)[: len(where)][where] for one in (made, truth)
    )
    moving = true.std(0) >= np.quantile(true.std(0), 0.9)
    own, true = (one[:, moving] - one[:, moving].mean(0) for one in (own, true))
    power = float((true**2).sum())
    together = float((own * true).sum()) / max(np.sqrt(power * float((own**2).sum())), 1e-12)
    return float(together), float(np.sqrt((own**2).sum() / max(power, 1e-12)))


def _picture(made: Recording, truth: Recording, name: str) -> None:
    chosen = np.linspace(0, min(len(made), len(truth)) - 1, 8).astype(int)
    levels = [to_levels(made.frames / 255), to_levels(truth.frames)]
    rows = [strip(level, chosen) for level in levels] + [kymograph(x, 0.42) for x in levels]
    save_png(common.RESULTS / f"{name}.png", rows)


if __name__ == "__main__":
    main(tyro.cli(Options))
