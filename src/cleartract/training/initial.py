"""What a training run starts from: random weights, other weights, a pre-trained audio encoder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from cleartract.corpora.dataset import AVDataset
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.errors import CorpusError
from cleartract.model.model import Model
from cleartract.sound.encoders import AudioConfig
from cleartract.sound.inversion import ArticulatoryInversion
from cleartract.sound.log_mel import AUDIO_RATE
from cleartract.sound.prediction import Moments
from cleartract.training.config import TrainingConfig
from cleartract.training.inversion import SpokenMotion, pretrain


def initial_model(
    config: TrainingConfig,
    weights: Model | None = None,
    head: ArticulatoryInversion | None = None,
    speech_model: Path | None = None,
) -> Model:
    """Model at step 0 of a run.

    Args:
        config: Settings of the run.
        weights: Taken over wherever name and shape agree: a model may grow.
        head: What has learned to read articulation off the sound, see `learned_inversion`.
        speech_model: Folder of the speech model of a `pretrained` audio encoder.
    """
    torch.manual_seed(config.seed)
    model = Model(config.model)
    if speech_model is not None and model.audio is not None:
        model.audio.speech.load_folder(speech_model)
    if weights is not None:
        take_over(model, weights.state_dict())
    if head is not None and model.audio is not None:
        learned = config.model.inversion or config.model.audio
        listens = weights is not None and _alike(weights.config.audio, config.model.audio)
        taught = learned.encoder != "pretrained"  # a speech model has learned elsewhere
        if taught and _alike(learned, config.model.audio) and not listens:
            model.audio.load_state_dict(head.encoder.state_dict())
        if model.inversion is not None:
            model.inversion.load_state_dict(head.state_dict())
    return model


def learned_inversion(
    config: TrainingConfig,
    spoken: list[SpokenMotion],
    progress: Callable[[int, int, float], None] | None = None,
) -> ArticulatoryInversion:
    """Let the encoder that a run needs learn articulatory inversion for its `inversion_steps`.

    Args:
        config: Settings of the run.
        spoken: Sound and motor trajectories of training speakers.
        progress: Called with step, steps and loss.
    """
    encoder = config.model.inversion or config.model.audio
    return pretrain(spoken, encoder, config.inversion_steps, seed=config.seed, progress=progress)


def _alike(first: AudioConfig | None, second: AudioConfig | None) -> bool:
    """Whether one encoder's weights fit the other; how much sound it is given does not matter."""
    if first is None or second is None:
        return first is second
    return first == second.model_copy(update={"context": first.context})


def lend_likeness(model: Model, corpus: Path) -> Path | None:
    """Let a training speaker of a simulated corpus lend the model a likeness.

    Clean frames of the longest recording of the wanted size are related to the articulation that
    the model reads off their sound.

    Returns:
        The recording, or None where the model wants none.

    Raises:
        CorpusError: If there is no such recording.
    """
    size = model.config.likeness
    if not size or model.inversion is None:
        return None
    path = likeness_recording(corpus, size)
    clean = SimulatedRecording.load(path).truth()
    audio = clean.audio_at(AUDIO_RATE)
    if audio is None:
        raise CorpusError(f"{path}: has no sound")
    features = model.inversion.eval().of_frames(audio, len(clean), float(clean.rate))
    moments = Moments.of(features, clean.frames)
    regression = torch.from_numpy(moments.regression())
    model.likeness_mean.copy_(regression[-1])
    model.likeness_modes.copy_(regression[:-1])
    return path


def likeness_recording(corpus: Path, size: int) -> Path:
    """The longest simulated training recording of a size [pixels].

    Raises:
        CorpusError: If there is none.
    """
    entries = AVDataset(corpus, "train").entries
    fitting = [e for e in entries if e.simulated and e.size == (size, size)]
    if not fitting:
        raise CorpusError(f"{corpus}: has no simulated training recording of {size}x{size} pixels")
    return max(fitting, key=lambda entry: entry.frames).path


def needs_inversion(config: TrainingConfig, weights: Model | None) -> bool:
    """Whether the audio encoder has articulatory inversion still to learn."""
    if weights is not None and _alike(weights.config.inversion, config.model.inversion):
        return config.model.inversion is None and weights.audio is None
    return config.inversion_steps > 0


def take_over(model: Model, state: dict[str, torch.Tensor]) -> list[str]:
    """Copy tensors of the same name and shape; returns the names of those that stay random.

    A convolution that gained input planes ignores the new ones at first.
    """
    own = model.state_dict()
    fitting = {}
    for name, value in state.items():
        if name not in own:
            continue
        target, wider = own[name].shape, name.endswith(("stem.weight", "enter.weight"))
        if wider and target[0] == value.shape[0] and target[1] > value.shape[1]:
            padded = torch.zeros_like(own[name])
            padded[:, : value.shape[1]] = value
            value = padded
        if own[name].shape == value.shape:
            fitting[name] = value
    model.load_state_dict(fitting, strict=False)
    return sorted(set(own) - set(fitting))
