"""What a training run starts from: random weights, other weights, a pre-trained audio encoder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from cleartract.corpora.entries import find_entries
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.errors import CorpusError
from cleartract.model.model import Model
from cleartract.sound.encoders import AudioConfig
from cleartract.sound.inversion import ArticulatoryInversion
from cleartract.sound.log_mel import AUDIO_RATE
from cleartract.sound.moments import Moments
from cleartract.training.config import TrainingConfig
from cleartract.training.inversion import SpokenMotion, pretrain


def initial_model(
    config: TrainingConfig,
    weights: Model | None = None,
    inversion: ArticulatoryInversion | None = None,
    speech_model: Path | None = None,
) -> Model:
    """Model at step 0 of a run.

    Args:
        config: Settings of the run.
        weights: Loaded wherever name and shape agree: a model may grow.
        inversion: Trained articulatory inversion, see `learned_inversion`.
        speech_model: Folder of the speech model of a `pretrained` audio encoder.
    """
    torch.manual_seed(config.seed)
    model = Model(config.model)
    if speech_model is not None and model.audio is not None:
        model.audio.speech.load_folder(speech_model)
    if weights is not None:
        load_matching_weights(model, weights.state_dict())
    if inversion is not None and model.audio is not None:
        learned = config.model.inversion or config.model.audio
        trained = weights is not None and _same_encoder(weights.config.audio, config.model.audio)
        own = learned.encoder != "pretrained"  # a speech model was trained elsewhere
        if own and _same_encoder(learned, config.model.audio) and not trained:
            model.audio.load_state_dict(inversion.encoder.state_dict())
        if model.inversion is not None:
            model.inversion.load_state_dict(inversion.state_dict())
    return model


def learned_inversion(
    config: TrainingConfig,
    spoken: list[SpokenMotion],
    progress: Callable[[int, int, float], None] | None = None,
) -> ArticulatoryInversion:
    """Train the inversion that a run needs for its `inversion_steps`.

    Args:
        config: Settings of the run.
        spoken: Sound and motor trajectories of training speakers.
        progress: Called with step, steps and loss.
    """
    encoder = config.model.inversion or config.model.audio
    return pretrain(spoken, encoder, config.inversion_steps, seed=config.seed, progress=progress)


def needs_inversion(config: TrainingConfig, weights: Model | None) -> bool:
    """Whether articulatory inversion must be trained before the run."""
    if not config.model.unet.token_channels:
        return False
    if weights is not None and _same_encoder(weights.config.inversion, config.model.inversion):
        return config.model.inversion is None and weights.audio is None
    return config.inversion_steps > 0


def _same_encoder(first: AudioConfig | None, second: AudioConfig | None) -> bool:
    """Whether one encoder's weights fit the other; how much sound it gets does not matter."""
    if first is None or second is None:
        return first is second
    return first == second.model_copy(update={"context": first.context})


def fit_default_speaker(model: Model, corpus: Path) -> Path | None:
    """Fit the default speaker, used for generation where no reference is given.

    Clean frames of the longest recording of the wanted size are related to the articulation that
    the model estimates from their sound.

    Returns:
        The recording, or None where the model has no default speaker.

    Raises:
        CorpusError: If there is no such recording.
    """
    size = model.config.default_speaker
    if not size or model.inversion is None:
        return None
    path = default_speaker_recording(corpus, size)
    clean = SimulatedRecording.load(path).truth()
    audio = clean.audio_at(AUDIO_RATE)
    if audio is None:
        raise CorpusError(f"{path}: has no sound")
    features = model.inversion.eval().of_frames(audio, len(clean), float(clean.rate))
    regression = torch.from_numpy(Moments.of(features, clean.frames).regression())
    model.speaker_mean.copy_(regression[-1])
    model.speaker_modes.copy_(regression[:-1])
    return path


def default_speaker_recording(corpus: Path, size: int) -> Path:
    """The longest simulated training recording of a size [pixels].

    Raises:
        CorpusError: If there is none.
    """
    entries = find_entries(corpus, "train")
    fitting = [e for e in entries if e.simulated and e.size == (size, size)]
    if not fitting:
        raise CorpusError(f"{corpus}: has no simulated training recording of {size}x{size} pixels")
    return max(fitting, key=lambda entry: entry.frames).path


def load_matching_weights(model: Model, state: dict[str, torch.Tensor]) -> list[str]:
    """Load tensors of the same name and shape; return the names of those left at their initial value.

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
