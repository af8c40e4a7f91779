"""Weight files: the file alone rebuilds the model."""

from __future__ import annotations

import json
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import torch

from cleartract.errors import WeightsError
from cleartract.files import atomic
from cleartract.model.config import ModelConfig, migrated_config, migrated_state
from cleartract.model.model import Model

FORMAT_VERSION = "2"
_READ = ("1", FORMAT_VERSION)
SHIPPED = "small"


def save_model(model: Model, path: Path, training: dict[str, Any], half: bool = True) -> None:
    """Write weights as safetensors; the file alone rebuilds the model.

    Args:
        model: What to save.
        path: Target, replaced as a whole or not at all.
        training: How the weights were made: data, steps, seed and so on.
        half: Store float16 (shipped weights) instead of float32.
    """
    from safetensors.torch import save

    state = {k: (v.half() if half else v).contiguous() for k, v in model.state_dict().items()}
    described = {
        "format": FORMAT_VERSION,
        "package": metadata.version("cleartract"),
        "config": model.config.model_dump_json(),
        "training": json.dumps(training, sort_keys=True),
    }
    with atomic(path) as temporary:
        temporary.write_bytes(save(state, metadata=described))


def shipped_weights(name: str = SHIPPED) -> Path:
    """Path of weights that come with the package."""
    return Path(str(resources.files("cleartract.weights") / f"{name}.safetensors"))


def load_model(
    weights: str | Path | None = None, device: str | torch.device = "cpu"
) -> tuple[Model, dict[str, str]]:
    """Rebuild a model from its file.

    Args:
        weights: A .safetensors file, the name of shipped weights, or None for the default ones.
        device: Where to put it.

    Returns:
        The model in evaluation mode, and the file's metadata.

    Raises:
        WeightsError: If the file is missing, damaged, of an unknown version or not finite.
    """
    from safetensors import SafetensorError, safe_open

    path = weights_path(weights)
    try:
        with safe_open(path, framework="pt") as file:
            described = file.metadata() or {}
            state = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: not a readable safetensors file ({error})") from error
    version = described.get("format", "none")
    if version not in _READ:
        raise WeightsError(
            f"{path}: weights of format {version}, this version reads {', '.join(_READ)}; "
            "retrain or use matching versions"
        )
    if not all(bool(torch.isfinite(tensor).all()) for tensor in state.values()):
        raise WeightsError(f"{path}: weights are not finite; the file is damaged or badly trained")
    try:
        config = json.loads(described["config"])
        if version == "1":
            config, state = migrated_config(config), migrated_state(state)
        model = Model(ModelConfig.model_validate(config))
        model.load_state_dict(state)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:  # no JSON, or another model
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path}: config and weights do not match ({reason})") from error
    return model.to(device).eval(), described


def weights_path(weights: str | Path | None) -> Path:
    """File of some weights: a path, the name of shipped ones, or None for the default.

    Raises:
        WeightsError: If there is no such file.
    """
    name = str(weights) if weights is not None else SHIPPED
    path = Path(name)
    if path.suffix != ".safetensors" and shipped_weights(name).exists():
        return shipped_weights(name)
    if not path.is_file():
        raise WeightsError(f"{name}: no such weights file, and no shipped weights of this name")
    return path
