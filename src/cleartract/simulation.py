"""Simulated corpus: speaking phantoms in a spiral scanner, with sound and a known clean truth."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from cleartract.errors import CorpusError

FORMAT = 1
RECONSTRUCTIONS = ("view_shared", "cg_sense")
NOISE_RANGE = (0.010, 0.050)  # of the 99.5th percentile of the clean frames, fully sampled


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
        sound_only: Sound and motor trajectories without frames, for articulatory inversion.
    """

    speakers: int = 8
    minutes: float = 4.0
    seed: int = 1
    seconds: float = 3.0
    coils: int = 4
    timit_share: float = 0.3
    golden: bool = False
    sound_only: bool = False

    def __post_init__(self) -> None:
        if self.speakers < 1 or not 0 < self.minutes < 1e6 or not 0.5 <= self.seconds <= 600:
            raise CorpusError("a corpus needs speakers >= 1, minutes > 0, and 0.5 to 600 seconds")
        if self.seed < 0:
            raise CorpusError("a corpus needs a seed of 0 or more")
        if not 2 <= self.coils <= 8 or not 0 <= self.timit_share <= 1:
            raise CorpusError("a corpus needs 2 to 8 coils and a timit share from 0 to 1")


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


def split_of(speaker: int, speakers: int) -> str:
    """Split of a speaker: every eighth is for the test, every eighth for validation."""
    if speakers >= 3:
        if speaker % 8 == 2:
            return "test"
        if speaker % 8 == 1:
            return "validation"
    return "train"


def tasks(settings: CorpusSettings) -> list[Task]:
    """All recordings of a corpus, speakers in turn."""
    each = max(1, round(settings.minutes * 60 / settings.seconds / settings.speakers))
    kind = "speech" if settings.sound_only else "recording"
    return [
        Task(speaker, index, split_of(speaker, settings.speakers), kind)
        for index in range(each)
        for speaker in range(settings.speakers)
    ]


def simulate_recording(settings: CorpusSettings, task: Task) -> dict[str, np.ndarray]:
    """Simulate one recording.

    Returns:
        `clean` (frame, N, N) float16; each of `RECONSTRUCTIONS` as (frame, 2, N, N) float16, real
        and imaginary part after the object's phase is removed, in the scale of `clean`; `audio`
        (sample,) float32 and `sample_rate` [Hz]; `rate` [numerator, denominator]; `tract`
        (state, 19) and `state_rate` [Hz]; `outlines` (frame, 106, 2) [mm]; `parameters` as JSON.
    """
    import cv2

    from cleartract.acquisition.coils import random_session
    from cleartract.acquisition.reconstruction import Reconstruction
    from cleartract.acquisition.scanner import Scanner
    from cleartract.phantom.render import Phantom
    from cleartract.phantom.speaker import Speaker
    from cleartract.phantom.speech import AUDIO_RATE, STATE_RATE, perform
    from cleartract.phantom.utterances import random_utterance

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
    noise_level = float(np.exp(rng.uniform(*np.log(NOISE_RANGE))))
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
    from cleartract.phantom.speaker import Speaker
    from cleartract.phantom.speech import AUDIO_RATE, STATE_RATE, perform
    from cleartract.phantom.utterances import random_utterance

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


def check_extra() -> None:
    """Raise CorpusError, with the remedy, where the optional extra is not installed."""
    from importlib.util import find_spec

    for name in ("vocaltractlab_cython", "finufft", "cv2", "scipy"):
        if find_spec(name) is None:
            raise CorpusError(f"{name} is not installed: pip install 'cleartract[simulate]'")


def _protocol(settings: CorpusSettings, rng: np.random.Generator):
    from dataclasses import replace

    from cleartract.acquisition.trajectories import TIMIT, USC75

    protocol = TIMIT if rng.random() < settings.timit_share else USC75
    return replace(protocol, golden=settings.golden)


def _work(job: tuple[CorpusSettings, Task, Path]) -> float:
    settings, task, folder = job
    target = task.path(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    made = simulate_speech if settings.sound_only else simulate_recording
    stored = made(settings, task)
    temporary = target.with_suffix(f".{os.getpid()}.tmp")
    with open(temporary, "wb") as file:
        np.savez(file, **stored)  # type: ignore[arg-type]
    os.replace(temporary, target)
    return len(stored["audio"]) / float(stored["sample_rate"])


def _quiet_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C
    _single_thread()


def _single_thread() -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"


def simulate(
    folder: Path,
    settings: CorpusSettings,
    workers: int | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> Path:
    """Simulate a corpus, using all cores; recordings already there are kept.

    Args:
        folder: Where to write `corpus.json` and `speakerNNN/recordingNN.npz`.
        settings: What to simulate.
        workers: Processes; all cores by default.
        progress: Called with recordings done, recordings in all, and seconds simulated just now.

    Raises:
        CorpusError: If the folder holds a corpus of other settings.
    """
    described = {"format": FORMAT, **asdict(settings)}
    if not settings.sound_only:
        del described["sound_only"]  # as before there was a choice
    header = folder / "corpus.json"
    if header.exists():
        try:
            same = json.loads(header.read_text()) == described
        except ValueError as error:
            raise CorpusError(f"{header}: damaged; delete the folder or the file") from error
        if not same:
            raise CorpusError(f"{folder}: holds a corpus of other settings; choose another --out")
    folder.mkdir(parents=True, exist_ok=True)
    header.write_text(json.dumps(described, indent=1))
    everything = tasks(settings)
    for leftover in folder.glob("speaker*/*.tmp"):
        leftover.unlink()
    missing = [task for task in everything if not task.path(folder).exists()]
    done = len(everything) - len(missing)
    for seconds in _parallel([(settings, task, folder) for task in missing], workers):
        done += 1
        if progress:
            progress(done, len(everything), seconds)
    return folder


def _parallel(jobs: list, workers: int | None) -> Iterator[float]:
    workers = max(1, min(workers or os.cpu_count() or 1, len(jobs)))
    if workers == 1:
        yield from map(_work, jobs)
        return
    _single_thread()
    context = multiprocessing.get_context("spawn")  # the synthesizer's state is global
    with ProcessPoolExecutor(workers, context, initializer=_quiet_worker) as pool:
        waiting = [pool.submit(_work, job) for job in jobs]
        try:
            for finished in as_completed(waiting):
                yield finished.result()
        except BrokenProcessPool as error:
            raise CorpusError(
                "a worker was killed, perhaps for memory; use fewer --workers"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)
