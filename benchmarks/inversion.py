"""Go on training the articulatory inversion of weights on more speech; the network stays as it is.

python -m benchmarks.inversion small better.safetensors --speech voices speech
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from benchmarks.common import write_json, write_table
from cleartract.model.model import Model
from cleartract.model.weights import load_model, save_model
from cleartract.simulation.phantom.speech import TRACT
from cleartract.training.inversion import explained, pretrain, read_motion

_SHOWN = ("LD", "JA", "VO", "TTX", "TTY", "TCX", "TCY", "TBY")  # parameters named in the table


@dataclass(frozen=True)
class Options:
    """Train on the training speakers of all folders; their validation speakers are only judged."""

    weights: tyro.conf.Positional[str]
    result: tyro.conf.Positional[Path]
    speech: tuple[Path, ...]
    """Folders of speech of `cleartract simulate --sound-only` or `benchmarks.human_voices`."""
    steps: int = 3000
    learning_rate: float = 1e-3
    seed: int = 0
    name: str = "inversion"


def main(options: Options) -> None:
    model, described = load_model(options.weights)
    assert model.inversion is not None
    assert model.config.inversion is not None
    held_out = {folder.name: read_motion(folder, "validation") for folder in options.speech}
    before = _scores(model, held_out)
    training = [item for folder in options.speech for item in read_motion(folder, "train")]
    model.inversion = pretrain(
        training,
        model.config.inversion,
        options.steps,
        learning_rate=options.learning_rate,
        seed=options.seed,
        progress=lambda step, steps, loss: print(f"{step}/{steps} {loss:.3f}", flush=True),
        start=model.inversion,
    )
    told = json.loads(described["training"])
    told |= {"inversion_steps": options.steps, "inversion_seed": options.seed}
    save_model(model, options.result, told)
    after = _scores(load_model(str(options.result))[0], held_out)
    rows = [
        [folder, when, f"{scores.mean():.2f}", *(f"{scores[TRACT[n]]:.2f}" for n in _SHOWN)]
        for folder in held_out
        for when, scores in (("before", before[folder]), ("after", after[folder]))
    ]
    minutes = sum(len(item.sound) for item in training) / 16_000 / 60
    note = (
        "Share of the variance of the vocal-tract parameters that the sound explains (R2; higher is "
        "better), mean of all 19 and of some, for speakers and voices kept apart. Trained on "
        f"{minutes:.0f} minutes of speech, {options.steps} steps."
    )
    write_table(options.name, ["speech", "weights", "all", *_SHOWN], rows, note)
    told = {
        folder: {"before": list(before[folder]), "after": list(after[folder])}
        for folder in held_out
    }
    write_json(options.name, told)


def _scores(model: Model, held_out: dict) -> dict[str, np.ndarray]:
    assert model.inversion is not None
    return {
        folder: explained(model.inversion.eval(), spoken) for folder, spoken in held_out.items()
    }


if __name__ == "__main__":
    main(tyro.cli(Options))
