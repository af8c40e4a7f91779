"""The options of `cleartract denoise` for a page: the same names, defaults, help texts and checks."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import math
import textwrap
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pydantic.fields import FieldInfo

from cleartract.app.library import Recorded
from cleartract.app.plans import Plan
from cleartract.commands.denoise import Denoise, DenoiseOptions, ManyOptions
from cleartract.denoising.frame_lists import told_rate
from cleartract.denoising.partial import partial_folder
from cleartract.denoising.settings import checked_samples, settings_of, with_quality
from cleartract.errors import UsageError
from cleartract.model.weights import shipped_weights, weights_path
from cleartract.recordings.formats import OUTPUT_SUFFIXES

_FIRST = (
    "quality",
    "target",
    "no_audio",
    "audio_offset",
    "suffix",
    "master",
    "opinion_map",
    "residual",
)
_MORE = (
    "weights", "fidelity", "lost", "rate", "resample", "salvage", "window_duration", "step_duration", "blend",
    "sampler", "steps", "guidance", "samples", "seed", "batch", "device", "threads", "max_memory",
)  # fmt: skip
_BESIDE = {"opinion_map": "opinion", "residual": "residual"}  # further results, and their names
_DEVICES = ("auto", "cpu", "cuda")
_MOST_RUNS = 1000  # of one recording with results side by side


class DenoiseForm:
    """Options that a page may set; paths are chosen here, never there.

    Args:
        weights: That are offered first: a file, the name of shipped weights, or None.

    Raises:
        WeightsError: If there are no such weights.
    """

    def __init__(self, weights: str | None = None) -> None:
        shipped = sorted(file.stem for file in shipped_weights().parent.glob("*.safetensors"))
        default = weights_path(weights)
        chosen = default.stem if default.parent == shipped_weights().parent else str(weights)
        self.weights = [chosen, *(name for name in shipped if name != chosen)]
        self._given = weights

    def described(self) -> list[dict[str, Any]]:
        """See `Form.described`."""
        return [*self._fields.values()]

    @cached_property
    def _fields(self) -> dict[str, dict[str, Any]]:
        return {name: self._field(name) for name in (*_FIRST, *_MORE)}

    def _field(self, name: str) -> dict[str, Any]:
        limits: dict[str, Any] = {}
        if name in DenoiseOptions.model_fields:
            told = DenoiseOptions.model_fields[name]
            default, hint, text = told.default, told.annotation, told.description or ""
            limits = _limits(told)
        elif name in ManyOptions.model_fields:
            default, hint = None, str | None
            text = "Kind of the result; by default .mp4, and .npz for arrays."
        else:
            default = {f.name: f.default for f in dataclasses.fields(Denoise)}[name]
            hint, text = get_type_hints(Denoise)[name], _help(name)
        choices, kind = {
            "weights": (tuple(self.weights), "choice"),
            "suffix": (("", *OUTPUT_SUFFIXES), "choice"),
            "device": (_DEVICES, "choice"),
            **dict.fromkeys(_BESIDE, ((), "flag")),
        }.get(name) or _kind(hint)
        if name == "weights":
            default = self.weights[0]
        return {
            "name": name, "option": "--" + name.replace("_", "-"), "kind": kind,
            "choices": list(choices), "default": False if kind == "flag" else default,
            "help": " ".join(text.split()), "more": name in _MORE, **limits,
        }  # fmt: skip

    def plan(
        self,
        recorded: Recorded,
        values: dict[str, Any],
        folder: Path | None,
        preview: str | None,
        taken: set[Path],
    ) -> Plan:
        """See `Form.plan`."""
        chosen = {name: self._checked(name, value) for name, value in values.items()}
        chosen = {n: v for n, v in chosen.items() if v != self._fields[n]["default"]}
        suffix = chosen.pop("suffix", "") or None
        beside = [name for name in _BESIDE if chosen.pop(name, False)]
        settings = {n: chosen.pop(n) for n in tuple(chosen) if n in DenoiseOptions.model_fields}
        if self._given is not None:
            chosen.setdefault("weights", self._given)
        if "rate" in chosen:
            told_rate(chosen["rate"])
        command = Denoise(
            inputs=(recorded.path,),
            audio=None if chosen.get("no_audio") else recorded.audio,
            preview=preview,
            settings=settings_of(DenoiseOptions, settings),
            **chosen,
        )
        checked_samples(with_quality(command.settings, command.quality))
        command = _with_free_names(command, recorded, folder, suffix, beside, taken)
        command.check_outputs()
        return Plan(
            tuple(_arguments(command)), command.targets(), preview, command.rate, command.audio
        )

    def _checked(self, name: str, value: Any) -> Any:
        """A value of the right type.

        Raises:
            UsageError: If it is another, or there is no such option.
        """
        field = self._fields.get(name)
        if field is None:
            raise UsageError(f"{name}: there is no such option")
        kind, option = field["kind"], field["option"]
        if kind == "flag" and isinstance(value, bool):
            return value
        if kind != "flag" and value is None and field["default"] is None:
            return None
        if kind == "choice" and isinstance(value, str) and value in field["choices"]:
            return value
        number = isinstance(value, int | float) and not isinstance(value, bool)
        number = number and math.isfinite(value)
        if kind == "whole" and number and value == int(value):
            return int(value)
        if kind == "number" and number:
            return value
        if kind == "text" and isinstance(value, str) and 0 < len(value) <= 200:
            return value
        wanted = ", ".join(field["choices"]) if kind == "choice" else _WANTED[kind]
        raise UsageError(f"{option}: give {wanted}, not {value!r:.60}")


_WANTED = {"flag": "true or false", "whole": "a whole number", "number": "a number", "text": "text"}


def _kind(hint: Any) -> tuple[tuple[str, ...], str]:
    """Choices and kind of an option from its type."""
    if get_origin(hint) is Literal:
        return get_args(hint), "choice"
    kinds = {kind for kind in get_args(hint) or (hint,) if kind is not type(None)}
    if kinds == {bool}:
        return (), "flag"
    if kinds == {int}:
        return (), "whole"
    return (), "number" if float in kinds else "text"


def _limits(told: FieldInfo) -> dict[str, float]:
    names = {"ge": "least", "gt": "above", "le": "largest"}
    return {
        shown: getattr(limit, name)
        for limit in told.metadata
        for name, shown in names.items()
        if hasattr(limit, name)
    }


def _help(name: str) -> str:
    """Help of an option of the command: as annotated, else the text under its field."""
    hint = get_type_hints(Denoise, include_extras=True)[name]
    for part in getattr(hint, "__metadata__", ()):
        if getattr(part, "help", None):
            return str(part.help)
    body = ast.parse(textwrap.dedent(inspect.getsource(Denoise))).body[0]
    assert isinstance(body, ast.ClassDef)
    for field, text in zip(body.body, body.body[1:], strict=False):
        named = isinstance(field, ast.AnnAssign) and ast.unparse(field.target) == name
        if named and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            return str(text.value.value)
    return ""


def _with_free_names(
    command: Denoise,
    recorded: Recorded,
    folder: Path | None,
    suffix: str | None,
    beside: list[str],
    taken: set[Path],
) -> Denoise:
    """The command, with results that are not there yet: `_cleartract`, then `_run2_cleartract` ...

    Raises:
        UsageError: If there are very many.
    """
    suffix = suffix or (".npz" if recorded.kind in (".npz", ".npy") else ".mp4")
    base = recorded.path.parent / recorded.place.name if folder is None else folder / recorded.place
    for run in range(1, _MOST_RUNS):
        stem = base.name + ("" if run == 1 else f"_run{run}")
        output = base.with_name(f"{stem}_cleartract{suffix}")
        kind = ".npz" if suffix == ".npz" else ".mp4"
        others: dict[str, Any] = {
            n: output.with_name(f"{stem}_{_BESIDE[n]}_cleartract{kind}") for n in beside
        }
        named = replace(command, output=output, **others)
        targets = named.targets()
        there = partial_folder(output).exists() or not taken.isdisjoint(targets.values())
        if not there and not any(target.exists() for target in targets.values()):
            return named
    raise UsageError(f"{base}: has very many results; move some elsewhere")


def _arguments(command: Denoise) -> list[str]:
    """What to give to `cleartract denoise`; what is as by default is left out."""
    words = [str(command.inputs[0])]
    own = {f.name: f.default for f in dataclasses.fields(Denoise)}
    values = {n: getattr(command, n) for n in own if n not in ("inputs", "settings", "many")}
    differing = {n: v for n, v in values.items() if v != own[n]}
    for name, told in DenoiseOptions.model_fields.items():
        if (value := getattr(command.settings, name)) != told.default:
            differing[name] = value
    for name, value in differing.items():
        option = "--" + name.replace("_", "-")
        words.append(option if value is True else f"{option}={value}")
    return words
