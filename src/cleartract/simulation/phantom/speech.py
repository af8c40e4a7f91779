"""Utterance -> motor trajectory -> sound and vocal-tract outlines.

The articulatory synthesizer is VocalTractLab (Birkholz 2013, PLoS ONE 8(4):e60603), called through
its public interface. It keeps global state: run one speaker per process at a time.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from scipy.ndimage import gaussian_filter1d

from cleartract.corpora.simulated import OUTLINES
from cleartract.errors import CorpusError
from cleartract.simulation.phantom.utterances import DURATIONS, Segment

SYNTHESIZER_RATE = 44_100  # [Hz]
SAMPLES_PER_STATE = 110
STATE_RATE = SYNTHESIZER_RATE / SAMPLES_PER_STATE  # motor states per second [Hz]
SOUND_RATE = 20_000  # of the stored sound [Hz], as in the public rtMRI sets
TRACT_NAMES = (
    *("HX", "HY", "JX", "JA", "LP", "LD", "VS", "VO", "TCX", "TCY", "TTX", "TTY"),
    *("TBX", "TBY", "TRX", "TRY", "TS1", "TS2", "TS3"),
)
TRACT = {name: index for index, name in enumerate(TRACT_NAMES)}
_STATE_STEP = 4  # motor states per synthesis block: 100 Hz is enough for the sound
_REST = dict(LD=-0.15, JA=-1.2, LP=-0.05, VO=0.55, TCX=0.6, TCY=-1.3, TTX=4.3, TTY=-0.7)
_REST |= dict(TBX=3.0, TBY=0.35)


@dataclass(frozen=True)
class Performance:
    """One spoken utterance.

    Attributes:
        tract: Vocal-tract parameters over time, (state, 19), at `STATE_RATE` [Hz].
        audio: Sound, (sample,), float32 within +-1, at `SOUND_RATE` [Hz].
        segments: Phones and their durations [s].
    """

    tract: np.ndarray
    audio: np.ndarray
    segments: tuple[Segment, ...]

    @property
    def duration(self) -> float:
        """Length [s]."""
        return len(self.tract) / STATE_RATE

    def tract_at(self, times: np.ndarray) -> np.ndarray:
        """Vocal-tract parameters at `times` [s], (time, 19)."""
        states = np.arange(len(self.tract))
        position = np.asarray(times) * STATE_RATE
        columns = [np.interp(position, states, column) for column in self.tract.T]
        return np.stack(columns, axis=1)


def _synthesizer():
    try:
        with _silenced():
            import vocaltractlab_cython as vtl
    except ImportError as error:
        raise CorpusError(
            "the articulatory synthesizer is not installed: pip install 'cleartract[simulate]' "
            "(wheels exist for Linux x86-64, macOS arm64 and Windows)"
        ) from error
    return vtl


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    # the library prints from C++, past sys.stdout
    saved = os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 1)
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(null)


def _motor_trajectory(segments: Sequence[Segment]) -> tuple[np.ndarray, np.ndarray]:
    vtl = _synthesizer()
    unknown = sorted({phone for phone, _ in segments} - set(DURATIONS) - {"Z"})
    if unknown:
        raise CorpusError(f"unknown phones {unknown}: use the symbols of phantom.utterances")
    with tempfile.TemporaryDirectory() as folder, _silenced():
        score, gestures, motor = (str(Path(folder, f"x.{s}")) for s in ("seg", "ges", "seq"))
        lines = (f"name = {phone}; duration_s = {t:.6f};\n" for phone, t in segments)
        Path(score).write_text("".join(lines))
        try:
            vtl.phoneme_file_to_gesture_file(score, gestures)
            vtl.gesture_file_to_motor_file(gestures, motor)
        except ValueError as error:  # whatever is wrong, the library says so on many lines
            raise CorpusError(
                f"the articulatory synthesizer failed in {tempfile.gettempdir()}: is the disk full?"
            ) from error
        rows = [r for r in Path(motor).read_text().splitlines() if r and r[0] != "#"]
    n_states = int(rows[1])
    values = [np.array(row.split(), float) for row in rows[2 : 2 + 2 * n_states]]
    return np.stack(values[1::2]), np.stack(values[0::2])


def _rest_in_pauses(tract: np.ndarray, pressure: np.ndarray, rng: np.random.Generator):
    """Blend towards closed mouth and lowered velum where the lung pressure is long zero."""
    silent = gaussian_filter1d((pressure < 500).astype(float), 14)
    weight = gaussian_filter1d(np.clip(silent * 2.2 - 1.2, 0, 1), 16)[:, None]
    rest = tract.copy()
    for name, value in _REST.items():
        rest[:, TRACT[name]] = value + rng.normal(0.0, 0.1)
    rest[:, TRACT["LD"]] = _REST["LD"] + (0.5 * rng.random() if rng.random() < 0.3 else 0.0)
    return (1 - weight) * tract + weight * rest


def motor_trajectory(segments: Sequence[Segment], rng: np.random.Generator) -> np.ndarray:
    """Vocal-tract parameters of an utterance without its sound, (state, 19).

    Args:
        segments: Phones and durations [s].
        rng: Source of randomness (rest posture).

    Raises:
        CorpusError: If the synthesizer is missing or a phone is unknown.
    """
    tract, glottis = _motor_trajectory(segments)
    return _rest_in_pauses(tract, glottis[:, 1], rng)


def _pitch_contour(n_states: int, base: float, rng: np.random.Generator) -> np.ndarray:
    t = np.arange(n_states) / STATE_RATE
    wave = 1.2 * np.sin(2 * np.pi * t * rng.uniform(0.8, 1.6) + rng.uniform(0, 2 * np.pi))
    jitter = gaussian_filter1d(rng.normal(0, 1, n_states), 40) * 4
    semitones = 2.5 - 4.5 * t / t[-1] + wave + jitter
    return base * 2 ** (semitones / 12)


def perform(
    segments: Sequence[Segment], rng: np.random.Generator, pitch: float, tract_size: float
) -> Performance:
    """Speak an utterance.

    Args:
        segments: Phones and durations [s].
        rng: Source of randomness (rest posture, intonation).
        pitch: Mean fundamental frequency [Hz].
        tract_size: Size relative to the synthesizer's adult male, 0.85 to 1. A smaller tract is
            synthesised as a slower, lower-pitched one and then played back faster.

    Raises:
        CorpusError: If the synthesizer is missing or a phone is unknown.
    """
    vtl = _synthesizer()
    tract, glottis = _motor_trajectory(segments)
    tract = _rest_in_pauses(tract, glottis[:, 1], rng)
    glottis[:, 0] = _pitch_contour(len(tract), pitch, rng) * tract_size
    samples = round(SAMPLES_PER_STATE * _STATE_STEP / tract_size)
    with _silenced():
        sound = vtl.synth_block(
            np.ascontiguousarray(tract[::_STATE_STEP]),
            np.ascontiguousarray(glottis[::_STATE_STEP]),
            samples,
        )
    played_rate = SYNTHESIZER_RATE * samples / (SAMPLES_PER_STATE * _STATE_STEP)
    audio = soxr.resample(np.asarray(sound, np.float64), played_rate, SOUND_RATE)
    n_samples = round(len(tract) / STATE_RATE * SOUND_RATE)
    audio = np.pad(audio, (0, max(0, n_samples - len(audio))))[:n_samples]
    audio = 0.5 * audio / max(float(np.abs(audio).max()), 1e-6)
    return Performance(tract, audio.astype(np.float32), tuple(segments))


def outlines(tract: np.ndarray) -> dict[str, np.ndarray]:
    """Midsagittal outlines of one vocal-tract state.

    Args:
        tract: Parameters, (19,).

    Returns:
        Points of each of `OUTLINES`, (point, 2) [cm], x forwards from the synthesizer's origin, y
        upwards.
    """
    curves = _synthesizer().get_outlines(np.ascontiguousarray(tract))
    return {name: np.asarray(curves[name], float) for name in OUTLINES}
