"""What denoisers are compared on: recordings with a truth, by protocol and noise level."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.peers.rician import add_rician_noise
from cleartract.corpora.dataset import AVDataset
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.errors import CorpusError
from cleartract.evaluation.consistency import middle_excerpt
from cleartract.recordings.intensity import Intensity
from cleartract.recordings.recording import Recording

LEVELS = ("low", "medium", "high")
SPIRAL_LEVELS = (0.0171, 0.0292)  # limits of the noise level: thirds of its logarithmic range
ADDED_LEVELS = {"low": 0.03, "medium": 0.06, "high": 0.12}  # of the brightest tissue
SPIRAL = {
    "USC-75 CG-SENSE": ("usc75", "cg_sense"),
    "USC-75 view-shared": ("usc75", "view_shared"),
    "USC-TIMIT view-shared": ("timit", "view_shared"),
}
ADDED = {"white Rician": 0.0, "coloured Rician": 0.8}  # blur of the noise [pixels]
REAL = "real with added noise"
PROTOCOLS = (*SPIRAL, *ADDED, REAL)


@dataclass(frozen=True)
class Trial:
    """One excerpt with its truth.

    Attributes:
        name: Recording and its speaker, or file.
        noisy: Frames with 1 the brightest tissue, and their sound.
        truth: (frame, height, width), same scale.
        sigma: Known standard deviation of the noise in the real and imaginary part; of
            simulated scans that of the imaginary part, in which the truth is 0.
        outlines: (frame, point, 2) [mm], or None.
    """

    name: str
    noisy: Recording
    truth: np.ndarray
    sigma: float
    outlines: np.ndarray | None = None

    @property
    def pixel_size(self) -> float:
        """[mm], of a field of view of 200 mm."""
        return 200.0 / self.truth.shape[2]


@dataclass(frozen=True)
class Case:
    """One protocol at one noise level.

    Attributes:
        protocol: One of `PROTOCOLS`.
        level: One of `LEVELS`.
        tuning: Makers of the trials on which peers are tuned.
        test: Makers of the trials that are reported.
    """

    protocol: str
    level: str
    tuning: tuple[Callable[[], Trial], ...]
    test: tuple[Callable[[], Trial], ...]


def spiral_level(noise_level: float) -> str:
    """Level of a simulated recording by its k-space noise."""
    return LEVELS[int(np.searchsorted(SPIRAL_LEVELS, noise_level))]


def build_cases(
    corpus: Path, frames: int = 48, count: int = 2, real: Recording | None = None
) -> list[Case]:
    """All cases that the data allow.

    Peers are tuned on one recording of the validation split, the one whose noise is nearest to
    that of the test recordings; the test split is only reported. The real recording serves as
    its own truth: tuned on its first half, tested on its second.

    Args:
        corpus: Simulated corpus with validation and test split.
        frames: Length of each excerpt [frames].
        count: Test recordings per case.
        real: A recording to which noise is added, or None.

    Raises:
        CorpusError: If the corpus has no test or validation split.
    """
    splits = {name: _headers(corpus, name) for name in ("validation", "test")}
    cases = []
    for protocol, (kind, reconstruction) in SPIRAL.items():
        pools = {
            split: [h for h in headers if h[1] == kind and reconstruction in h[3]]
            for split, headers in splits.items()
        }
        for level in LEVELS:
            level_of = [h for h in pools["test"] if spiral_level(h[2]) == level]
            chosen = _of_different_speakers(level_of)[:count]
            if not chosen or not pools["validation"]:
                continue
            middle = float(np.mean([h[2] for h in chosen]))
            near = min(pools["validation"], key=lambda h: abs(np.log(h[2] / middle)))
            makers = [_spiral(h[0], reconstruction, frames) for h in (near, *chosen)]
            cases.append(Case(protocol, level, tuple(makers[:1]), tuple(makers[1:])))
    for protocol, blur in ADDED.items():
        for number, (level, sigma) in enumerate(ADDED_LEVELS.items()):
            tuning = [h[0] for h in splits["validation"] if h[1] == "usc75"][:1]
            pool = [h for h in splits["test"] if h[1] == "usc75"]
            test = [h[0] for h in _of_different_speakers(pool)[:count]]
            if tuning and test:
                makers = [_added(path, sigma, blur, frames, number) for path in (*tuning, *test)]
                cases.append(Case(protocol, level, tuple(makers[:1]), tuple(makers[1:])))
    if real is not None:
        scale = Intensity.of(real.frames)
        scaled = replace(real, frames=scale.apply(real.frames).clip(0), peak=None)
        half = max(0, len(real) // 2 - frames) // 2
        for number, (level, sigma) in enumerate(ADDED_LEVELS.items()):
            firsts = (half, half + len(real) // 2)
            parts = [_real(scaled.excerpt(f, frames), sigma, [number, f]) for f in firsts]
            cases.append(Case(REAL, level, tuple(parts[:1]), tuple(parts[1:])))
    return cases


def _headers(corpus: Path, split: str) -> list[tuple[Path, str, float, list[str]]]:
    headers = []
    for entry in AVDataset(corpus, split).entries:
        if not entry.simulated:
            raise CorpusError(f"{corpus}: holds no clean truth; give a simulated corpus")
        simulated = SimulatedRecording.load(entry.path)
        parameters = simulated.parameters
        names = list(simulated.reconstructions)
        headers.append((entry.path, parameters["protocol"], parameters["noise_level"], names))
    return headers


def _of_different_speakers(headers: list) -> list:
    """The same recordings, the first of every speaker before any second one."""
    seen: dict[Path, int] = {}
    turns = []
    for header in headers:
        speaker = header[0].parent
        seen[speaker] = seen.get(speaker, 0) + 1
        turns.append((seen[speaker], header))
    return [header for _, header in sorted(turns, key=lambda item: item[0])]


def _spiral(path: Path, reconstruction: str, frames: int) -> Callable[[], Trial]:
    def make() -> Trial:
        simulated = SimulatedRecording.load(path)
        first, length = middle_excerpt(len(simulated.clean), frames)
        noisy = simulated.noisy(reconstruction).excerpt(first, length)
        part = slice(first, first + length)
        truth = simulated.truth(reconstruction).frames[part]
        outlines = simulated.outlines[part]
        sigma = float(simulated.error(reconstruction, part).imag.std())
        return Trial(_name(path), noisy, truth, sigma, outlines)

    return make


def _added(path: Path, sigma: float, blur: float, frames: int, seed: int) -> Callable[[], Trial]:
    def make() -> Trial:
        simulated = SimulatedRecording.load(path)
        first, length = middle_excerpt(len(simulated.clean), frames)
        clean = simulated.truth().excerpt(first, length)
        rng = np.random.default_rng([seed, round(1000 * blur), zlib.crc32(_name(path).encode())])
        noisy = replace(clean, frames=add_rician_noise(clean.frames, sigma, rng, blur))
        outlines = simulated.outlines[first : first + length]
        return Trial(_name(path), noisy, clean.frames, sigma, outlines)

    return make


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def _real(clean: Recording, sigma: float, seed: list[int]) -> Callable[[], Trial]:
    def make() -> Trial:
        rng = np.random.default_rng(seed)
        noisy = replace(clean, frames=add_rician_noise(clean.frames, sigma, rng))
        name = Path(str(clean.provenance.get("path", "real"))).name
        return Trial(name, noisy, clean.frames, sigma)

    return make
