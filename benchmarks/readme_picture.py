"""The README's picture: noisy, denoised and true frames of a simulated test speaker.

python -m benchmarks.readme_picture --corpus corpus
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from PIL import Image, ImageDraw

from cleartract.corpora.entries import find_entries
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.model.weights import load_model
from cleartract.recordings.intensity import Intensity
from cleartract.recordings.pictures import to_levels

ZOOM = 3
TRUTH = "true scan"


@dataclass(frozen=True)
class Options:
    """Which recording to show."""

    corpus: Path
    weights: str | None = None
    number: int = 0
    reconstruction: str = "view_shared"
    out: Path = Path("docs/pictures/readme.png")


def _enlarged(image: np.ndarray) -> Image.Image:
    size = (image.shape[1] * ZOOM, image.shape[0] * ZOOM)
    return Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)


def main(options: Options) -> None:
    model, _ = load_model(options.weights)
    entries = [e for e in find_entries(options.corpus, "test") if e.size[0] == 84]
    simulated = SimulatedRecording.load(entries[options.number].path)
    noisy = simulated.noisy(options.reconstruction)
    scale = Intensity.of(noisy.frames)
    denoised = denoise_recording(noisy, model, DenoiseSettings()).recording.frames
    rows = {
        "noisy": noisy.frames,
        "denoised": denoised,
        TRUTH: simulated.truth(options.reconstruction).frames,
    }
    levels = {name: to_levels(scale.apply(frames)) for name, frames in rows.items()}
    # the quarter second of the strongest motion
    motion = np.abs(np.diff(rows[TRUTH], axis=0)).mean((1, 2))
    length = 24
    start = int(np.convolve(motion, np.ones(length), "valid").argmax())
    chosen = np.linspace(start, start + length, 5).astype(int)
    margin, side, wide = 90, 84 * ZOOM, 84 * ZOOM
    lines = 200
    sheet = Image.new("L", (margin + 5 * side + 12 + lines * 2, 3 * wide + 8), 255)
    draw = ImageDraw.Draw(sheet)
    for row, (name, frames) in enumerate(levels.items()):
        top = row * (wide + 4)
        draw.text((6, top + wide // 2), name, fill=0)
        for column, frame in enumerate(chosen):
            sheet.paste(_enlarged(frames[frame]), (margin + column * side, top))
        first = max(0, min(start - lines // 2, len(frames) - lines))
        line = frames[first : first + lines, :, int(0.42 * 83)].T
        kymograph = Image.fromarray(line).resize((lines * 2, wide), Image.Resampling.BICUBIC)
        sheet.paste(kymograph, (margin + 5 * side + 12, top))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(options.out, optimize=True)
    print(options.out)


if __name__ == "__main__":
    main(tyro.cli(Options))
