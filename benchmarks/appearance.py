"""Simulated beside real recordings: contact sheets, kymographs, and figures for both.

    python -m benchmarks.appearance --corpus corpus --real FOLDER

Pictures of real recordings go to `figures-local/`, which git ignores; pictures of simulated ones
also to `docs/pictures/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from benchmarks.common import write_json, write_table
from cleartract.corpora.entries import find_entries
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.evaluation.no_reference import spatial_noise, temporal_noise
from cleartract.evaluation.regions import air_mask
from cleartract.recordings.borders import empty_borders
from cleartract.recordings.formats import VIDEO_SUFFIXES
from cleartract.recordings.intensity import Intensity
from cleartract.recordings.opening import open_recording
from cleartract.recordings.pictures import kymograph, save_png, strip

FIELD_OF_VIEW = 200.0  # [mm]


@dataclass(frozen=True)
class Options:
    """Where both kinds of recordings lie."""

    corpus: Path
    real: Path | None = None
    count: int = 6
    name: str = "appearance"


def figures(frames: np.ndarray) -> dict[str, float]:
    """Figures of the appearance of a recording, (frame, height, width)."""
    scaled = Intensity.of(frames).apply(frames)
    mask = air_mask(scaled)
    mean = scaled.mean(0)
    inside = mean[mean > 0.1]
    frame = scaled[len(scaled) // 3]
    return {
        "air mean": float(scaled[:, mask].mean()),
        "air noise in time": temporal_noise(scaled, mask),
        "air noise in space": spatial_noise(scaled, mask),
        "median tissue": float(np.median(inside)),
        "90 % tissue": float(np.percentile(inside, 90)),
        "edge width [mm]": edge_width(frame) * FIELD_OF_VIEW / frame.shape[0],
        "power above half Nyquist": high_frequency_share(frame),
    }


def edge_width(frame: np.ndarray) -> float:
    """Width of the strongest edges [pixels]: range within 5x5 pixels over the gradient."""
    vertical, horizontal = np.gradient(frame)
    gradient = np.hypot(vertical, horizontal)[2:-2, 2:-2]
    windows = np.lib.stride_tricks.sliding_window_view(frame, (5, 5))
    spread = windows.max((2, 3)) - windows.min((2, 3))
    strong = gradient >= np.percentile(gradient, 99)
    return float(np.median(spread[strong] / gradient[strong]))


def high_frequency_share(frame: np.ndarray) -> float:
    """Share of the spectral power (without the mean) above half the Nyquist frequency."""
    window = np.outer(np.hanning(frame.shape[0]), np.hanning(frame.shape[1]))
    power = np.abs(np.fft.fft2((frame - frame.mean()) * window)) ** 2
    y, x = np.fft.fftfreq(frame.shape[0]), np.fft.fftfreq(frame.shape[1])
    radius = np.hypot(y[:, None], x[None])
    return float(power[radius > 0.25].sum() / power.sum())


def _levels(frames: np.ndarray) -> np.ndarray:
    return np.round(Intensity.of(frames).apply(frames) * 235).clip(0, 255).astype(np.uint8)


def _sheet(recordings: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    rows, lines = [], []
    for frames in recordings:
        levels = _levels(frames)
        rows.append(strip(levels, np.linspace(0, len(levels) - 1, 6).astype(int)))
        lines.append(kymograph(levels[:250], 0.42))
    return rows, lines


def main(options: Options) -> None:
    entries = find_entries(options.corpus, "test")[: options.count]
    simulated: dict[str, list[np.ndarray]] = {"view_shared": [], "cg_sense": [], "clean": []}
    for entry in entries:
        recording = SimulatedRecording.load(entry.path)
        simulated["clean"].append(recording.truth().frames)
        for name in recording.reconstructions:
            simulated[name].append(recording.noisy(name).frames)
    groups = {f"simulated, {name}": clips for name, clips in simulated.items() if clips}
    pictures = Path("docs/pictures")
    for name in ("view_shared", "cg_sense"):
        rows, lines = _sheet(simulated[name])
        clean_rows, _ = _sheet(simulated["clean"][: len(rows)])
        paired = [row for pair in zip(rows, clean_rows, strict=True) for row in pair]
        save_png(pictures / f"simulated_{name}.png", paired[:8])
        save_png(pictures / f"simulated_{name}_kymographs.png", lines[:4])
    local = Path("figures-local")
    if options.real is not None:
        for folder in sorted(
            {p.parent for p in options.real.rglob("*") if p.suffix in VIDEO_SUFFIXES}
        ):
            clips = []
            for path in sorted(p for p in folder.iterdir() if p.suffix in VIDEO_SUFFIXES):
                frames = open_recording(path).frames[:400]
                clips.append(empty_borders(frames).inside(frames))
            groups[f"real, {folder.name}"] = clips
            rows, lines = _sheet(clips)
            save_png(local / f"real_{folder.name}.png", rows)
            save_png(local / f"real_{folder.name}_kymographs.png", lines)
    for name in ("view_shared", "cg_sense", "clean"):
        rows, lines = _sheet(simulated[name])
        save_png(local / f"simulated_{name}.png", rows)
        save_png(local / f"simulated_{name}_kymographs.png", lines)
    table, header = [], []
    results = {}
    for name, clips in groups.items():
        each = [figures(frames) for frames in clips]
        header = list(each[0])
        results[name] = {k: [round(e[k], 5) for e in each] for k in header}
        middle = [float(np.median([e[k] for e in each])) for k in header]
        table.append([name, len(clips), *(f"{value:.3f}" for value in middle)])
    note = "Medians over recordings; intensities relative to the 99.5th percentile."
    write_table(options.name, ["recordings", "count", *header], table, note)
    write_json(options.name, {"groups": results})


if __name__ == "__main__":
    main(tyro.cli(Options))
