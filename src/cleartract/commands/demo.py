"""`cleartract demo`: denoise the recording that ships with the package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Demo:
    """Denoise the shipped simulated recording and lay the results out for a look."""

    out: Path = Path("demo")
    """Folder of the results; what is there already is kept."""

    def run(self) -> None:
        """Run the demo."""
        from importlib import resources

        from cleartract.commands.denoise import Denoise

        source = Path(str(resources.files("cleartract.examples") / "speech.mp4"))
        result = self.out / "speech_cleartract.mp4"
        if result.exists() and result.with_name(result.name + ".json").exists():
            print(f"{result}: already there, kept")
        else:
            self.out.mkdir(parents=True, exist_ok=True)
            Denoise(inputs=(source,), output=result, overwrite=True).run()
        pictures = self._pictures(source, result)
        print("\nLook at:")
        print(f"  {result}: the denoised recording, with its sound")
        print(f"  {pictures[0]}: noisy | denoised, in step with the sound")
        print(f"  {pictures[1]}: frames (above noisy, below denoised) and kymographs")
        print(f"  {result}.json: how it was made, to the last parameter")

    def _pictures(self, source: Path, result: Path) -> tuple[Path, Path]:
        import numpy as np

        from cleartract.files import atomic
        from cleartract.recordings.opening import open_recording, open_source
        from cleartract.recordings.pictures import kymograph, save_png, strip
        from cleartract.recordings.video_writer import side_by_side, write_video

        video, picture = self.out / "side_by_side.mp4", self.out / "strip.png"
        if video.exists() and picture.exists():
            print(f"{video}, {picture}: already there, kept")
            return video, picture
        noisy, clean = open_recording(source), open_recording(result)
        levels = [np.round(r.frames).clip(0, 255).astype(np.uint8) for r in (noisy, clean)]
        with atomic(video) as temporary:
            panels = side_by_side(levels)
            write_video(temporary, panels, noisy.rate, open_source(source).sound)
        frames = np.linspace(0, len(noisy) - 1, 8).astype(int)
        rows = [strip(level, frames) for level in levels]
        lines = [kymograph(level, column=0.42) for level in levels]
        save_png(picture, [*rows, *lines])
        return video, picture
