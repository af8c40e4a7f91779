"""Twenty-four recordings, one of them no video: one by one, by two processes, shards, Dask; workers killed.

python -m benchmarks.many
"""

from __future__ import annotations

import csv
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import tyro

from benchmarks.common import write_json, write_table
from cleartract.recordings.opening import open_recording
from cleartract.recordings.writing import write_recording

_CODE = "from cleartract.cli import main; raise SystemExit(main())"


@dataclass(frozen=True)
class Options:
    """Denoise many short recordings in every way there is, and compare bytes and times."""

    recordings: int = 24
    """The last of them is no video."""
    frames: int = 100
    """Of each recording [frames]."""
    name: str = "many"


def corpus(folder: Path, options: Options) -> None:
    """Parts of the recording that ships with the package."""
    shipped = open_recording(Path(str(resources.files("cleartract.examples") / "speech.mp4")))
    folder.mkdir()
    last = len(shipped) - options.frames
    for number in range(options.recordings - 1):
        first = number * last // max(options.recordings - 2, 1)
        part = shipped.excerpt(first, options.frames)
        write_recording(folder / f"speaker{number % 4}" / f"{number:02d}.mp4", part, {})
    (folder / "speaker0" / "bad.mp4").write_bytes(b"no video")


def run(folder: Path, out: Path, *arguments: str, kill: bool = False) -> tuple[int, float]:
    """Exit code and seconds of the command; one of its workers is killed in the middle."""
    command = [sys.executable, "-c", _CODE, "denoise", str(folder), "--out", str(out), *arguments]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if kill:
        while len(list(out.rglob("*.json"))) < 4:
            time.sleep(0.2)
        os.kill(workers_of(process.pid)[-1], signal.SIGKILL)
    return process.wait(), time.perf_counter() - started


def workers_of(parent: int) -> list[int]:
    """Processes that a process has started by multiprocessing, and these in turn."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            above = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            spawned = b"spawn_main" in (place / "cmdline").read_bytes()
        except OSError:
            continue
        if above == parent and spawned:
            found += [int(place.name), *workers_of(int(place.name))]
    return found


def sums(out: Path) -> dict[str, str]:
    """Of all results."""
    files = sorted(out.rglob("*.mp4"))
    return {str(f.relative_to(out)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def main(options: Options) -> None:
    ways = {
        "one by one": ([], False),
        "--workers 2": (["--workers", "2"], False),
        "--workers 2, one killed": (["--workers", "2"], True),
        "--engine dask --workers 2": (["--engine", "dask", "--workers", "2"], False),
        "--engine dask --workers 2, one killed": (["--engine", "dask", "--workers", "2"], True),
    }
    rows, results = [], []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "corpus"
        corpus(folder, options)
        expected: dict[str, str] = {}
        for number, (name, (arguments, kill)) in enumerate(ways.items()):
            out = Path(place) / str(number)
            code, seconds = run(folder, out, *arguments, kill=kill)
            expected = expected or sums(out)
            rows.append(_row(name, [out / "summary.csv"], code, seconds, sums(out) == expected))
            results.append(dict(way=name, seconds=seconds, exit_code=code))
            print(rows[-1], flush=True)
        out, started = Path(place) / "shards", time.perf_counter()
        codes = [run(folder, out, "--shard", f"{part}/3")[0] for part in (1, 2, 3)]
        tables = [out / f"summary_{part}_of_3.csv" for part in (1, 2, 3)]
        seconds = time.perf_counter() - started
        rows.append(
            _row("--shard 1/3, 2/3, 3/3", tables, max(codes), seconds, sums(out) == expected)
        )
        code, seconds = run(folder, out)
        rows.append(_row("all again", [out / "summary.csv"], code, seconds, sums(out) == expected))
    note = (
        f"{options.recordings} recordings, {options.frames} frames each, one of them no video, on "
        f"{os.cpu_count()} cores. Seconds of the whole command, for each recording. Bytes: of all results, "
        "against those of one by one."
    )
    header = ["way", "done", "there already", "failed", "exit code", "s a recording", "same bytes"]
    write_table(options.name, header, rows, note)
    write_json(options.name, {"runs": results})


def _row(name: str, tables: list[Path], code: int, seconds: float, same: bool) -> list[str]:
    states = []
    for table in tables:
        with open(table, newline="") as file:
            states += [row["state"] for row in csv.DictReader(file)]
    counts = [str(states.count(state)) for state in ("done", "there", "failed")]
    return [name, *counts, str(code), f"{seconds / len(states):.2f}", "yes" if same else "NO"]


if __name__ == "__main__":
    main(tyro.cli(Options))
