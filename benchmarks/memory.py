"""Memory of `cleartract denoise` against the length of the recording, and its first finished frames.

python -m benchmarks.memory --frames 1000 10000 100000
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
import tyro

from benchmarks import common
from benchmarks.common import write_json, write_table
from cleartract.denoising.partial import partial_folder
from cleartract.model.model import Model
from cleartract.model.weights import load_model, save_model
from cleartract.recordings.video_writer import VideoFormat, VideoWriter

SIDE = 84  # [pixels]
RATE = Fraction(65040, 781)  # [frames/s]
SOUND_RATE = 16_000  # [Hz]
SYLLABLES = 4.0  # per second
INTERVAL = 0.5  # [s] between samples
_CHUNK = 64  # [frames]
_BLOCK = 1 << 14  # [samples]
_STORED = 600  # samples of a run in the JSON file, at most


@dataclass(frozen=True)
class Options:
    """Denoise synthetic recordings of several lengths and watch the process."""

    frames: tuple[int, ...] = (1000, 10_000, 100_000)
    """Lengths of the recordings [frames]."""
    out_kind: Literal["npz", "mp4"] = "npz"
    """Kind of the result."""
    batch: int | None = None
    """Windows at a time; measured where not given."""
    weights: str | None = None
    """A .safetensors file or the name of shipped weights."""
    folder: Path | None = None
    """Where temporary files go; the system's folder for them by default."""
    light: bool = False
    """A tiny untrained network in place of the weights: the memory of all else, in a tenth of the time."""
    name: str = "memory"


@dataclass(frozen=True)
class SyntheticVoice:
    """Harmonics of a varying pitch, in syllables; made block by block.

    Attributes:
        seconds: Its length [s].
    """

    seconds: float
    rate: int = SOUND_RATE
    path: None = None

    def blocks(self) -> Iterator[np.ndarray]:
        """See `cleartract.recordings.sound.Sound.blocks`."""
        total = round(self.seconds * self.rate)
        for first in range(0, total, _BLOCK):
            time_ = np.arange(first, min(first + _BLOCK, total)) / self.rate
            phase = 2 * np.pi * 120 * time_ + 8 * np.sin(2 * np.pi * 0.7 * time_)
            harmonics = sum(np.sin(n * phase) / n for n in range(1, 20))
            yield (0.1 * opening(time_) * harmonics).astype(np.float32)


def opening(time_: np.ndarray) -> np.ndarray:
    """How open the mouth is at some times [s], from 0 to 1: sound and frames share it."""
    slow = 1 + 0.3 * np.sin(2 * np.pi * 0.31 * time_)
    return 0.5 - 0.5 * np.cos(2 * np.pi * SYLLABLES * time_ + slow)


def synthetic_frames(first: int, count: int) -> np.ndarray:
    """Some frames of a moving disc in noise, (frame, height, width) uint8."""
    rng = np.random.default_rng([SIDE, first])
    opened = opening((first + np.arange(count) + 0.5) / float(RATE))[:, None, None]
    y, x = np.mgrid[:SIDE, :SIDE]
    disc = 1 / (1 + np.exp(np.hypot(y - 50 + 12 * opened, x - 40 - 4 * opened) - 16))
    head = 0.5 / (1 + np.exp(np.hypot(y - 42, x - 46) - 38))
    signal = np.maximum(disc, head) * (1 + 0.1 * np.sin(x / 3) * np.sin(y / 4))
    noise = 0.06 * rng.standard_normal((2, count, SIDE, SIDE), dtype=np.float32)
    return np.clip(200 * np.hypot(signal + noise[0], noise[1]), 0, 255).astype(np.uint8)


def write_recording(path: Path, frames: int) -> None:
    """Write a recording without holding it in memory."""
    sound = SyntheticVoice(float(frames / RATE))
    writer = VideoWriter(path, VideoFormat((SIDE, SIDE), RATE), sound)
    for first in range(0, frames, _CHUNK):
        writer.write(synthetic_frames(first, min(_CHUNK, frames - first)))
    writer.close()


def light_weights(path: Path, weights: str | None) -> Path:
    """The weights with a tiny untrained network in place of theirs; sound is used as before."""
    model, _ = load_model(weights)
    tiny = {"stem": 4, "widths": (8, 8), "attention_resolutions": (4,), "audio_resolutions": (4,)}
    unet = model.config.unet.model_copy(update=tiny | {"heads": 2, "embedding": 8})
    light = Model(model.config.model_copy(update={"unet": unet}))
    kept = {k: v for k, v in model.state_dict().items() if not k.startswith("denoiser.")}
    light.load_state_dict(kept, strict=False)
    save_model(light, path, {"note": "tiny untrained network"})
    return path


def watched(recording: Path, target: Path, options: Options) -> dict:
    """Denoise a recording in another process and watch it.

    Returns:
        `seconds`, `peak_mb`, `first_frames_seconds`, `batch` as used, and `samples` of (time [s],
        resident memory [MB]).
    """
    command = [sys.executable, "-m", "cleartract.cli", "denoise", str(recording), "-o", str(target)]
    command += ["--weights", options.weights] if options.weights else []
    command += ["--batch", str(options.batch)] if options.batch else []
    finished = partial_folder(target) / "frames.f32"
    log, started = target.with_suffix(".log"), time.perf_counter()
    samples, peak, first = [], 0.0, None
    with open(log, "wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
        while process.poll() is None:
            now = time.perf_counter() - started
            with contextlib.suppress(OSError, KeyError):  # the process may just have ended
                status = memory_of(process.pid)
                samples.append((round(now, 1), round(status["VmRSS"], 1)))
                peak = max(peak, status["VmHWM"])
            with contextlib.suppress(OSError):
                if first is None and finished.stat().st_size:
                    first = now
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(INTERVAL)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"denoise failed: {log.read_text()[-2000:]}")
    sidecar = json.loads(target.with_name(target.name + ".json").read_text())
    return {
        "seconds": seconds,
        "peak_mb": peak,
        "first_frames_seconds": first,
        "batch": sidecar["parameters"]["batch_used"],
        "samples": samples,
    }


def memory_of(process: int) -> dict[str, float]:
    """Lines of /proc/PID/status with memory [MB]."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    fields = [line.split() for line in lines if line.startswith(("VmRSS:", "VmHWM:"))]
    return {name.rstrip(":"): int(value) / 1000 for name, value, _ in fields}


def main(options: Options) -> None:
    runs = {}
    for frames in options.frames:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            recording = Path(folder) / "recording.mp4"
            write_recording(recording, frames)
            target, chosen = Path(folder) / f"out.{options.out_kind}", options
            if options.light:
                light = light_weights(Path(folder) / "light.safetensors", options.weights)
                chosen = replace(options, weights=str(light))
            runs[frames] = watched(recording, target, chosen)
        run = runs[frames]
        print(frames, f"{run['seconds']:.0f} s", f"{run['peak_mb']:.0f} MB", flush=True)
    peaks = [run["peak_mb"] for run in runs.values()]
    lengths = " ".join(str(frames) for frames in options.frames)
    note = (
        f"`python -m benchmarks.memory --frames {lengths} --out-kind {options.out_kind}"
        f"{' --light' if options.light else ''}`: synthetic "
        f"recordings of {SIDE}x{SIDE} pixels with sound, defaults of `cleartract denoise`"
        f"{', with a tiny untrained network' if options.light else ''}. Largest "
        f"resident memory (VmHWM), looked at every {INTERVAL} s. Largest over smallest peak: "
        f"{max(peaks) / min(peaks):.3f}. First frames: when the first finished frames were written."
    )
    header = ["frames", "peak memory [MB]", "batch", "time [s]", "first frames [s]"]
    header.append("of the whole time")
    write_table(options.name, header, [_line(frames, run) for frames, run in runs.items()], note)
    draw(common.RESULTS / f"{options.name}.png", runs)
    for run in runs.values():
        run["samples"] = run["samples"][:: -(-len(run["samples"]) // _STORED)]
    write_json(options.name, {"out_kind": options.out_kind, "runs": runs})


def _line(frames: int, run: dict) -> list:
    first, seconds = run["first_frames_seconds"], run["seconds"]
    written = ["–", "–"] if first is None else [f"{first:.1f}", f"{100 * first / seconds:.0f} %"]
    return [frames, f"{run['peak_mb']:.0f}", run["batch"], f"{seconds:.0f}", *written]


def draw(path: Path, runs: dict[int, dict]) -> None:
    """Memory against time for each length, and peak against length."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for frames, run in runs.items():
        moments, memory = np.array(run["samples"]).T
        left.plot(moments / run["seconds"], memory, label=f"{frames} frames")
    left.set(xlabel="share of the whole time", ylabel="resident memory [MB]")
    left.legend()
    right.semilogx(list(runs), [run["peak_mb"] for run in runs.values()], "o-")
    right.set(xlabel="length [frames]", ylabel="peak memory [MB]")
    for axes in (left, right):
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    main(tyro.cli(Options))
