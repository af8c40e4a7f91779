"""`cleartract view`: look at a recording frame by frame, beside its sound, in the browser."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from cleartract.commands.options import Overwrite
from cleartract.errors import OutputError, UsageError

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class View:
    """Play a recording, and what was made from it, in step with its sound in the browser."""

    noisy: tyro.conf.Positional[Path]
    """The recording."""
    denoised: tyro.conf.Positional[Path | None] = None
    """The denoised recording."""
    uncertainty: Path | None = None
    """Standard deviation of each pixel, by `denoise --quality uncertainty`."""
    opinion: Path | None = None
    """What was removed although it repeats, by `denoise --opinion-map`."""
    measures: Path | None = None
    """Constriction degrees over time, by `measure`; by default RECORDING_degrees.csv, where it is there."""
    audio: Path | None = None
    """A sound file instead of the recording's own sound."""
    rate: str | None = None
    """Frames per second, for kinds of file that hold none: 83.28 or 65040/781."""
    pixel_size: float | None = None
    """Of lines and scale bar [mm]; by default a field of view of 200 mm."""
    port: int = 0
    """Of the page, on 127.0.0.1; by default a free one."""
    no_browser: bool = False
    """Print the address only."""
    export: Annotated[Path | None, tyro.conf.arg(metavar="PAGE.html")] = None
    """Write one file that plays the same without this program, and end."""
    overwrite: Overwrite = False

    def run(self) -> None:
        """Serve the page, or write it."""
        if not 0 <= self.port <= 65_535:
            raise UsageError(f"--port: must be from 0 to 65535, not {self.port}")
        if self.pixel_size is not None and not 0.01 <= self.pixel_size <= 100:
            raise UsageError(f"--pixel-size: must be 0.01 to 100 mm, not {self.pixel_size:g}")
        if self.export is not None:
            self._check_export(self.export)
        else:
            from cleartract.commands.evaluate import check_extra

            check_extra("app", "starlette", "uvicorn")
        from cleartract.denoising.frame_lists import told_rate
        from cleartract.viewer.player import Player

        others = {
            name: path
            for name in ("denoised", "uncertainty", "opinion")
            if (path := getattr(self, name)) is not None
        }
        rate = None if self.rate is None else told_rate(self.rate)
        first = _previewed(self.denoised)
        player = Player(
            self.noisy, others, self.audio, rate, self.pixel_size, self.measures, first, _first_line
        )
        if self.export is not None:
            from cleartract.viewer.export import export_page

            try:
                size = export_page(player, self.export)
            finally:
                player.close()
            print(f"{self.export}: {size / 1e6:.1f} MB; opens in any browser, offline")
            return
        from cleartract.viewer.serving import serve

        serve(player, self.port, not self.no_browser)

    def _check_export(self, target: Path) -> None:
        if target.suffix.lower() not in (".html", ".htm"):
            raise OutputError(f"{target}: a page; name it .html")
        read = [
            self.noisy,
            self.denoised,
            self.uncertainty,
            self.opinion,
            self.audio,
            self.measures,
        ]
        if target.resolve() in [path.resolve() for path in read if path is not None]:
            raise OutputError(f"{target}: is an input; choose another --export")
        if target.exists() and not self.overwrite:
            raise OutputError(f"{target}: exists; give --overwrite or another --export")


def _first_line(frames: np.ndarray, pixel_size: float) -> dict[str, list[list[float]]]:
    """See `first_line`, which is imported only when it is wanted."""
    from cleartract.evaluation.first_line import first_line

    return first_line(frames, pixel_size)


def _previewed(denoised: Path | None) -> int | None:
    """Number of frames of a result of `denoise --preview`, None of others."""
    from cleartract.recordings.sidecar import sidecar_of

    told = {} if denoised is None else sidecar_of(denoised)
    asked, frames = told.get("asked"), told.get("frames")
    previewed = isinstance(asked, dict) and asked.get("preview")
    return frames if previewed and isinstance(frames, int) and frames > 0 else None
