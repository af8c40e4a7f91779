"""Which features of the sound predict the frames of real recordings best, held out.

python -m benchmarks.sound_features RECORDING RECORDING... --audio-offset 0 440
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from scipy.ndimage import gaussian_filter1d

from benchmarks.common import write_json, write_table
from cleartract.model.weights import load_model
from cleartract.recordings.opening import open_recording
from cleartract.sound.inversion import ArticulatoryInversion, as_spans
from cleartract.sound.log_mel import AUDIO_RATE
from cleartract.sound.prediction import learned_prediction
from cleartract.sound.spectrum import spectral_components

_AROUND = (-0.08, -0.04, 0.0, 0.04, 0.08)  # [s] of tokens beside each frame
_TOKENS = 24  # their principal components
_WAVES, _WIDTH = 200, 10.0  # random Fourier features and the width of their kernel
_PHONES_SMOOTHED = 4  # [frames of 10 ms]

Features = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Sound at 16 kHz and times of frames [s] -> (frame, feature)."""


@dataclass(frozen=True)
class Options:
    """Compare features of the sound; the foreign sound of each recording is that of the next."""

    recordings: tyro.conf.Positional[tuple[Path, ...]]
    weights: str | None = None
    audio_offset: tuple[float, ...] = ()
    """How late the sound of each recording is [ms]; 0 where not given."""
    name: str = "sound_features"


def main(options: Options) -> None:
    model, _ = load_model(options.weights)
    assert model.inversion is not None
    loaded = [open_recording(path) for path in options.recordings]
    sounds = [recording.audio_at(AUDIO_RATE) for recording in loaded]
    results: dict[str, dict[str, tuple[float, float]]] = {}
    for number, recording in enumerate(loaded):
        own, other = sounds[number], sounds[(number + 1) % len(sounds)]
        assert own is not None
        assert other is not None
        late = options.audio_offset[number] / 1000 if number < len(options.audio_offset) else 0.0
        times = (np.arange(len(recording)) + 0.5) / float(recording.rate) + late
        frames = recording.frames / np.percentile(recording.frames, 99.5)
        heard = [own, np.resize(other, len(own)).astype(np.float32)]
        for name, features in kinds(model.inversion).items():
            shares = []
            for sound in heard:
                prediction = learned_prediction(features(sound, times), frames, recording.rate)
                assert prediction is not None
                shares.append(prediction.explained)
            results.setdefault(name, {})[options.recordings[number].name] = (shares[0], shares[1])
            print(
                options.recordings[number].name,
                name,
                *(f"{share:.3f}" for share in shares),
                flush=True,
            )
    header = ["features of the sound", *(path.name for path in options.recordings)]
    rows = [
        [name, *(f"{a:.2f}, {b:.2f}" for a, b in shares.values())]
        for name, shares in results.items()
    ]
    note = (
        "Share of the variance of the moving pixels, slow drift left out, that a regression learned within "
        "the recording predicts held out: from its own sound (higher is better), and from a foreign one "
        "(0 is chance)."
    )
    write_table(options.name, header, rows, note)
    write_json(options.name, {"features": results})


def kinds(inversion: ArticulatoryInversion) -> dict[str, Features]:
    """What is compared, by name."""

    def articulation(sound, times):
        return inversion.at(sound, times)

    def spectrum(sound, times):
        return np.concatenate(list(spectral_components(as_spans(sound), times)))

    def shipped(sound, times):
        return np.concatenate([articulation(sound, times), spectrum(sound, times)], 1)

    def with_tokens(sound, times):
        around = np.concatenate([tokens(inversion, sound, times + late) for late in _AROUND], 1)
        return np.concatenate([shipped(sound, times), components(around, _TOKENS)], 1)

    def curved(sound, times):
        plain = with_tokens(sound, times)
        rng = np.random.default_rng(0)
        directions = rng.normal(size=(plain.shape[1], _WAVES)) / _WIDTH
        waves = np.cos(plain @ directions + rng.uniform(0, 2 * np.pi, _WAVES))
        return np.concatenate([plain, waves / 2], 1)

    def with_phones(sound, times):
        return np.concatenate([shipped(sound, times), phones(sound, times)], 1)

    return {
        "articulation (19 parameters)": articulation,
        "components of the spectrogram (24)": spectrum,
        "both, as shipped": shipped,
        "both, phones of pocketsphinx": with_phones,
        "both, components of the encoder's tokens (24)": with_tokens,
        "all but phones, random Fourier features (200)": curved,
    }


def tokens(inversion: ArticulatoryInversion, sound: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Tokens of the encoder at some times [s], (time, channel)."""
    with torch.inference_mode():
        found, moments = inversion.encoder(torch.from_numpy(sound)[None], torch.zeros(1))
    channels = found[0].numpy().T
    return np.stack([np.interp(times, moments[0].numpy(), channel) for channel in channels], 1)


def components(features: np.ndarray, count: int) -> np.ndarray:
    """Principal components, the first with a mean square of 9, (frame, count)."""
    standard = (features - features.mean(0)) / np.maximum(features.std(0), 1e-3)
    left, values, _ = np.linalg.svd(standard, full_matrices=False)
    return 3 * np.sqrt(len(left)) * left[:, :count] * values[:count] / values[0]


def phones(sound: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Which phone pocketsphinx hears (40 English ones, trained on people), smoothed, (time, phone)."""
    try:
        import pocketsphinx
    except ImportError as error:
        raise SystemExit("pip install pocketsphinx") from error
    folder = Path(pocketsphinx.get_model_path(), "en-us")
    decoder = pocketsphinx.Decoder(
        hmm=str(folder / "en-us"), allphone=str(folder / "en-us-phone.lm.bin"), lm=None, dict=None,
        lw=2.0, beam=1e-20, pbeam=1e-20, loglevel="FATAL",
    )  # fmt: skip
    loud = 0.7 * sound / max(float(np.abs(sound).max()), 1e-6)
    decoder.start_utt()
    decoder.process_raw((32767 * loud).astype(np.int16).tobytes(), False, True)
    decoder.end_utt()
    heard = [(s.word, s.start_frame, s.end_frame + 1) for s in decoder.seg()]
    names = sorted({name for name, _, _ in heard})
    told = np.zeros((heard[-1][2], len(names)), np.float32)
    for name, first, end in heard:
        told[first:end, names.index(name)] = 3.0
    told = gaussian_filter1d(told, _PHONES_SMOOTHED, axis=0)
    moments = (np.arange(len(told)) + 0.5) / 100
    return np.stack([np.interp(times, moments, column) for column in told.T], 1)


if __name__ == "__main__":
    main(tyro.cli(Options))
