"""Make the recording that ships with the package: simulated, noisy, with its sound.

python -m benchmarks.make_example
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cleartract.files import atomic
from cleartract.recordings.video_out import write_video
from cleartract.recordings.windows import Window
from cleartract.simulation.corpus import CorpusSettings, Task
from cleartract.simulation.scan import simulate_recording
from cleartract.types import exact_rate

EDGE = 4  # [frames]
SEED = 2026  # no corpus in this repository uses it


def main() -> None:
    settings = CorpusSettings(speakers=1, minutes=0.1, seed=SEED, seconds=4.0, timit_share=0.0)
    stored = simulate_recording(settings, Task(speaker=0, index=3, split="example"))
    parts = stored["view_shared"].astype(np.float32)
    frames = np.hypot(parts[:, 0], parts[:, 1])
    rate, sample_rate = exact_rate(stored["rate"]), int(stored["sample_rate"])
    whole = Window(0, len(frames), rate)
    inner = Window(EDGE, whole.frames - 2 * EDGE, rate)  # views are fully shared only inside
    frames = frames[inner.frame_indices(whole.frames)]
    audio = inner.audio(stored["audio"], sample_rate)
    levels = np.round(frames / np.percentile(frames, 99.9) * 235).clip(0, 255).astype(np.uint8)
    target = Path("src/cleartract/examples/speech.mp4")
    with atomic(target) as temporary:
        write_video(temporary, levels, rate, (audio, sample_rate), crf=20)
    print(target, stored["parameters"])


if __name__ == "__main__":
    main()
