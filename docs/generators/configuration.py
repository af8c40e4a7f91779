"""Reference of all settings: fields, defaults, ranges and meaning, from the pydantic models."""

from __future__ import annotations

import inspect
import re
import types
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def models() -> dict[str, dict[str, type[BaseModel]]]:
    """Settings models by section, under the names by which a config or a user reaches them."""
    from cleartract.adaptation.settings import AdaptSettings
    from cleartract.denoising.settings import DenoiseSettings, GenerateSettings
    from cleartract.diffusion.noise_levels import NoiseLevels
    from cleartract.evaluation.settings import EvaluateCorpusSettings, EvaluateSettings
    from cleartract.jobs.engine import EngineSettings
    from cleartract.model.config import ModelConfig
    from cleartract.networks.video_unet import UNetConfig
    from cleartract.reconstruction.settings import ReconstructionSettings
    from cleartract.simulation.settings import CorpusSettings
    from cleartract.sound.encoders import AudioConfig
    from cleartract.training.config import TrainingConfig

    return {
        "Training": {
            "TrainingConfig": TrainingConfig,
            "model": ModelConfig,
            "model.unet": UNetConfig,
            "model.audio and model.inversion": AudioConfig,
            "model.noise": NoiseLevels,
        },
        "Denoising and generation": {
            "DenoiseSettings": DenoiseSettings,
            "GenerateSettings": GenerateSettings,
        },
        "Adaptation": {"AdaptSettings": AdaptSettings},
        "Reconstruction of raw data": {"ReconstructionSettings": ReconstructionSettings},
        "Evaluation": {
            "EvaluateSettings": EvaluateSettings,
            "EvaluateCorpusSettings": EvaluateCorpusSettings,
        },
        "Simulation and many recordings": {
            "CorpusSettings": CorpusSettings,
            "EngineSettings": EngineSettings,
        },
    }


def configuration_page() -> str:
    """Every field of every settings model, as MyST."""
    parts = [
        "# Configuration",
        "`cleartract train --config FILE.json` sets any field of `TrainingConfig`; "
        "`model` and what is in it are objects in that file.\n"
        "The other models are the options of commands, and the keywords of functions in Python.\n"
        "Unknown fields and values out of range are refused, in one line.",
    ]
    for section, kinds in models().items():
        parts.append(f"## {section}")
        for name, kind in kinds.items():
            parts += [f"### {name}", _purpose(kind), table(kind)]
    return "\n\n".join(parts) + "\n"


def table(kind: type[BaseModel]) -> str:
    """Fields of a model: name, type and range, default, meaning."""
    head = ["| field | value | default | meaning |", "|---|---|---|---|"]
    base = kind.__mro__[1]
    inherited = base.model_fields if issubclass(base, BaseModel) else {}
    rows = [_row(kind, n, f) for n, f in kind.model_fields.items() if n not in inherited]
    told = [f"All fields of `{base.__name__}`, and:", ""] if inherited else []
    return "\n".join([*told, *head, *rows])


def meaning_of(kind: type[BaseModel], name: str, field: FieldInfo) -> str:
    """What a field means: its description, else its line in the docstring's `Attributes`.

    Raises:
        ValueError: If it has neither.
    """
    if field.description:
        return " ".join(field.description.split())
    for base in kind.__mro__:
        listed = (inspect.getdoc(base) or "").partition("Attributes:")[2]
        if found := re.search(rf"\n    {name}: (.*(?:\n {{8}}.*)*)", listed):
            return " ".join(found[1].split())
    same = [
        other
        for group in models().values()
        for other in group.values()
        if other is not kind and name in other.model_fields
    ]
    for other in same:
        if other.model_fields[name].description:
            return meaning_of(other, name, other.model_fields[name])
    raise ValueError(f"{kind.__name__}.{name} is not documented")


def _row(kind: type[BaseModel], name: str, field: FieldInfo) -> str:
    cells = [f"`{name}`", _value(field), _default(field), meaning_of(kind, name, field)]
    return (
        "| " + " | ".join(cell.replace("|", "\\|").replace("*_", "\\*_") for cell in cells) + " |"
    )


def _purpose(kind: type[BaseModel]) -> str:
    return " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())


def _default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if default is None:
        return "–"
    if isinstance(default, BaseModel):
        return "see there"
    return f"`{list(default) if isinstance(default, tuple) else default}`"


def _value(field: FieldInfo) -> str:
    """Type in words, with its range."""
    limits = {
        symbol: getattr(rule, key)
        for rule in field.metadata
        for key, symbol in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
        if getattr(rule, key, None) is not None
    }
    shown = ", ".join(f"{symbol} {limit:g}" for symbol, limit in limits.items())
    return ", ".join(part for part in (_type(field.annotation), shown) if part)


def _type(kind: Any) -> str:
    names = {int: "whole number", float: "number", bool: "true or false", str: "text"}
    if kind in names:
        return names[kind]
    if get_origin(kind) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(kind))
    if get_origin(kind) in (Union, types.UnionType):
        parts = [_type(part) for part in get_args(kind) if part is not type(None)]
        return "number" if set(parts) == {"number", "whole number"} else " or ".join(parts)
    if get_origin(kind) is tuple:
        return "list of " + " and ".join(
            dict.fromkeys(_type(p) + "s" for p in get_args(kind) if p is not ...)
        )
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "object"
    return {"Path": "path", "dict": "object"}.get(
        getattr(get_origin(kind) or kind, "__name__", ""), "text"
    )
