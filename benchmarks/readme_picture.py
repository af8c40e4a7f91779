"""The moving picture of the README: the shipped recording, noisy and denoised, with kymographs.

python -m benchmarks.readme_picture
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import tyro
from PIL import Image, ImageDraw, ImageFont

from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.files import atomic
from cleartract.model.weights import load_model
from cleartract.recordings.opening import open_recording

COLUMN, TOP, BOTTOM = 27, 18, 66  # [pixels] of the line through the tongue
GAP, TITLE = 6, 20  # [pixels] of the picture
GREYS = 48


@dataclass(frozen=True)
class Options:
    """What is shown."""

    weights: str | None = None
    first: int = 96
    frames: int = 160
    every: int = 4
    """Frames of the recording for one of the picture; a GIF is played at 20 frames a second at most."""
    zoom: float = 3.0
    out: Path = Path("docs/pictures/readme.gif")


def main(options: Options) -> None:
    model, _ = load_model(options.weights)
    noisy = open_recording(Path(str(resources.files("cleartract.examples") / "speech.mp4")))
    clean = denoise_recording(noisy, model, DenoiseSettings()).recording
    shown = slice(options.first, options.first + options.frames)
    panels = {"noisy": noisy.frames[shown], "denoised": clean.frames[shown]}
    levels = {name: frames.clip(0, 255).astype(np.uint8) for name, frames in panels.items()}
    side = round(84 * options.zoom)
    pages = [
        picture(levels, number, side, round((BOTTOM - TOP) * options.zoom))
        for number in range(0, options.frames, options.every)
    ]
    delay = 10 * round(100 * options.every / float(noisy.rate))  # [ms]; a GIF counts in 10 ms
    greys = Image.new("P", (1, 1))
    steps = np.linspace(0, 255, GREYS - 1).astype(np.uint8).repeat(3).tolist()
    greys.putpalette([*steps, 255, 80, 60])
    pages = [page.quantize(palette=greys, dither=Image.Dither.NONE) for page in pages]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with atomic(options.out) as place:
        pages[0].save(
            place,
            "GIF",
            save_all=True,
            append_images=pages[1:],
            duration=delay,
            loop=0,
            optimize=True,
        )
    print(f"{options.out}: {len(pages)} pictures, {options.out.stat().st_size / 1e6:.2f} MB")


def picture(levels: dict[str, np.ndarray], number: int, side: int, lines: int) -> Image.Image:
    """One picture: frames side by side, below each its kymograph with the moment marked.

    Args:
        levels: Frames by name, each (frame, height, width) uint8.
        number: Which frame.
        side: Of a panel [pixels].
        lines: Height of a kymograph [pixels].
    """
    width = 2 * side + GAP
    page = Image.new("RGB", (width, TITLE + side + GAP + lines), (255, 255, 255))
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=14)
    for place, (name, frames) in enumerate(levels.items()):
        left = place * (side + GAP)
        draw.text((left + side // 2, TITLE // 2), name, fill=(0, 0, 0), font=font, anchor="mm")
        frame = Image.fromarray(frames[number]).resize((side, side), Image.Resampling.BICUBIC)
        page.paste(frame, (left, TITLE))
        line = Image.fromarray(np.ascontiguousarray(frames[:, TOP:BOTTOM, COLUMN].T))
        top = TITLE + side + GAP
        page.paste(line.resize((side, lines), Image.Resampling.BICUBIC), (left, top))
        moment = left + round((number + 0.5) / len(frames) * side)
        draw.line((moment, top, moment, top + lines), fill=(255, 80, 60))
    return page


if __name__ == "__main__":
    main(tyro.cli(Options))
