"""What a model makes of the sound of whole recordings in training, with effects of rooms and scanners."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cleartract.errors import CorpusError, reason_of
from cleartract.files import atomic
from cleartract.model.model import Model
from cleartract.recordings.waveform import PreparedSound
from cleartract.sound.log_mel import AUDIO_RATE
from cleartract.sound.speech_models import PretrainedSpeech
from cleartract.training.audio_augmentation import AudioAugmentation

_VARIED = 0.7  # share of recordings whose sound is disturbed
_FRAME_RATE = 83.28  # whose scanner noise is added where no frames are known [frames/s]


class VariedSoundReader:
    """See `denoising.survey.SoundReader`; always the same for a recording.

    Args:
        model: Its inversion and frozen speech model are copied to the CPU.
        seed: Of the effects.
        vary: Whether effects are wanted.
        folder: Where hidden states of a speech model are kept from run to run, or None. A file is
            named by the sound and the weights it was made from, so many runs may share the folder.
    """

    def __init__(self, model: Model, seed: int, vary: bool = True, folder: Path | None = None):
        self.seed, self.vary, self.folder = seed, vary, folder
        self.inversion = copy.deepcopy(model.inversion)
        if self.inversion is not None:
            self.inversion = self.inversion.cpu().eval()
        self.speech = copy.deepcopy(model.speech)
        self._weights = b""
        if self.speech is not None:
            self.speech = self.speech.cpu().eval()
            self._weights = _digest(self.speech)

    def _waveform(self, sound: PreparedSound, frame_rate: float) -> np.ndarray:
        audio = sound.span(0, len(sound))
        rng = np.random.default_rng([self.seed, len(audio)])
        if not self.vary or rng.random() >= _VARIED:
            return audio
        return AudioAugmentation()(audio, AUDIO_RATE, frame_rate, rng).astype(np.float32)

    def features(self, sound: PreparedSound, times: np.ndarray) -> Iterator[np.ndarray] | None:
        """See `SoundReader.features`."""
        if self.inversion is None:
            return None
        frame_rate = len(times) / float(times[-1])
        return self.inversion.parts_at(self._waveform(sound, frame_rate), times)

    def states(self, sound: PreparedSound) -> np.ndarray | None:
        """See `SoundReader.states`.

        Raises:
            CorpusError: If a kept file is damaged.
        """
        if self.speech is None:
            return None
        audio = self._waveform(sound, _FRAME_RATE)
        if self.folder is None:
            return self.speech.of_recording(audio)
        name = hashlib.sha256(self._weights + audio.tobytes()).hexdigest()[:24]
        path = self.folder / f"{name}.npy"
        if path.exists():
            try:
                return np.load(path)
            except (ValueError, EOFError, OSError) as error:
                raise CorpusError(f"{path}: damaged ({reason_of(error)}); delete it") from error
        states = self.speech.of_recording(audio)
        with atomic(path) as temporary:
            np.save(temporary, states)
        return states

    def states_of_span(
        self, states: np.ndarray, start: int, samples: int
    ) -> tuple[np.ndarray, float]:
        """See `SoundReader.states_of_span`."""
        assert self.speech is not None
        return self.speech.of_span(states, start, samples)


def _digest(speech: PretrainedSpeech) -> bytes:
    digest = hashlib.sha256()
    for name, tensor in sorted(speech.model.state_dict().items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.digest()
