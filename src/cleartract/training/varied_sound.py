"""What is read off the sound of whole recordings in training, after effects of rooms and scanners."""

from __future__ import annotations

import copy
import hashlib
import os
from pathlib import Path

import numpy as np

from cleartract.corpora.dataset import Articulation
from cleartract.errors import CorpusError, reason_of
from cleartract.sound.inversion import ArticulatoryInversion
from cleartract.sound.log_mel import AUDIO_RATE
from cleartract.sound.speech_models import PretrainedSpeech
from cleartract.training.audio_augmentation import AudioAugmentation

_VARIED = 0.7  # share of recordings whose sound is disturbed
_FRAME_RATE = 83.28  # whose scanner noise is added where no frames are known [Hz]


def varied_articulation(
    inversion: ArticulatoryInversion, seed: int, vary: bool = True
) -> Articulation:
    """Articulation, always the same for a recording; effects only where wanted."""
    reader = copy.deepcopy(inversion).cpu().eval()

    def read(audio: np.ndarray, times: np.ndarray) -> np.ndarray:
        if vary:
            audio = _varied(audio, len(times) / float(times[-1]), seed)
        return reader.at(audio, times)

    return read


class VariedSpeech:
    """Hidden states of a frozen speech model, always the same for a recording.

    Args:
        speech: The model; a copy on the CPU is used.
        seed: Of the effects.
        folder: Where hidden states are kept from run to run, or None. A file is named by the sound
            and the weights it was made from, so many runs may share the folder.
        vary: Whether effects are wanted.
    """

    def __init__(
        self, speech: PretrainedSpeech, seed: int, folder: Path | None = None, vary: bool = True
    ):
        self.speech, self.seed = copy.deepcopy(speech).cpu().eval(), seed
        self.folder, self.vary = folder, vary
        digest = hashlib.sha256()
        for name, tensor in sorted(self.speech.model.state_dict().items()):
            digest.update(name.encode() + tensor.numpy().tobytes())
        self._weights = digest.digest()

    def of_recording(self, audio: np.ndarray) -> np.ndarray:
        """See `PretrainedSpeech.of_recording`."""
        if self.vary:
            audio = _varied(audio, _FRAME_RATE, self.seed)
        if self.folder is None:
            return self.speech.of_recording(audio)
        self.folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(self._weights + audio.tobytes()).hexdigest()[:24]
        path = self.folder / f"{name}.npy"
        if path.exists():
            try:
                return np.load(path)
            except (ValueError, EOFError, OSError) as error:
                raise CorpusError(f"{path}: damaged ({reason_of(error)}); delete it") from error
        found = self.speech.of_recording(audio)
        temporary = path.with_suffix(f".{os.getpid()}.tmp.npy")
        np.save(temporary, found)
        temporary.replace(path)
        return found

    def of_span(self, recorded: np.ndarray, start: int, samples: int) -> tuple[np.ndarray, float]:
        """See `PretrainedSpeech.of_span`."""
        return self.speech.of_span(recorded, start, samples)


def _varied(audio: np.ndarray, frame_rate: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng([seed, len(audio)])
    if rng.random() >= _VARIED:
        return audio
    return AudioAugmentation()(audio, AUDIO_RATE, frame_rate, rng).astype(np.float32)
