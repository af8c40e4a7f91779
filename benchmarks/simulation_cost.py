"""CPU seconds of the simulator per second of recording.

python -m benchmarks.simulation_cost
"""

from __future__ import annotations

import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks.common import write_json, write_table
from cleartract.corpora.simulated import SimulatedHeader
from cleartract.simulation.corpus import simulate
from cleartract.simulation.settings import CorpusSettings


@dataclass(frozen=True)
class Options:
    """Simulate a small corpus of 84x84 recordings with 4 coils and count CPU time."""

    speakers: int = 4
    seconds: float = 4.0
    seed: int = 3
    name: str = "simulation_cost"


def main(options: Options) -> None:
    settings = CorpusSettings(
        speakers=options.speakers,
        minutes=options.speakers * options.seconds / 60,
        seconds=options.seconds,
        seed=options.seed,
        timit_share=0.0,
    )
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        simulate(Path(folder), settings)
        wall = time.perf_counter() - start
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        headers = [SimulatedHeader.load(path) for path in Path(folder).glob("*/recording*.npz")]
        length = float(sum(header.frames / header.rate for header in headers))
    figures = {
        "recorded_seconds": round(length, 2),
        "cpu_seconds_per_second": round((usage.ru_utime + usage.ru_stime) / length, 2),
        "wall_seconds_per_second": round(wall / length, 2),
    }
    note = "84x84, 83.28 fps, 4 coils, both reconstructions; start of the processes included."
    write_table(options.name, list(figures), [list(figures.values())], note)
    write_json(options.name, figures)


if __name__ == "__main__":
    main(tyro.cli(Options))
