"""What all benchmarks share: the machine, simulated recordings, and writing results."""

from __future__ import annotations

import json
import platform
from importlib import metadata
from pathlib import Path

import torch

from cleartract.corpora.entries import find_entries
from cleartract.corpora.simulated import SimulatedRecording

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, str | int]:
    """Machine and versions, for every result file."""
    model = "unknown"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            x.split(":")[1].strip() for x in cpuinfo.read_text().splitlines() if "model name" in x
        ]
        model = names[0] if names else model
    return {
        "cpu": model,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("cleartract", "torch", "numpy", "av")},
    }


def load_split(corpus: Path, split: str) -> list[SimulatedRecording]:
    """All recordings of a split of a simulated corpus."""
    return [SimulatedRecording.load(entry.path) for entry in find_entries(corpus, split)]


def of_another_speaker(loaded: list[SimulatedRecording], number: int) -> SimulatedRecording:
    """The next recording of another speaker."""
    own = loaded[number].parameters["speaker"]
    turned = loaded[number + 1 :] + loaded[:number]
    others = [item for item in turned if item.parameters["speaker"] != own]
    if not others:
        raise SystemExit("swapped sound needs two speakers in the split: simulate 16 or more")
    return others[0]


def write_json(name: str, content: dict) -> Path:
    """Write `results/NAME.json` with the machine."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({**content, "machine": machine()}, indent=1) + "\n")
    return path


def write_table(name: str, header: list[str], rows: list[list], note: str) -> Path:
    """Write `results/NAME.md`: a Markdown table under a note."""
    lines = [note, "", "| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    path = RESULTS / f"{name}.md"
    path.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    return path
