"""Speed and memory of the command line on a recording, start of the program included.

Denoising, then the whole evaluation of the result against the noisy recording. With `--before`,
denoising is also compared with another source tree: five paired runs, in turn.

python -m benchmarks.speed RECORDING
python -m benchmarks.speed RECORDING --before OTHER/src --name speed_paired
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from benchmarks.common import write_json, write_table

PAIRS = 5
SOURCE = Path(__file__).resolve().parent.parent / "src"


@dataclass(frozen=True)
class Options:
    """Run `cleartract denoise` with its defaults and measure."""

    recording: tyro.conf.Positional[Path]
    before: Path | None = None
    """The folder `src` of another checkout: compare with it instead."""
    name: str = "speed"


@dataclass(frozen=True)
class Run:
    """One run of `cleartract denoise`.

    Attributes:
        wall: Time of the whole command [s].
        peak: Largest resident memory [GB].
        sidecar: Of the result.
    """

    wall: float
    peak: float
    sidecar: dict

    @property
    def frames_per_second(self) -> float:
        """Without start, decoding and encoding, as the sidecar says."""
        timing = self.sidecar.get("timing", self.sidecar["parameters"])
        return timing["frames_per_second"]

    @property
    def whole(self) -> float:
        """Frames per second of the whole command."""
        return self.sidecar["frames"] / self.wall


def timed(*arguments: str, source: Path = SOURCE) -> tuple[float, float]:
    """Seconds and peak memory [GB] of Python with some arguments."""
    environment = os.environ | {"PYTHONPATH": str(source.resolve())}
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)}: failed with {process.returncode}")
    return time.perf_counter() - start, usage.ru_maxrss / 1e6


def denoise(recording: Path, target: Path, source: Path = SOURCE) -> Run:
    """Denoise a recording by the command of a source tree."""
    command = ("denoise", str(recording), "-o", str(target), "--overwrite")
    wall, peak = timed("-m", "cleartract.cli", *command, source=source)
    return Run(wall, peak, json.loads(target.with_name(target.name + ".json").read_text()))


def main(options: Options) -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.mp4"
        if options.before is not None:
            compare(options, options.before, target)
            return
        run = denoise(options.recording, target)
        noisy = str(options.recording)
        evaluated, _ = timed("-m", "cleartract.cli", "evaluate", str(target), "--noisy", noisy)
    empty = min(timed("-c", "pass")[0] for _ in range(5))
    imported = min(timed("-c", "import cleartract")[0] for _ in range(5)) - empty
    helped = min(timed("-m", "cleartract.cli", "--help")[0] for _ in range(5))
    figures = {
        "recording": options.recording.name,
        "frames": run.sidecar["frames"],
        "size": run.sidecar["size"],
        "frames_per_second": run.frames_per_second,
        "frames_per_second_whole_command": round(run.whole, 1),
        "peak_memory_gb": round(run.peak, 3),
        "evaluation_seconds": round(evaluated, 1),
        "import_seconds": round(imported, 3),
        "help_seconds": round(helped, 3),
    }
    note = "Default mode of `cleartract denoise`; whole command: with start, decoding, encoding. "
    note += "Evaluation: `cleartract evaluate RESULT --noisy RECORDING`, report included."
    write_table(options.name, list(figures), [list(figures.values())], note)
    write_json(options.name, figures)


def compare(options: Options, before: Path, target: Path) -> None:
    """Paired runs of two source trees; which is first changes from pair to pair."""
    sources = {"before": before, "now": SOURCE}
    runs: dict[str, list[Run]] = {name: [] for name in sources}
    for pair in range(PAIRS):
        for name in sorted(sources, reverse=bool(pair % 2)):
            runs[name].append(denoise(options.recording, target, sources[name]))
            print(pair, name, f"{runs[name][-1].whole:.1f} frames/s", flush=True)
    ratios = [now.whole / old.whole for old, now in zip(runs["before"], runs["now"], strict=True)]
    rows = [
        [
            name,
            f"{np.median([run.frames_per_second for run in some]):.1f}",
            f"{np.median([run.whole for run in some]):.1f}",
            f"{max(run.peak for run in some):.3f}",
        ]
        for name, some in runs.items()
    ]
    note = (
        f"`python -m benchmarks.speed RECORDING --before SRC`: {runs['now'][0].sidecar['frames']} frames, "
        f"medians of {PAIRS} paired runs; largest peak. Speed of the whole command now over before: "
        f"median {np.median(ratios):.3f}, from {min(ratios):.3f} to {max(ratios):.3f}."
    )
    header = ["source", "frames/s", "frames/s, whole command", "peak memory [GB]"]
    write_table(options.name, header, rows, note)
    described = {
        name: [[run.frames_per_second, round(run.whole, 2), round(run.peak, 3)] for run in some]
        for name, some in runs.items()
    }
    content = {"recording": options.recording.name, "columns": header[1:], "runs": described}
    write_json(options.name, content | {"ratios": [round(ratio, 4) for ratio in ratios]})


if __name__ == "__main__":
    main(tyro.cli(Options))
