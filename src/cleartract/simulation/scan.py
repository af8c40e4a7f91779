"""One simulated recording: an utterance, its sound, its frames, its scan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from cleartract.corpora.simulated import SimulatedRecording, SimulatedSpeech
from cleartract.reconstruction.reconstruction import Reconstruction
from cleartract.simulation.phantom.render import Phantom
from cleartract.simulation.phantom.speaker import Speaker
from cleartract.simulation.phantom.speech import SOUND_RATE, STATE_RATE, Performance, perform
from cleartract.simulation.phantom.utterances import random_utterance
from cleartract.simulation.raw import RawScan
from cleartract.simulation.scanner.scan_session import random_scan_session
from cleartract.simulation.scanner.scanner import Scanner
from cleartract.simulation.scanner.trajectories import TIMIT, USC75, Protocol
from cleartract.simulation.settings import CorpusSettings
from cleartract.simulation.tasks import Task

_SPREAD_OF_PITCH = 0.05  # of one speaker's recordings [log Hz]
_TEMPORAL = (0.3, 1.2)  # range of the weight of the temporal penalty


def simulate_recording(settings: CorpusSettings, task: Task) -> SimulatedRecording:
    """Simulate one recording."""
    return simulate_scan(settings, task)[0]


def simulate_scan(settings: CorpusSettings, task: Task) -> tuple[SimulatedRecording, RawScan]:
    """Simulate one recording, with the raw data that it was reconstructed from."""
    cv2.setNumThreads(1)
    rng, speaker = _source_of_randomness(settings, task), _speaker(settings, task)
    protocol = TIMIT if rng.random() < settings.timit_share else USC75
    protocol = replace(protocol, golden=settings.golden)
    speech = _speak(settings, speaker, rng)
    scan_session = random_scan_session(rng, protocol.size, settings.coils)
    scanner = Scanner(protocol, scan_session)
    acquired = _acquire(scanner, Phantom(speaker, 2 * protocol.size), speech)

    truth = acquired.truth
    bright = float(np.percentile(truth, 99.5))
    noise_level = float(np.exp(rng.uniform(*np.log(settings.noise))))
    noise = rng.standard_normal((2, *acquired.samples.shape), dtype=np.float32)
    deviation = np.float32(noise_level * bright / scanner.noise_scale())
    samples = acquired.samples + deviation * (noise[0] + 1j * noise[1])

    temporal = float(np.exp(rng.uniform(*np.log(_TEMPORAL)))) if protocol.regularised else None
    raw = RawScan(protocol, samples, scan_session.assumed_maps, temporal, speech.audio, SOUND_RATE)
    reconstructions, scans = {}, {}
    for name, frames in _reconstruct(raw).items():
        shown = acquired.scans[name]
        shown *= _gain(np.abs(shown), truth)
        phase = np.exp(-1j * np.angle(shown))
        frames *= _gain((frames * phase).real, np.abs(shown))
        if name == "cg_sense":  # few iterations leave an error that never changes: the scan's own
            shown = shown + (frames - shown).mean(0)
            phase = np.exp(-1j * np.angle(shown))
        in_phase = frames * phase
        parts = np.stack([in_phase.real, in_phase.imag], axis=1) / bright
        reconstructions[name] = parts.astype(np.float16)
        scans[name] = (np.abs(shown) / bright).astype(np.float16)
    simulated = SimulatedRecording(
        clean=(truth / bright).astype(np.float16),
        scans=scans,
        reconstructions=reconstructions,
        rate=protocol.rate,
        outlines=acquired.outlines,
        **_stored(speech),
        parameters=_parameters(settings, task, speech)
        | {
            "protocol": protocol.name,
            "golden": protocol.golden,
            "noise_level": noise_level,
            "gradient_delay": scan_session.delay,
            "tissue": speaker.tissue,
            "shape": speaker.shape,
        },
    )
    return simulated, raw


def simulate_speech(settings: CorpusSettings, task: Task) -> SimulatedSpeech:
    """Simulate the sound of one utterance and the motion that made it, without frames."""
    rng, speaker = _source_of_randomness(settings, task), _speaker(settings, task)
    speech = _speak(settings, speaker, rng)
    parameters = _parameters(settings, task, speech) | {"tract_size": speaker.tract_size}
    return SimulatedSpeech(**_stored(speech), parameters=parameters)


@dataclass(frozen=True)
class _Acquired:
    """A scan without noise.

    Attributes:
        samples: (coil, arm, sample) complex64.
        truth: The object in the scanner's units, (frame, N, N) float32.
        scans: Its fully sampled scan by each reconstruction, (frame, N, N) complex64.
        outlines: (frame, point, 2) float32 [mm].
    """

    samples: np.ndarray
    truth: np.ndarray
    scans: dict[str, np.ndarray]
    outlines: np.ndarray


def _gain(frames: np.ndarray, target: np.ndarray) -> np.float32:
    """Factor that gives frames the signal of the target, whatever their noise."""
    return np.float32((target * target).sum() / (frames * target).sum())


def _acquire(scanner: Scanner, phantom: Phantom, speech: Performance) -> _Acquired:
    protocol = scanner.protocol
    per_frame, n_frames = protocol.states_per_frame, int(speech.duration * protocol.rate)
    times = (np.arange(n_frames * per_frame) + 0.5) / (float(protocol.rate) * per_frame)
    reconstruction = Reconstruction(protocol, scanner.scan_session.assumed_maps)
    regularised = {"view_shared": False, "cg_sense": True}
    scans: dict[str, list[np.ndarray]] = {name: [] for name in _reconstructions(protocol)}
    samples, truth, outlines = [], [], []
    for first in range(0, len(times), per_frame):
        states = range(first, first + per_frame)
        painted = [phantom.frame(speech.tract_at(times[s : s + 1])[0]) for s in states]
        for state, (image, _) in zip(states, painted, strict=True):
            samples.append(scanner.acquire_state(state, image))
        image = np.mean([image for image, _ in painted], axis=0)
        truth.append(scanner.truth(image))
        data = scanner.acquire_fully(image)
        for name, frames in scans.items():
            frames.append(reconstruction.fully_sampled(data, regularised[name]))
        outlines.append(np.mean([points for _, points in painted], axis=0))
    return _Acquired(
        np.concatenate(samples, axis=1),
        np.stack(truth),
        {name: np.stack(frames) for name, frames in scans.items()},
        np.stack(outlines).astype(np.float32),
    )


def _reconstructions(protocol: Protocol) -> list[str]:
    return ["view_shared", "cg_sense"] if protocol.regularised else ["view_shared"]


def _reconstruct(raw: RawScan) -> dict[str, np.ndarray]:
    """Complex frames of each reconstruction that the protocol has, (frame, N, N)."""
    reconstruction = Reconstruction(raw.protocol, raw.maps)
    frames = {"view_shared": reconstruction.view_shared(raw.samples)}
    if raw.temporal is not None:
        frames["cg_sense"] = reconstruction.cg_sense(raw.samples, raw.temporal)
    return frames


def _source_of_randomness(settings: CorpusSettings, task: Task) -> np.random.Generator:
    return np.random.default_rng([settings.seed, task.speaker, task.index])


def _speaker(settings: CorpusSettings, task: Task) -> Speaker:
    return Speaker.random(settings.seed * 100_003 + task.speaker)


def _speak(settings: CorpusSettings, speaker: Speaker, rng: np.random.Generator) -> Performance:
    pitch = speaker.pitch * np.exp(rng.normal(0, _SPREAD_OF_PITCH))
    segments = random_utterance(rng, settings.seconds)
    return perform(segments, rng, pitch, speaker.tract_size)


def _stored(speech: Performance) -> dict[str, Any]:
    return {
        "audio": speech.audio,
        "sample_rate": SOUND_RATE,
        "tract": speech.tract.astype(np.float32),
        "state_rate": STATE_RATE,
    }


def _parameters(settings: CorpusSettings, task: Task, speech: Performance) -> dict[str, Any]:
    return {
        "split": task.split,
        "speaker": f"speaker{task.speaker:03d}",
        "seed": [settings.seed, task.speaker, task.index],
        "segments": [[phone, round(t, 6)] for phone, t in speech.segments],
    }
