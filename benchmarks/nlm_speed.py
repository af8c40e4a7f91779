"""Speed of the shipped weights against OpenCV's non-local means over 5 frames, same cores, same run.

python -m benchmarks.nlm_speed RECORDING
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import tyro

from benchmarks.common import write_json, write_table
from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.model.weights import load_model
from cleartract.recordings.opening import open_recording

ROUNDS = 3
_WINDOW = 5  # [frames] that non-local means looks at, its default


@dataclass(frozen=True)
class Options:
    """Time everything after reading, in turn."""

    recording: tyro.conf.Positional[Path]
    frames: int = 400
    name: str = "nlm_speed"


def main(options: Options) -> None:
    recording = open_recording(options.recording)
    recording = recording.excerpt(0, min(options.frames, len(recording)))
    levels = [frame for frame in recording.frames.clip(0, 255).round().astype(np.uint8)]
    models = {name: load_model(name)[0] for name in ("small", "base")}

    def non_local_means() -> None:
        half = _WINDOW // 2
        for number in range(half, len(levels) - half):
            cv2.fastNlMeansDenoisingMulti(levels, number, _WINDOW, None, 10)

    ways = {
        "OpenCV non-local means": non_local_means,
        "small": lambda: denoise_recording(recording, models["small"], DenoiseSettings()),
        "base": lambda: denoise_recording(recording, models["base"], DenoiseSettings()),
    }
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(ROUNDS):
        for name, run in ways.items():
            started = time.perf_counter()
            run()
            speeds[name].append(len(recording) / (time.perf_counter() - started))
            print(turn, name, f"{speeds[name][-1]:.1f} frames/s", flush=True)
    means = speeds["OpenCV non-local means"]
    rows = []
    for name, found in speeds.items():
        ratio = np.median([a / b for a, b in zip(found, means, strict=True)])
        rows.append([name, f"{np.median(found):.1f}", f"{ratio:.2f}"])
    note = (
        f"{options.recording.name}, {len(recording)} frames of {recording.frames.shape[2]}x"
        f"{recording.frames.shape[1]}, {torch.get_num_threads()} threads each; medians of {ROUNDS} "
        "rounds in turn. Ours with the survey, the sound and all defaults; non-local means with its "
        "defaults (5 frames, patches of 7x7, search in 21x21), in grey levels. Reading and writing are "
        "not counted."
    )
    write_table(options.name, ["denoiser", "frames/s", "times non-local means"], rows, note)
    write_json(options.name, {"recording": options.recording.name, "speeds": speeds})


if __name__ == "__main__":
    main(tyro.cli(Options))
