"""Speed and memory of the command line on a recording, start of the program included.

Denoising, then the whole evaluation of the result against the noisy recording.

python -m benchmarks.speed RECORDING
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks.common import write_json, write_table


@dataclass(frozen=True)
class Options:
    """Run `cleartract denoise` with its defaults and measure."""

    recording: tyro.conf.Positional[Path]
    name: str = "speed"


def timed(*arguments: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def main(options: Options) -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.mp4"
        wall = timed("-m", "cleartract.cli", "denoise", str(options.recording), "-o", str(target))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
        evaluated = timed(
            "-m", "cleartract.cli", "evaluate", str(target), "--noisy", str(options.recording)
        )
        sidecar = json.loads(target.with_name("out.mp4.json").read_text())
    empty = min(timed("-c", "pass") for _ in range(5))
    imported = min(timed("-c", "import cleartract") for _ in range(5)) - empty
    helped = min(timed("-m", "cleartract.cli", "--help") for _ in range(5))
    frames = sidecar["frames"]
    figures = {
        "recording": options.recording.name,
        "frames": frames,
        "size": sidecar["size"],
        "frames_per_second": sidecar["parameters"]["frames_per_second"],
        "frames_per_second_whole_command": round(frames / wall, 1),
        "peak_memory_gb": round(peak, 3),
        "evaluation_seconds": round(evaluated, 1),
        "import_seconds": round(imported, 3),
        "help_seconds": round(helped, 3),
    }
    note = "Default mode of `cleartract denoise`; whole command: with start, decoding, encoding. "
    note += "Evaluation: `cleartract evaluate RESULT --noisy RECORDING`, report included."
    write_table(options.name, list(figures), [list(figures.values())], note)
    write_json(options.name, figures)


if __name__ == "__main__":
    main(tyro.cli(Options))
