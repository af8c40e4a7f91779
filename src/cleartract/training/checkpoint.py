"""Checkpoints from which a run goes on exactly where it stopped."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from cleartract.errors import CorpusError

NAME = "checkpoint.pt"


def save_checkpoint(folder: Path, state: dict) -> None:
    """Write the checkpoint, replacing the last one only when complete.

    Args:
        folder: Run folder.
        state: `step`, `model`, `ema`, `optimizer` and the config as JSON.
    """
    temporary = folder / (NAME + ".tmp")
    torch.save(state, temporary)
    temporary.replace(folder / NAME)


def load_checkpoint(folder: Path, config_json: str) -> dict | None:
    """Read the checkpoint of a run, or None if there is none. Tensors only, nothing is executed.

    Raises:
        CorpusError: If the run was started with another config, or the file is damaged.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CorpusError(
            f"{path}: damaged checkpoint ({error}); delete it to start anew"
        ) from error
    names = ("step", "model", "ema", "optimizer", "config")
    if not (isinstance(state, dict) and all(name in state for name in names)):
        raise CorpusError(f"{path}: is no checkpoint of training; delete it to start anew")
    if state["config"] != config_json:
        raise CorpusError(
            f"{folder}: holds a run with another config ({_difference(state['config'], config_json)}); "
            "choose another --out"
        )
    return state


def _difference(first: str, second: str) -> str:
    """The first setting that is not the same in two configs, as JSON."""
    there, here = (_flat(json.loads(text)) for text in (first, second))
    name = next(n for n in {**there, **here} if there.get(n) != here.get(n))
    return f"{name} is {there.get(name)} there and {here.get(name)} here"


def _flat(config: dict, prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in config.items():
        inner = isinstance(value, dict)
        flat |= _flat(value, f"{prefix}{name}.") if inner else {f"{prefix}{name}": value}
    return flat
