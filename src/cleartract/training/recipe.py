"""The recipe of a training run: articulatory inversion, default speaker, then the loop."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from cleartract.corpora.dataset import AVDataset
from cleartract.devices import usable_device
from cleartract.errors import CorpusError, UsageError
from cleartract.model.model import Model
from cleartract.recordings.windows import SlidingWindowTransform
from cleartract.training.checkpoint import NAME as CHECKPOINT
from cleartract.training.config import TrainingConfig
from cleartract.training.initial import (
    default_speaker_recording,
    fit_default_speaker,
    initial_model,
    learned_inversion,
    needs_inversion,
)
from cleartract.training.inversion import SpokenMotion, read_motion
from cleartract.training.loop import LoopOptions, run_loop
from cleartract.training.panels import QualitativePanel


@dataclass(frozen=True)
class TrainOptions:
    """Where a run gets what the config does not say.

    Attributes:
        weights: Weights to start from; random by default.
        speech: Folder of simulated speech: more sound for the inversion to learn from.
        speech_model: Folder of a speech model that becomes the audio encoder.
        panel: Whether qualitative panels are written at the end of epochs.
        inversion_progress: Called with step, steps and loss of the inversion.
        loop: Options of the loop.
    """

    weights: Model | None = None
    speech: Path | None = None
    speech_model: Path | None = None
    panel: bool = True
    inversion_progress: Callable[[int, int, float], None] | None = None
    loop: LoopOptions = LoopOptions()  # noqa: RUF009


def train(
    data: str | Path | AVDataset,
    out: str | Path,
    config: TrainingConfig | None = None,
    options: TrainOptions | None = None,
) -> Model:
    """Train a model on a corpus, or go on with a run that was stopped.

    A new run first trains articulatory inversion on simulated speech and fits the default speaker,
    where the config asks for them and the weights do not bring them.

    Args:
        data: Folder of recordings, or a data set of its training split; it is not changed.
        out: Run folder: checkpoint, weights, metrics, samples, `index.html`.
        config: Settings; the defaults of `TrainingConfig` by default.
        options: Where to start from, and what is called on the way.

    Returns:
        The averaged model.

    Raises:
        CorpusError: If there are no recordings, or no speech to learn from, or `out` holds another run.
        UsageError: If options do not fit the config.
    """
    config, options, out = config or TrainingConfig(), options or TrainOptions(), Path(out)
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file; choose a folder")
    _check_speech_features(config, options.loop.speech_features)
    device = str(usable_device(options.loop.device))
    dataset = data if isinstance(data, AVDataset) else _dataset(Path(data), config)
    writes = os.environ.get("RANK", "0") == "0"  # of several processes, by torchrun
    initial = None
    if writes and not (out / CHECKPOINT).exists():
        initial = _initial(dataset.folder, config, options)
    loop = replace(options.loop, device=device)
    if options.panel and writes and loop.on_epoch is None:
        loop = replace(loop, on_epoch=QualitativePanel(dataset.folder, out))
    return run_loop(dataset, out, config, loop, initial)


def _dataset(folder: Path, config: TrainingConfig) -> AVDataset:
    windows = SlidingWindowTransform(config.window_frames, config.window_frames)
    return AVDataset(folder, "train", windows)


def _initial(folder: Path, config: TrainingConfig, options: TrainOptions) -> Model:
    size, weights = config.model.default_speaker, options.weights
    brought = weights is not None and weights.config.default_speaker == size
    if size and not brought:
        default_speaker_recording(folder, size)  # fail now, not later
    inversion = None
    if needs_inversion(config, weights):
        spoken = _spoken(folder, options.speech)
        inversion = learned_inversion(config, spoken, options.inversion_progress)
    model = initial_model(config, weights, inversion, options.speech_model)
    if not brought:
        fit_default_speaker(model, folder)
    return model


def _spoken(data: Path, speech: Path | None) -> list[SpokenMotion]:
    folders = [data] + ([speech] if speech else [])
    parts = {folder: read_motion(folder, "train") for folder in folders}
    if speech is not None and not parts[speech]:
        raise CorpusError(
            f"{speech}: holds no simulated speech of training speakers; make it by "
            "simulate --sound-only"
        )
    spoken = [item for part in parts.values() for item in part]
    if not spoken:
        raise CorpusError(
            f"{data}: no simulated speech for the audio encoder to learn from; give --speech, made "
            "by simulate --sound-only, or --weights small, which have learned it"
        )
    return spoken


def _check_speech_features(config: TrainingConfig, folder: Path | None) -> None:
    if folder is None:
        return
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--speech-features {folder}: is no folder")
    if config.model.audio.encoder != "pretrained" or not config.model.audio.frozen:
        raise UsageError("--speech-features needs a frozen speech model: give --speech-model")
