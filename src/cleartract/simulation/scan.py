"""One simulated recording: an utterance, its sound, its frames, its scan."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cleartract.errors import UsageError

FORMAT = 1


@dataclass(frozen=True)
class CorpusSettings:
    """What fixes every byte of a corpus.

    Attributes:
        speakers: Number of speakers.
        minutes: Total length [min].
        seed: Seed of everything.
        seconds: Least length of one recording [s].
        coils: Receive coils, 2 to 8.
        timit_share: Share of recordings with the 68x68, 23.18 fps protocol.
        golden: Golden-angle order of the interleaves.
        noise: Least and greatest noise level, if fully sampled, relative to the 99.5th percentile
            of the clean frames.
        sound_only: Sound and motor trajectories without frames, for articulatory inversion.

    Raises:
        UsageError: If a setting is out of its range.
    """

    speakers: int = 8
    minutes: float = 4.0
    seed: int = 1
    seconds: float = 3.0
    coils: int = 4
    timit_share: float = 0.3
    golden: bool = False
    noise: tuple[float, float] = (0.01, 0.05)
    sound_only: bool = False

    def __post_init__(self) -> None:
        low, high = self.noise
        for holds, needed in (
            (self.speakers >= 1, f"speakers: 1 or more, not {self.speakers}"),
            (0 < self.minutes < 1e6, f"minutes: above 0 and below a million, not {self.minutes:g}"),
            (0.5 <= self.seconds <= 600, f"seconds: 0.5 to 600, not {self.seconds:g}"),
            (self.seed >= 0, f"seed: 0 or more, not {self.seed}"),
            (2 <= self.coils <= 8, f"coils: 2 to 8, not {self.coils}"),
            (0 <= self.timit_share <= 1, f"timit_share: 0 to 1, not {self.timit_share:g}"),
            (
                0 < low <= high <= 1,
                f"noise: above 0, at most 1, the lesser first, not {low:g} {high:g}",
            ),
        ):
            if not holds:
                raise UsageError(needed)


@dataclass(frozen=True)
class Task:
    """One recording to simulate."""

    speaker: int
    index: int
    split: str
    kind: str = "recording"

    def path(self, folder: Path) -> Path:
        """Where the recording lies."""
        return folder / f"speaker{self.speaker:03d}" / f"{self.kind}{self.index:02d}.npz"


def simulate_recording(settings: CorpusSettings, task: Task) -> dict[str, np.ndarray]:
    """Simulate one recording.

    Returns:
        `clean` (frame, N, N) float16; `view_shared` and `cg_sense` as (frame, 2, N, N) float16, real
        and imaginary part after the object's phase is removed, in the scale of `clean`; `audio`
        (sample,) float32 and `sample_rate` [Hz]; `rate` [numerator, denominator]; `tract`
        (state, 19) and `state_rate` [Hz]; `outlines` (frame, 106, 2) [mm]; `parameters` as JSON.
    """
    import cv2

    from cleartract.simulation.phantom.render import Phantom
    from cleartract.simulation.phantom.speaker import Speaker
    from cleartract.simulation.phantom.speech import AUDIO_RATE, STATE_RATE, perform
    from cleartract.simulation.phantom.utterances import random_utterance
    from cleartract.simulation.scanner.coils import random_session
    from cleartract.simulation.scanner.reconstruction import Reconstruction
    from cleartract.simulation.scanner.scanner import Scanner

    cv2.setNumThreads(1)
    rng = np.random.default_rng([settings.seed, task.speaker, task.index])
    speaker = Speaker.random(settings.seed * 100_003 + task.speaker)
    protocol = _protocol(settings, rng)
    pitch = speaker.pitch * np.exp(rng.normal(0, 0.05))
    segments = random_utterance(rng, settings.seconds)
    speech = perform(segments, rng, pitch, speaker.tract_size)

    n_frames = int(speech.duration * protocol.rate)
    per_frame = protocol.states_per_frame
    states = (np.arange(n_frames * per_frame) + 0.5) / (float(protocol.rate) * per_frame)
    session = random_session(rng, protocol.size, settings.coils)
    scanner = Scanner(protocol, session)
    phantom = Phantom(speaker, 2 * protocol.size)
    data, clean, outlines = [], [], []
    for frame in range(n_frames):
        painted = [
            phantom.frame(speech.tract_at(states[s : s + 1])[0])
            for s in range(frame * per_frame, (frame + 1) * per_frame)
        ]
        for part, (image, _) in enumerate(painted):
            data.append(scanner.acquire_state(frame * per_frame + part, image))
        clean.append(scanner.truth(np.mean([image for image, _ in painted], axis=0)))
        outlines.append(np.mean([points for _, points in painted], axis=0))
    truth = np.stack(clean)
    bright = float(np.percentile(truth, 99.5))
    noise_level = float(np.exp(rng.uniform(*np.log(settings.noise))))
    samples = np.concatenate(data, axis=1)
    noise = rng.standard_normal((2, *samples.shape), dtype=np.float32)
    deviation = np.float32(noise_level * bright / scanner.noise_scale())
    samples = samples + deviation * (noise[0] + 1j * noise[1])

    reconstruction = Reconstruction(protocol, session.assumed_maps)
    frames = {"view_shared": reconstruction.view_shared(samples)}
    if protocol.regularised:
        temporal = float(np.exp(rng.uniform(np.log(0.3), np.log(1.2))))
        frames["cg_sense"] = reconstruction.cg_sense(samples, temporal)
    phase = np.conj(session.low_resolution(session.phase))
    parameters = {
        "format": FORMAT,
        "split": task.split,
        "speaker": f"speaker{task.speaker:03d}",
        "protocol": protocol.name,
        "golden": protocol.golden,
        "noise_level": noise_level,
        "gradient_delay": session.delay,
        "seed": [settings.seed, task.speaker, task.index],
        "segments": [[phone, round(t, 6)] for phone, t in segments],
        "tissue": speaker.tissue,
        "shape": speaker.shape,
    }
    stored = {"clean": (truth / bright).astype(np.float16)}
    for name, complex_frames in frames.items():
        in_phase = complex_frames * phase
        gain = float((truth * truth).sum() / (in_phase.real * truth).sum())
        parts = np.stack([in_phase.real, in_phase.imag], axis=1) * (gain / bright)
        stored[name] = parts.astype(np.float16)
    return stored | {
        "audio": speech.audio,
        "sample_rate": np.array(AUDIO_RATE),
        "rate": np.array([protocol.rate.numerator, protocol.rate.denominator]),
        "tract": speech.tract.astype(np.float32),
        "state_rate": np.array(STATE_RATE),
        "outlines": np.stack(outlines).astype(np.float32),
        "parameters": np.array(json.dumps(parameters, sort_keys=True)),
    }


def simulate_speech(settings: CorpusSettings, task: Task) -> dict[str, np.ndarray]:
    """Simulate the sound of one utterance and the motion that made it, without frames.

    Returns:
        `audio`, `sample_rate`, `tract`, `state_rate` and `parameters` as `simulate_recording`.
    """
    from cleartract.simulation.phantom.speaker import Speaker
    from cleartract.simulation.phantom.speech import AUDIO_RATE, STATE_RATE, perform
    from cleartract.simulation.phantom.utterances import random_utterance

    rng = np.random.default_rng([settings.seed, task.speaker, task.index])
    speaker = Speaker.random(settings.seed * 100_003 + task.speaker)
    pitch = speaker.pitch * np.exp(rng.normal(0, 0.05))
    segments = random_utterance(rng, settings.seconds)
    speech = perform(segments, rng, pitch, speaker.tract_size)
    parameters = {
        "format": FORMAT,
        "split": task.split,
        "speaker": f"speaker{task.speaker:03d}",
        "tract_size": speaker.tract_size,
        "seed": [settings.seed, task.speaker, task.index],
        "segments": [[phone, round(t, 6)] for phone, t in segments],
    }
    return {
        "audio": speech.audio,
        "sample_rate": np.array(AUDIO_RATE),
        "tract": speech.tract.astype(np.float32),
        "state_rate": np.array(STATE_RATE),
        "parameters": np.array(json.dumps(parameters, sort_keys=True)),
    }


def _protocol(settings: CorpusSettings, rng: np.random.Generator):
    from dataclasses import replace

    from cleartract.simulation.scanner.trajectories import TIMIT, USC75

    protocol = TIMIT if rng.random() < settings.timit_share else USC75
    return replace(protocol, golden=settings.golden)
