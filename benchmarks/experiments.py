"""Ablations: one table per question, each row trained with an equal budget and several seeds.

python -m benchmarks.experiments --corpus corpus --speech speech --out runs/experiments
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from benchmarks.common import write_json, write_table
from benchmarks.trial import run_trial
from cleartract.training.config import TrainingConfig
from cleartract.training.inversion import read_motion

_UNET: dict[str, Any] = {
    "stem": 16, "widths": [32, 48, 64], "blocks": 1, "attention_resolutions": [8],
    "acoustic": True, "interpolate": True,
}  # fmt: skip
_AUDIO: dict[str, Any] = {"encoder": "gru", "context": 0.25}
BASE: dict[str, Any] = {
    "model": {"unet": _UNET, "audio": _AUDIO, "inversion": _AUDIO},
    "epoch_steps": 100_000, "batch": 4, "window_frames": 8, "size": 42, "learning_rate": 1e-3,
    "difference": 3, "inversion_steps": 600, "audio_rate": 2, "audio_dropout": 0.25,
    "lost_runs": 0.4, "lost_weight": 1.5,
}  # fmt: skip


def _with(**changes: Any) -> dict[str, Any]:
    """The base with changes; `unet__heads=2` changes `model.unet.heads`."""
    found = {**BASE, "model": {k: dict(v) for k, v in BASE["model"].items()}}
    for name, value in changes.items():
        part, _, inner = name.partition("__")
        if inner:
            found["model"][part][inner] = value
        else:
            found[name] = value
    return found


def _encoder(name: str, **more: Any) -> dict[str, Any]:
    inner = _AUDIO if name == "pooled" else {**_AUDIO, "encoder": name}
    found = _with(**more)
    found["model"]["audio"] = {**_AUDIO, "encoder": name}
    found["model"]["inversion"] = inner
    return found


def _context(seconds: float) -> dict[str, Any]:
    return _with(audio__context=seconds, inversion__context=seconds)


def _no_prediction(**more: Any) -> dict[str, Any]:
    """Sound reaches the network by cross-attention alone."""
    found = _with(unet__acoustic=False, **more)
    del found["model"]["inversion"]
    return found


QUESTIONS: dict[str, dict[str, dict[str, Any]]] = {
    "How does the sound enter?": {
        "prediction and cross-attention": _with(),
        "cross-attention alone": _no_prediction(),
        "cross-attention alone, encoder untaught": _no_prediction(inversion_steps=0),
        "no sound at all": _no_prediction(unet__token_channels=0, inversion_steps=0),
    },
    "Which encoder?": {n: _encoder(n) for n in ("pooled", "conv", "gru", "transformer")},
    "How much sound around the window?": {
        f"{ms} ms": _context(ms / 1000) for ms in (0, 120, 250, 500)
    },
    "How often is the sound withheld?": {
        f"{share:.0%}": _with(audio_dropout=share) for share in (0.0, 0.1, 0.25, 0.5)
    },
    "How many frames?": {
        f"{n} frames": _with(window_frames=n, batch=max(1, 32 // n)) for n in (1, 3, 5, 8, 16)
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
    },
}  # fmt: skip


@dataclass(frozen=True)
class Options:
    """Run what is missing, then write the tables."""

    corpus: Path
    out: Path
    speech: Path | None = None
    steps: int = 400
    seeds: int = 2
    batches: int = 60
    questions: str = "all"
    """all, or numbers of questions such as 1,3."""


def main(options: Options) -> None:
    folders = [options.corpus] + ([options.speech] if options.speech else [])
    spoken = [item for folder in folders for item in read_motion(folder, "train")]
    chosen = [int(n) - 1 for n in options.questions.split(",") if n != "all"]
    tables = {}
    for number, (question, rows) in enumerate(QUESTIONS.items()):
        if chosen and number not in chosen:
            continue
        tables[question] = {}
        for name, values in rows.items():
            found = []
            for seed in range(options.seeds):
                config = TrainingConfig.model_validate(
                    {**values, "steps": options.steps, "seed": seed + 1}
                )
                slug = "".join(c if c.isalnum() else "-" for c in f"{number + 1}-{name}")
                folder = options.out / f"{slug}-{seed + 1}"
                found.append(run_trial(options.corpus, spoken, folder, config, options.batches))
                print(question, name, seed + 1, found[-1], flush=True)
            tables[question][name] = found
        lines = [[name, *_cells(found)] for name, found in tables[question].items()]
        note = f"{question} {options.steps} steps, {options.seeds} seeds, validation speakers."
        write_table(f"experiment_{number + 1}", _HEADER, lines, note)
    write_json("experiments", {"steps": options.steps, "base": BASE, "tables": tables})


_HEADER = ["", "given, matched [dB]", "given, matched - null", "lost, matched [dB]",
           "lost, matched - null", "lost, swapped - null"]  # fmt: skip


def _cells(found: list[dict[str, float]]) -> list[str]:
    def cell(first: str, second: str | None = None) -> str:
        values = np.array([f[first] - (f[second] if second else 0.0) for f in found])
        sign = "+" if second else ""
        return f"{values.mean():{sign}.2f} ± {values.std(ddof=1) if len(values) > 1 else 0:.2f}"

    return [
        cell("given matched"),
        cell("given matched", "given null"),
        cell("lost matched"),
        cell("lost matched", "lost null"),
        cell("lost swapped", "lost null"),
    ]


if __name__ == "__main__":
    main(tyro.cli(Options))
