"""`cleartract train`: train a model, or go on with a stopped run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from cleartract.errors import CorpusError, UsageError, reason_of, wrong_field


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
    """Folder in which what a frozen speech model makes of each recording is kept."""
    steps: int | None = None
    """Optimiser steps in all; replaces the config's."""
    seed: int | None = None
    """Seed; replaces the config's."""
    device: str = "auto"
    """auto, cpu or cuda."""
    threads: int | None = None
    """CPU threads; all cores by default."""
    no_panel: bool = False
    """Do not write qualitative panels at the end of epochs."""

    def run(self) -> None:
        """Train."""
        from importlib.util import find_spec

        if self.out.exists() and not self.out.is_dir():
            raise UsageError(f"{self.out}: is a file; give --out a folder")
        if find_spec("cv2") is None:
            raise CorpusError("cv2 is not installed: pip install 'cleartract[train]'")
        from pydantic import ValidationError

        from cleartract.commands.progress import progress_bar
        from cleartract.corpora.dataset import AVDataset
        from cleartract.devices import usable_device, use_threads
        from cleartract.model.weights import load_model
        from cleartract.recordings.windows import SlidingWindowTransform
        from cleartract.sound.speech_models import read_speech_config
        from cleartract.training.checkpoint import NAME as CHECKPOINT
        from cleartract.training.config import TrainingConfig
        from cleartract.training.initial import (
            initial_model,
            learned_inversion,
            lend_likeness,
            likeness_recording,
            needs_inversion,
        )
        from cleartract.training.loop import train
        from cleartract.training.panels import QualitativePanel

        weights = load_model(self.weights)[0] if self.weights is not None else None
        try:
            text = self.config.read_text() if self.config else "{}"
            settings = TrainingConfig.model_validate_json(text)
            chosen = settings.model_dump()
            if weights is not None and "model" not in settings.model_fields_set:
                chosen["model"] = weights.config.model_dump()
            chosen |= {
                k: v for k, v in (("steps", self.steps), ("seed", self.seed)) if v is not None
            }
            if self.speech_model is not None:
                speech = read_speech_config(self.speech_model)
                chosen["model"]["audio"] |= {"encoder": "pretrained", "speech": speech}
            config = TrainingConfig.model_validate(chosen)
        except ValidationError as error:
            raise UsageError(f"{self.config or 'options'}: {wrong_field(error)}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"{self.config}: not a readable config ({reason_of(error)}); give a JSON file"
            ) from error
        if self.speech_features is not None:
            if self.speech_features.exists() and not self.speech_features.is_dir():
                raise UsageError(f"--speech-features {self.speech_features}: is no folder")
            if config.model.audio.encoder != "pretrained" or not config.model.audio.frozen:
                raise UsageError(
                    "--speech-features needs a frozen speech model: give --speech-model"
                )
        use_threads(self.threads)
        device = str(usable_device(self.device))
        windows = SlidingWindowTransform(config.window_frames, config.window_frames)
        context = config.model.audio.context
        dataset = AVDataset(self.data, "train", windows, context=context)
        writes = os.environ.get("RANK", "0") == "0"  # of several processes, by torchrun
        initial = None
        if writes and not (self.out / CHECKPOINT).exists():
            with progress_bar("audio encoder", "steps") as update:
                lent = weights is not None and weights.config.likeness == config.model.likeness
                if config.model.likeness and not lent:
                    likeness_recording(self.data, config.model.likeness)  # fail now, not later
                head = None
                if needs_inversion(config, weights) and config.model.unet.token_channels:
                    head = learned_inversion(
                        config, self._spoken(), lambda a, b, loss: update(a, b, f"loss {loss:.3f}")
                    )
                initial = initial_model(config, weights, head, self.speech_model)
            if not lent:
                lend_likeness(initial, self.data)
        panel = None if self.no_panel or not writes else QualitativePanel(self.data, self.out)
        with progress_bar("training", "steps") as update:
            train(
                dataset,
                self.out,
                config,
                device,
                initial=initial,
                features=self.speech_features,
                on_epoch=panel,
                progress=lambda step, steps, m: update(
                    step,
                    steps,
                    f"loss {m['loss']:.3f}, {m['frames_per_second']:.0f} frames/s",
                ),
            )
        if writes:
            print(f"{self.out / 'weights.safetensors'}: trained {config.steps} steps")

    def _spoken(self) -> list:
        from cleartract.training.inversion import read_motion

        folders = [self.data] + ([self.speech] if self.speech else [])
        parts = {folder: read_motion(folder, "train") for folder in folders}
        if self.speech is not None and not parts[self.speech]:
            raise CorpusError(
                f"{self.speech}: holds no simulated speech of training speakers; make it by "
                "simulate --sound-only"
            )
        found = [item for part in parts.values() for item in part]
        if not found:
            raise CorpusError(
                f"{self.data}: no simulated speech for the audio encoder to learn from; "
                "give --speech, made by simulate --sound-only, or --weights small, which have learned it"
            )
        return found
