"""Make the recording that ships with the package: simulated, noisy, with its sound.

python -m benchmarks.make_example
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from cleartract.files import atomic
from cleartract.recordings.sound import ArraySound
from cleartract.recordings.video_writer import VideoFormat, VideoWriter
from cleartract.simulation.scan import simulate_recording
from cleartract.simulation.settings import CorpusSettings
from cleartract.simulation.tasks import Task

EDGE = 4  # [frames]
SEED = 2026  # no corpus in this repository uses it


@dataclass(frozen=True)
class Options:
    """Simulate one recording and write it as a video."""

    out: Path = Path("src/cleartract/examples/speech.mp4")


def main(options: Options) -> None:
    settings = CorpusSettings(speakers=1, minutes=0.1, seed=SEED, seconds=4.0, timit_share=0.0)
    simulated = simulate_recording(settings, Task(speaker=0, index=3, split="example"))
    noisy = simulated.noisy("view_shared")
    inner = noisy.excerpt(EDGE, len(noisy) - 2 * EDGE)  # views are fully shared only inside
    frames = inner.frames
    levels = np.round(frames / np.percentile(frames, 99.9) * 235).clip(0, 255).astype(np.uint8)
    video = VideoFormat((frames.shape[1], frames.shape[2]), inner.rate, crf=20)
    sound = ArraySound(*inner.sound) if inner.sound else None
    with atomic(options.out) as temporary:
        writer = VideoWriter(temporary, video, sound)
        writer.write(levels)
        writer.close()
    print(options.out, simulated.parameters)


if __name__ == "__main__":
    main(tyro.cli(Options))
