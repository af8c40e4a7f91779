"""`cleartract train`: train a model, or go on with a stopped run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from cleartract.commands.options import Device, Threads
from cleartract.errors import CorpusError, UsageError, reason_of, wrong_field

if TYPE_CHECKING:
    from cleartract.model.model import Model
    from cleartract.training.config import TrainingConfig


@dataclass(frozen=True)
class Train:
    """Train a model on a folder of recordings; a stopped run goes on from its last checkpoint."""

    data: Path
    """Corpus: simulated, USC 75-speaker layout, or AVI + WAV pairs."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Run folder: checkpoint, weights, metrics, samples, index.html."""
    config: Path | None = None
    """JSON file with fields of the training config."""
    weights: str | None = None
    """Weights to start from (a file, or a shipped name such as small); random by default. Their
    model is trained unless the config gives one, which takes over tensors of the same name and shape."""
    speech: Path | None = None
    """Folder from `simulate --sound-only`: more speech for the audio encoder to start from."""
    speech_model: Path | None = None
    """Folder of a saved wav2vec 2.0, HuBERT or WavLM model: becomes the audio encoder."""
    speech_features: Path | None = None
    """Folder in which hidden states of a frozen speech model are kept."""
    steps: int | None = None
    """Optimiser steps in all; replaces the config's."""
    seed: int | None = None
    """Seed; replaces the config's."""
    device: Device = "auto"
    threads: Threads = None
    no_panel: bool = False
    """Do not write qualitative panels at the end of epochs."""

    def run(self) -> None:
        """Train."""
        from importlib.util import find_spec

        if self.out.exists() and not self.out.is_dir():
            raise UsageError(f"{self.out}: is a file; give --out a folder")
        if find_spec("cv2") is None:
            raise CorpusError("cv2 is not installed: pip install 'cleartract[train]'")
        from cleartract.commands.progress import progress_bar
        from cleartract.devices import use_threads
        from cleartract.model.weights import load_model
        from cleartract.training.loop import LoopOptions
        from cleartract.training.recipe import TrainOptions, train

        weights = load_model(self.weights)[0] if self.weights is not None else None
        config = self._config(weights)
        use_threads(self.threads)
        with (
            progress_bar("audio encoder", "steps") as encoder,
            progress_bar("training", "steps") as training,
        ):
            loop = LoopOptions(
                device=self.device,
                speech_features=self.speech_features,
                progress=lambda step, steps, m: training(
                    step, steps, f"loss {m['loss']:.3f}, {m['frames_per_second']:.0f} frames/s"
                ),
            )
            options = TrainOptions(
                weights=weights,
                speech=self.speech,
                speech_model=self.speech_model,
                panel=not self.no_panel,
                inversion_progress=lambda a, b, loss: encoder(a, b, f"loss {loss:.3f}"),
                loop=loop,
            )
            train(self.data, self.out, config, options)
        if os.environ.get("RANK", "0") == "0":  # of several processes, by torchrun
            print(f"{self.out / 'weights.safetensors'}: trained {config.steps} steps")

    def _config(self, weights: Model | None) -> TrainingConfig:
        from pydantic import ValidationError

        from cleartract.sound.speech_models import read_speech_config
        from cleartract.training.config import read_config

        changes = {"steps": self.steps, "seed": self.seed}
        try:
            text = self.config.read_text() if self.config else "{}"
            settings = read_config(text)
            chosen = settings.model_dump()
            if weights is not None and "model" not in settings.model_fields_set:
                chosen["model"] = weights.config.model_dump()
            chosen |= {name: value for name, value in changes.items() if value is not None}
            if self.speech_model is not None:
                speech = read_speech_config(self.speech_model)
                chosen["model"]["audio"] |= {"encoder": "pretrained", "speech": speech}
            return type(settings).model_validate(chosen)
        except ValidationError as error:
            raise UsageError(f"{self.config or 'options'}: {wrong_field(error)}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"{self.config}: not a readable config ({reason_of(error)}); give a JSON file"
            ) from error
