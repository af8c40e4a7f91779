"""Raw data of a small scan, as the simulator measures it."""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from cleartract.reconstruction.reconstruction import Reconstruction
from cleartract.simulation.raw import RawScan
from cleartract.simulation.scanner.scan_session import random_scan_session
from cleartract.simulation.scanner.scanner import Scanner
from cleartract.simulation.scanner.trajectories import USC75

SMALL = replace(USC75, size=32, samples=160)
RATE = 16_000
TEMPORAL = 0.5


@dataclass(frozen=True)
class SmallScan:
    """A moving blob, its raw data, and the frames that the simulator reconstructs of them."""

    raw: RawScan
    view: np.ndarray
    cg: np.ndarray


def moving(time: float, size: int) -> np.ndarray:
    y, x = np.mgrid[:size, :size] / size - 0.5
    still = np.exp(-(((x + 0.1) / 0.2) ** 2 + ((y - 0.1) / 0.15) ** 2))
    place = 0.15 * np.sin(time / 5)
    return still + 0.6 * np.exp(-(((x - 0.15) / 0.06) ** 2 + ((y - place) / 0.09) ** 2))


def small_scan(frames: int = 24, coils: int = 4, protocol=SMALL, noise: float = 0.0) -> SmallScan:
    rng = np.random.default_rng(4)
    session = replace(random_scan_session(rng, protocol.size, coils), delay=0.0)
    scanner = Scanner(protocol, session)
    parts = [scanner.acquire_state(i, moving(i, 2 * protocol.size)) for i in range(frames)]
    samples = np.concatenate(parts, axis=1)
    drawn = rng.standard_normal((2, *samples.shape), dtype=np.float32)
    samples = samples + np.float32(noise) * (drawn[0] + 1j * drawn[1])
    seconds = float(frames / protocol.rate)
    audio = 0.1 * np.sin(np.arange(round(seconds * RATE)) / 20).astype(np.float32)
    raw = RawScan(protocol, samples, session.assumed_maps, TEMPORAL, audio, RATE)
    known = Reconstruction(protocol, raw.maps)
    return SmallScan(
        raw, np.abs(known.view_shared(samples)), np.abs(known.cg_sense(samples, TEMPORAL))
    )


def difference(frames: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """After scaling, relative to the brightest tissue."""
    gain = (frames * wanted).sum() / (frames**2).sum()
    return np.abs(gain * frames - wanted) / np.percentile(wanted, 99.5)


USC_RATE = Fraction(125_000, 1501)
