"""Speech of human voices with the motor trajectory of the same phones at the same times.

python -m benchmarks.human_voices voices

The voices are those of flite (a Debian package), made from recordings of people: three learned from
CMU ARCTIC (Kominek and Black 2004), one of diphones. They say phones of the simulator's utterances,
and random words of a list. The articulatory synthesizer moves to the same phones and durations.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from cleartract.corpora.simulated import SimulatedSpeech
from cleartract.simulation.phantom.speech import STATE_RATE, motor_trajectory
from cleartract.simulation.phantom.utterances import Segment, random_utterance

TRAINING, VALIDATION = ("kal16", "awb", "slt"), ("rms",)
_PHONES = {  # of flite -> of the articulatory synthesizer
    **{"aa": "a:", "ae": "E:", "ah": "6", "ao": "O", "aw": "aU", "ax": "@", "ay": "aI", "eh": "E"},
    **{"er": "9", "ey": "e:", "ih": "I", "iy": "i:", "ow": "o:", "oy": "OY", "uh": "U", "uw": "u:"},
    **{phone: phone for phone in "bdfgklmnprstvz"},
    **{"ch": "tS", "dh": "D", "hh": "h", "jh": "dZ", "ng": "N", "sh": "S", "th": "T", "w": "U"},
    **{"y": "j", "zh": "Z", "pau": ""},
}
_SAID = {theirs: ours for ours, theirs in _PHONES.items() if ours != "w"}
_SAID |= {"e:": "ey", "E:": "ae"}
_BRIEFEST = 0.03  # [s]: the synthesizer's gestures need time
_PHONE_SHARE = 0.45  # of utterances that are phones of the simulator's; the rest are words
_TRACTS = (0.85, 1.2)  # a voice played faster is one of a shorter tract


@dataclass(frozen=True)
class Options:
    """Let human voices speak what the articulatory synthesizer moves to."""

    out: tyro.conf.Positional[Path]
    minutes: float = 6.0
    """Speech of each voice."""
    seconds: float = 20.0
    """Length of a file."""
    words: Path = Path("/usr/share/dict/words")
    """List of words, one a line; that of the Debian package wamerican-small."""
    seed: int = 5


def main(options: Options) -> None:
    listed = options.words.read_text("utf-8").split()
    words = [word for word in listed if re.fullmatch("[a-z]{2,9}", word)]
    for number, voice in enumerate((*TRAINING, *VALIDATION)):
        spoken, index = 0.0, 0
        while spoken < 60 * options.minutes:
            path = options.out / f"voice_{voice}" / f"speech{index:02d}.npz"
            if not path.exists():
                rng = np.random.default_rng([options.seed, number, index])
                path.parent.mkdir(parents=True, exist_ok=True)
                spoken_by(voice, words, options.seconds, rng).save(path)
            spoken += SimulatedSpeech.load(path).duration
            index += 1
        print(f"{voice}: {spoken:.0f} s in {index} files", flush=True)


def spoken_by(
    voice: str, words: list[str], seconds: float, rng: np.random.Generator
) -> SimulatedSpeech:
    """Utterances of one voice, at least `seconds` [s] long, as one of a longer or shorter tract."""
    faster = float(np.exp(rng.uniform(*np.log(_TRACTS))))
    sounds, tracts, phones, duration = [], [], [], 0.0
    while duration < seconds:
        sound, rate, segments = _utterance(voice, words, rng)
        tract = motor_trajectory(segments, rng)
        states = round(sum(t for _, t in segments) * STATE_RATE)
        sounds.append(_of_length(sound, round(states / STATE_RATE * rate)))
        tracts.append(_of_length(tract, states))
        phones += segments
        duration += states / STATE_RATE / faster
    audio = np.concatenate(sounds)
    return SimulatedSpeech(
        audio=(0.5 * audio / max(float(np.abs(audio).max()), 1e-6)).astype(np.float32),
        sample_rate=round(rate * faster),
        tract=np.concatenate(tracts).astype(np.float32),
        state_rate=STATE_RATE * faster,
        parameters={
            "speaker": f"voice_{voice}",
            "split": "validation" if voice in VALIDATION else "train",
            "faster": faster,
            "phones": phones,
        },
    )


def _utterance(
    voice: str, words: list[str], rng: np.random.Generator
) -> tuple[np.ndarray, int, list[Segment]]:
    """Sound, sample rate [Hz], phones and durations [s] of what a voice says."""
    if rng.random() < _PHONE_SHARE:
        phones = [_SAID[phone] for phone, _ in random_utterance(rng, rng.uniform(2, 4))]
        said = ["-p", " ".join([*phones, "pau"])]
    else:
        said = ["-t", " ".join(rng.choice(words, size=int(rng.integers(3, 10))))]
    stretch = f"duration_stretch={np.exp(rng.normal(0.08, 0.15)):.3f}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "said.wav")
        command = ["flite", "-voice", voice, "--setf", stretch, "-psdur", *said, "-o", str(path)]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        with wave.open(str(path)) as file:
            rate = file.getframerate()
            sound = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    segments, last = [], 0.0
    for phone, end in (item.split(":") for item in told.split()):
        until = max(float(end), last + _BRIEFEST)
        segments.append((_PHONES[phone], until - last))
        last = until
    return sound / np.float32(32768), rate, segments


def _of_length(values: np.ndarray, length: int) -> np.ndarray:
    missing = [(0, max(0, length - len(values))), *[(0, 0)] * (values.ndim - 1)]
    return np.pad(values, missing, "edge")[:length]


if __name__ == "__main__":
    main(tyro.cli(Options))
