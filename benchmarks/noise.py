"""From how much noise on is the sound worth something? Recordings with noise added to them.

python -m benchmarks.noise --corpus corpus --split validation
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro

from benchmarks.audio import CONTROLS
from benchmarks.common import load_split, of_another_speaker, write_json, write_table
from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.evaluation.articulation import constriction_degrees, degree_error
from cleartract.evaluation.controls import with_control
from cleartract.evaluation.full_reference import psnr
from cleartract.evaluation.measure import Subject
from cleartract.model.model import Model
from cleartract.model.weights import load_model
from cleartract.recordings.recording import Recording
from cleartract.sound.log_mel import AUDIO_RATE
from cleartract.sound.prediction import learned_prediction

LEVELS = (0.0, 0.1, 0.2, 0.4)
"""Standard deviation of complex noise added to every frame, relative to the brightest tissue."""

PREDICTIONS = ("predicted", "truth_predicted")
"""Frames predicted from the sound: learned from the noisy frames, learned from the truth."""


@dataclass(frozen=True)
class Options:
    """Add noise and denoise with the sound, without it and with another speaker's."""

    corpus: Path
    split: str = "validation"
    limit: int | None = None
    weights: str | None = None
    name: str = "noise"


def main(options: Options) -> None:
    model, described = load_model(options.weights)
    loaded = load_split(options.corpus, options.split)
    speakers = {item.parameters["speaker"]: number for number, item in enumerate(loaded)}
    rows = []
    for number in list(speakers.values())[: options.limit]:
        simulated, names = loaded[number], sorted(loaded[number].reconstructions)
        name = names[number % len(names)]
        truth, noisy = simulated.truth(name).frames, simulated.noisy(name)
        subject = Subject(
            "s", float(simulated.rate), truth, None, truth, outlines=simulated.outlines
        )
        other = of_another_speaker(loaded, number).audio
        for level in LEVELS:
            source = replace(noisy, frames=_noisier(noisy.frames, level, number))
            denoised = {c: _denoised(source, c, other, model) for c in CONTROLS}
            metrics = {c: _metrics(frames, subject) for c, frames in denoised.items()}
            airway = np.broadcast_to(subject.airway(), truth.shape)
            row = {"speaker": simulated.parameters["speaker"], "level": level, "metrics": metrics}
            row |= {"reconstruction": name, "input_db": psnr(source.frames, truth, mask=airway)}
            row |= _alone(source, denoised["null"], model, truth, airway)
            rows.append(row)
            gain = metrics["matched"]["psnr"] - metrics["null"]["psnr"]
            print(row["speaker"], name, level, f"{gain:+.2f} dB", flush=True)
    write_json(
        options.name,
        {"split": options.split, "training": described.get("training"), "rows": rows},
    )
    best = np.nanmean([row["truth_predicted_db"] for row in rows])
    note = (
        f"`python -m benchmarks.noise --split {options.split} --limit {options.limit}`: intact "
        "recordings with complex noise added, PSNR in the airway region; mean and standard error over "
        f"speakers. Learned from the truth instead of noisy frames, the prediction would reach {best:.1f} "
        "dB. *Best mix*: the weighted mean of the null result and of the frames predicted from the sound, "
        "its weight fitted to the truth; *from the truth*: with a prediction learned from the truth."
    )
    lines = [_line([row for row in rows if row["level"] == level]) for level in LEVELS]
    write_table(options.name, _HEADER, lines, note)


_HEADER = [
    "added noise", "speakers", "noisy [dB]", "predicted from sound [dB]", "null [dB]", "matched - null [dB]",
    "swapped - null [dB]", "best mix - null [dB]", "from the truth [dB]", "degree error null [mm]",
    "matched / null", "swapped / null",
]  # fmt: skip


def _noisier(frames: np.ndarray, level: float, seed: int) -> np.ndarray:
    parts = np.random.default_rng(seed).standard_normal((2, *frames.shape), dtype=np.float32)
    return np.hypot(frames + level * parts[0], level * parts[1])


def _denoised(source: Recording, control: str, other, model: Model) -> np.ndarray:
    with_sound = with_control(source, control, other)
    settings = DenoiseSettings(use_audio=with_sound is not None)
    return denoise_recording(with_sound or source, model, settings).recording.frames


def _alone(
    source: Recording, null: np.ndarray, model: Model, truth: np.ndarray, airway: np.ndarray
) -> dict[str, float]:
    """PSNR of the frames predicted from the sound, and what they could add to the null result.

    Learned from these noisy frames, and learned from the truth, which is not at hand in practice.
    """
    audio, numbers, features = source.audio_at(AUDIO_RATE), np.arange(len(truth)), None
    if model.inversion is not None and audio is not None:
        features = model.inversion.of_frames(audio, len(truth), float(source.rate))
    row: dict[str, float] = {}
    for kind, frames in zip(PREDICTIONS, (source.frames, truth), strict=True):
        row |= {f"{kind}_db": np.nan, f"{kind}_mix_db": np.nan}
        learned = None if features is None else learned_prediction(features, frames, source.rate)
        if learned is not None and features is not None:
            predicted = learned.frames(features, numbers)
            row[f"{kind}_db"] = psnr(predicted, truth, mask=airway)
            row[f"{kind}_mix_db"] = _best_mix(null, predicted, truth, airway)
    return row


def _best_mix(
    null: np.ndarray, predicted: np.ndarray, truth: np.ndarray, airway: np.ndarray
) -> float:
    """PSNR gained by the weighted mean of both that comes nearest to the truth [dB]."""
    away, missing = (predicted - null)[airway], (truth - null)[airway]
    mixed = null + (away @ missing) / (away @ away) * (predicted - null)
    return psnr(mixed, truth, mask=airway) - psnr(null, truth, mask=airway)


def _metrics(frames: np.ndarray, subject: Subject) -> dict[str, float]:
    if (truth := subject.truth) is None:
        raise ValueError("metrics need a truth")
    lines, size = subject.grid_lines(), subject.millimetres
    degrees = (constriction_degrees(x, lines, size) for x in (frames, truth))
    airway = np.broadcast_to(subject.airway(), truth.shape)
    return {"psnr": psnr(frames, truth, mask=airway), "degree_error_mm": degree_error(*degrees)}


def _line(rows: list[dict]) -> list:
    def values(metric: str, control: str) -> np.ndarray:
        return np.array([row["metrics"][control][metric] for row in rows])

    def gain(control: str) -> str:
        gains = values("psnr", control) - values("psnr", "null")
        spread = gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else float("nan")
        return f"{gains.mean():+.2f} ± {spread:.2f}"

    error = values("degree_error_mm", "null").mean()
    ratios = [values("degree_error_mm", c).mean() / error for c in ("matched", "swapped")]
    return [
        rows[0]["level"], len(rows), f"{np.mean([row['input_db'] for row in rows]):.1f}",
        f"{np.mean([row['predicted_db'] for row in rows]):.1f}",
        f"{values('psnr', 'null').mean():.2f}", gain("matched"), gain("swapped"),
        *(f"{np.mean([row[f'{kind}_mix_db'] for row in rows]):+.2f}" for kind in PREDICTIONS),
        f"{error:.2f}", *(f"{ratio:.3f}" for ratio in ratios),
    ]  # fmt: skip


if __name__ == "__main__":
    main(tyro.cli(Options))
