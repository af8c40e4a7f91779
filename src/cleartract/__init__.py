"""ClearTract: denoise real-time MRI video of speech with a diffusion model conditioned on the sound."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "AVDataset": "cleartract.corpora.dataset",
    "Recording": "cleartract.recordings.recording",
    "SlidingWindowTransform": "cleartract.recordings.windows",
    "DenoiseSettings": "cleartract.denoising.settings",
    "GenerateSettings": "cleartract.denoising.settings",
    "denoise": "cleartract.denoising.interface",
    "evaluate": "cleartract.evaluation.evaluate",
    "from_napari": "cleartract.recordings.exchange",
    "from_xarray": "cleartract.recordings.exchange",
    "generate": "cleartract.denoising.interface",
    "load_model": "cleartract.model.weights",
    "open_recording": "cleartract.recordings.opening",
    "train": "cleartract.training.recipe",
    "simulate": "cleartract.simulation.corpus",
    "to_napari": "cleartract.recordings.exchange",
    "to_xarray": "cleartract.recordings.exchange",
}

_NEEDS_EXTRA = {"train": "train"}  # names whose module cannot be imported without it

__all__ = [*sorted(_PUBLIC), "__version__"]


def __getattr__(name: str) -> Any:
    """Load public names when they are first used: `import cleartract` itself stays fast."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'cleartract' has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    except ModuleNotFoundError as error:
        if name not in _NEEDS_EXTRA:
            raise
        from cleartract.errors import CorpusError

        extra = _NEEDS_EXTRA[name]
        raise CorpusError(
            f"{error.name} is not installed: pip install 'cleartract[{extra}]'"
        ) from error


def __dir__() -> list[str]:
    return __all__
