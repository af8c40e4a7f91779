"""Reference of the Python API: one entry for each public name of the package."""

from __future__ import annotations

import inspect

import cleartract

_GROUPS = {
    "Denoise and generate": (
        "denoise",
        "generate",
        "load_model",
        "DenoiseSettings",
        "GenerateSettings",
    ),
    "Recordings": ("Recording", "open_recording", "SlidingWindowTransform"),
    "Other programs": ("to_xarray", "from_xarray", "to_napari", "from_napari"),
    "Evaluate, simulate, train": ("evaluate", "simulate", "train", "AVDataset"),
}
_REST = "Others"
_RESULTS = {
    "cleartract.denoising.denoise.Restored": "What `denoise` and `generate` return.",
    "cleartract.evaluation.report.Section": "What `evaluate` returns.",
    "cleartract.training.recipe.TrainOptions": "Where `train` starts from.",
}


def python_page() -> str:
    """All public names with their docstrings, as MyST that Sphinx fills."""
    public = [name for name in cleartract.__all__ if not name.startswith("_")]
    grouped = {name for names in _GROUPS.values() for name in names}
    groups = dict(_GROUPS)
    if rest := tuple(name for name in public if name not in grouped):
        groups[_REST] = rest
    parts = [
        "# Python",
        "These names are the public interface; they are loaded when they are first used, so "
        "`import cleartract` is fast.\n"
        "All errors that you can cause are a `ClearTractError` of `cleartract.errors`, "
        "with the [exit code](exit-codes.md) of the command line.\n"
        "What the command line says before its work is a warning, `ClearTractWarning`, which "
        "`warnings.simplefilter` silences or makes an error.",
    ]
    for group, names in groups.items():
        parts.append(f"## {group}")
        parts += [_entry(name) for name in names if name in public]
    parts.append("## What comes back")
    parts += [_directive("autoclass", name, members=True) for name in _RESULTS]
    return "\n\n".join(parts) + "\n"


def _entry(name: str) -> str:
    target = getattr(cleartract, name)
    if inspect.isclass(target):
        return _directive(
            "autoclass", f"cleartract.{name}", members=not hasattr(target, "model_fields")
        )
    return _directive("autofunction", f"cleartract.{name}")


def _directive(kind: str, name: str, members: bool = False) -> str:
    lines = ["```{eval-rst}", f".. {kind}:: {name}"]
    lines += ["   :members:"] if members else []
    return "\n".join([*lines, "```"])
