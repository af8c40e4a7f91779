"""Ablations: one table per question, each row trained with an equal budget and several seeds.

python -m benchmarks.experiments --corpus corpus --speech speech --out runs/experiments

A second process may work on other questions in the same folder, once the rows that are in all of
them are done.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from benchmarks.common import write_json, write_table
from benchmarks.trial import Trials
from cleartract.training.config import TrainingConfig
from cleartract.training.inversion import read_motion

_UNET: dict[str, Any] = {
    "stem": 16, "widths": [32, 48, 64], "blocks": 1, "attention_resolutions": [8],
    "prediction": True, "interpolation": True,
}  # fmt: skip
_AUDIO: dict[str, Any] = {"encoder": "gru", "context": 0.25}
BASE: dict[str, Any] = {
    "model": {"unet": _UNET, "audio": _AUDIO, "inversion": _AUDIO},
    "steps": 250, "epoch_steps": 100_000, "batch": 4, "window_frames": 8, "size": 42,
    "learning_rate": 1e-3, "difference": 3, "inversion_steps": 600, "audio_learning_rate": 2,
    "audio_dropout": 0.25, "lost_runs": 0.4, "lost_weight": 1.5,
}  # fmt: skip


def _with(**changes: Any) -> dict[str, Any]:
    """The base with changes; `unet__heads=2` changes `model.unet.heads`."""
    values = {**BASE, "model": {k: dict(v) for k, v in BASE["model"].items()}}
    for name, value in changes.items():
        part, _, inner = name.partition("__")
        if inner:
            values["model"][part][inner] = value
        else:
            values[name] = value
    return values


def _encoder(name: str) -> dict[str, Any]:
    """One kind of encoder for the tokens and for the prediction; `pooled` cannot predict."""
    inversion = _AUDIO["encoder"] if name == "pooled" else name
    return _with(audio__encoder=name, inversion__encoder=inversion)


def _no_prediction(**more: Any) -> dict[str, Any]:
    """Sound reaches the network by cross-attention alone."""
    values = _with(unet__prediction=False, **more)
    del values["model"]["inversion"]
    return values


_TWIN = _with(audio_dropout=1.0, inversion_steps=0)  # the same network without sound
QUESTIONS: dict[str, dict[str, dict[str, Any]]] = {
    "How does the sound enter?": {
        "prediction and cross-attention": _with(),
        "cross-attention alone": _no_prediction(),
        "cross-attention alone, encoder not pre-trained": _no_prediction(inversion_steps=0),
        "no sound in training": _TWIN,
    },
    "Which encoder?": {n: _encoder(n) for n in ("pooled", "conv", "gru", "transformer")},
    "How much sound around the window?": {
        f"{ms} ms": _with(audio__context=ms / 1000) for ms in (0, 120, 250, 500)
    },
    "How much audio dropout?": {
        **{f"in {p} %": _with(audio_dropout=p / 100) for p in (0, 10, 25, 50)},
        "in 100 %: the same model without sound": _TWIN,
    },
    "How many frames?": {
        f"windows of {n}": _with(window_frames=n, batch=max(1, 32 // n)) for n in (1, 3, 5, 8, 16)
    },
    "What mixes frames?": {
        "convolution and attention": _with(),
        "convolution": _with(unet__temporal_attention=False),
        "attention": _with(unet__temporal_convolution=False),
        "nothing": _with(unet__temporal_convolution=False, unet__temporal_attention=False),
    },
    "Where does attention sit?": {
        "1/8": _with(),
        "1/4 and 1/8": _with(unet__attention_resolutions=[4, 8]),
        "1/8, sound also at 1/4": _with(unet__audio_resolutions=[4, 8]),
        "nowhere": _with(unet__attention_resolutions=[]),
    },
    "How many heads, how wide?": {
        "1 head": _with(unet__heads=1),
        "4 heads": _with(),
        "8 heads": _with(unet__heads=8),
        "half the width": _with(unet__stem=8, unet__widths=[16, 24, 32]),
        "twice the width": _with(unet__stem=32, unet__widths=[64, 96, 128]),
    },
}  # fmt: skip


@dataclass(frozen=True)
class Options:
    """Run what is missing, then write the tables."""

    corpus: Path
    out: Path = Path("runs/experiments")
    speech: Path | None = None
    steps: int | None = None
    """Instead of those of the base."""
    seeds: int = 2
    passages: int = 28
    questions: str = "all"
    """all, or numbers of questions such as 1,3."""


def main(options: Options) -> None:
    folders = [options.corpus] + ([options.speech] if options.speech else [])
    spoken = [item for folder in folders for item in read_motion(folder, "train")]
    trials = Trials(options.corpus, spoken, options.passages, options.out)
    chosen = [int(n) - 1 for n in options.questions.split(",") if n != "all"]
    for number, (question, rows) in enumerate(QUESTIONS.items()):
        if chosen and number not in chosen:
            continue
        table = {}
        for name, values in rows.items():
            steps = options.steps or values["steps"]
            table[name] = []
            for seed in range(1, options.seeds + 1):
                config = TrainingConfig.model_validate(values | {"steps": steps, "seed": seed})
                table[name].append(trials.run(config))
                print(question, name, seed, table[name][-1], flush=True)
        _write(number, table, options, steps)


_HEADER = [
    "", "observed, null [dB]", "matched - null", "noisier half, null", "matched - null",
    "lost, null", "matched - null", "swapped - null",
]  # fmt: skip


def _write(number: int, table: dict, options: Options, steps: int) -> None:
    question, rows = list(QUESTIONS.items())[number]
    lines = [_row(name, rows[name], seeds) for name, seeds in table.items()]
    note = (
        f"**{question}** `python -m benchmarks.experiments --questions {number + 1}`: {steps} steps, "
        f"PSNR at the fifth of the pixels that move most in {options.passages} passages of "
        f"validation speakers; mean ± deviation of {options.seeds} seeds."
    )
    write_table(f"experiment_{number + 1}", _HEADER, lines, note)
    content = {"question": question, "steps": steps, "passages": options.passages, "rows": table}
    write_json(f"experiment_{number + 1}", content)


def _cells(seeds: list[dict[str, float]]) -> list[str]:
    def cell(first: str, second: str | None = None) -> str:
        values = np.array([f[first] - (f[second] if second else 0.0) for f in seeds])
        sign = "+" if second else ""
        spread = f"{values.std(ddof=1):.2f}" if len(values) > 1 else "?"
        return f"{values.mean():{sign}.2f} ± {spread}"

    return [
        cell("observed null"),
        cell("observed matched", "observed null"),
        cell("noisy null"),
        cell("noisy matched", "noisy null"),
        cell("lost null"),
        cell("lost matched", "lost null"),
        cell("lost swapped", "lost null"),
    ]


def _row(name: str, values: dict, seeds: list[dict[str, float]]) -> list[str]:
    """A row; the effect of sound is left out for models trained without it."""
    cells = _cells(seeds)
    silent = values["audio_dropout"] == 1
    return [name, *("–" if silent and i in (1, 3, 5, 6) else cell for i, cell in enumerate(cells))]


if __name__ == "__main__":
    main(tyro.cli(Options))
