"""How far is every sampler, at 1 to 20 steps, from the posterior mean?

python -m benchmarks.samplers
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from benchmarks.common import write_json, write_table
from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.diffusion.samplers import SAMPLERS
from cleartract.model.weights import load_model
from cleartract.recordings.opening import open_recording
from cleartract.recordings.recording import Recording

_FIRST = 100  # frame of the shipped example
_ROWS, _COLUMNS = slice(16, 72), slice(10, 66)  # lips, tongue and pharynx


@dataclass(frozen=True)
class Options:
    """Denoise part of the shipped example with every sampler at every number of steps."""

    weights: str | None = None
    frames: int = 8
    most: int = 20
    name: str = "samplers"


def main(options: Options) -> None:
    model, described = load_model(options.weights)
    path = Path(str(resources.files("cleartract.examples") / "speech.mp4"))
    whole = open_recording(path).excerpt(_FIRST, options.frames)
    frames = np.ascontiguousarray(whole.frames[:, _ROWS, _COLUMNS])
    recording = Recording(frames, whole.rate, whole.audio, whole.sample_rate, peak=255.0)

    def restored(**chosen: Any) -> np.ndarray:
        settings = DenoiseSettings(
            window_duration=options.frames, step_duration=options.frames, **chosen
        )
        return denoise_recording(recording, model, settings).recording.frames

    mean = restored(steps=1)
    taken = _distance(frames, mean)
    distances: dict[str, list[float]] = {name: [] for name in SAMPLERS}
    for steps in range(1, options.most + 1):
        for name in SAMPLERS:
            distances[name].append(_distance(restored(sampler=name, steps=steps), mean))
        print(steps, {name: round(values[-1], 2) for name, values in distances.items()}, flush=True)
    content = {"training": described.get("training"), "taken_away": taken, "distances": distances}
    write_json(options.name, content)
    rows = [
        [steps + 1, *(f"{distances[name][steps]:.2f}" for name in SAMPLERS)]
        for steps in range(options.most)
    ]
    note = (
        f"`python -m benchmarks.samplers`: root mean square distance from the posterior mean (one "
        f"step) by sampler and steps, grey levels of 255, {options.frames} frames of the shipped "
        f"example, weights {Path(options.weights or 'small').stem}. Denoising takes {taken:.2f} "
        "away from the noisy frames. More steps add texture to the posterior mean; a distance far "
        "beyond what was taken away would be a sampler that fails."
    )
    write_table(options.name, ["steps", *SAMPLERS], rows, note)


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.sqrt(((one - other) ** 2).mean()))


if __name__ == "__main__":
    main(tyro.cli(Options))
