"""`cleartract measure`: constriction degrees over time, for a spreadsheet or MATLAB."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from cleartract.commands.options import Overwrite
from cleartract.commands.outputs import beside, warn
from cleartract.denoising.settings import settings_of
from cleartract.errors import OutputError, RecordingError, UsageError
from cleartract.evaluation.settings import EvaluateSettings

if TYPE_CHECKING:
    import numpy as np

    from cleartract.evaluation.grid_lines import GridLine

KINDS = (".csv", ".mat")


def _described(name: str) -> Any:
    """The help text that the setting has."""
    return tyro.conf.arg(help=EvaluateSettings.model_fields[name].description)


@dataclass(frozen=True)
class Measure:
    """Measure constriction degrees [mm] along grid lines, one row a frame."""

    input: tyro.conf.Positional[Path]
    """The recording, better denoised."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Table: .csv or .mat; by default INPUT_degrees.csv. The lines go to a .lines.json beside it."""
    grid_lines: Annotated[Path | None, _described("grid_lines")] = None
    pixel_size: Annotated[float | None, _described("pixel_size")] = None
    annotation: Annotated[Path | None, _described("annotation")] = None
    overwrite: Overwrite = False

    def run(self) -> None:
        """Measure and write."""
        target = self.output or beside(self.input, f"{self.input.stem}_degrees.csv")
        if target.suffix.lower() not in KINDS:
            raise OutputError(f"{target}: unknown kind of table; name it {', '.join(KINDS)}")
        lines_target = target.with_suffix(".lines.json")
        for path in (target, lines_target):
            if path.exists() and not self.overwrite:
                raise OutputError(f"{path}: exists; give --overwrite or another -o")
        import numpy as np

        from cleartract.evaluation.articulation import constriction_degrees
        from cleartract.evaluation.grid_lines import moving_lines, read_lines
        from cleartract.evaluation.measure import FIELD_OF_VIEW
        from cleartract.files import AtomicFiles, naming
        from cleartract.recordings.annotation_finder import annotation_for
        from cleartract.recordings.intensity import Intensity
        from cleartract.recordings.opening import open_recording

        chosen, options = self.grid_lines, {"pixel_size": self.pixel_size}
        given = read_lines(chosen) if chosen is not None else None
        annotation, warning = annotation_for([self.input], self.annotation)
        if warning is not None:
            warn(self.input, warning)
        recording = open_recording(self.input)
        if not np.ptp(recording.frames) > 0:
            raise RecordingError(f"{self.input}: every pixel is the same; nothing to measure")
        frames = Intensity.of(recording.frames).apply(recording.frames)
        size = settings_of(EvaluateSettings, options).pixel_size or FIELD_OF_VIEW / frames.shape[2]
        lines = given if given is not None else moving_lines(frames, size)
        if not lines:
            raise UsageError(f"{self.input}: nothing moves across air; give --grid-lines")
        degrees = constriction_degrees(frames, lines, size)
        times = (np.arange(len(frames)) + 0.5) / float(recording.rate)
        spoken = {} if annotation is None else annotation.spoken_at(times)
        with AtomicFiles(replace=self.overwrite) as files, naming(target):
            write_degrees(files.add(target), target.suffix.lower(), times, lines, degrees, spoken)
            files.add(lines_target).write_text(described_lines(lines))
        said = "" if annotation is None else f", words and phones of {annotation.path.name}"
        print(f"{target}: {len(frames)} frames, {len(lines)} lines{said}")


def write_degrees(
    path: Path,
    kind: str,
    times: np.ndarray,
    lines: list[GridLine],
    degrees: np.ndarray,
    spoken: dict[str, list[str]],
) -> None:
    """Write a table of constriction degrees.

    Args:
        path: Where.
        kind: `.csv`: frame, time in its middle [s], a column a line [mm], a column each of
            `spoken`; `.mat`: `time`, `degrees` (frame, line), `lines`, and cells (frame, 1) of
            `spoken`.
        times: (frame,) [s].
        lines: Grid lines.
        degrees: (line, frame) [mm].
        spoken: `word` and `phone` of every frame; empty without an annotation.
    """
    if kind == ".mat":
        import numpy as np
        from scipy.io import savemat

        names = [line.name for line in lines]
        table = {"time": times[:, None], "degrees": degrees.T, "lines": names}
        cells = {key: np.array(labels, object)[:, None] for key, labels in spoken.items()}
        savemat(path, table | cells, appendmat=False)
        return
    import csv

    columns = list(zip(*spoken.values(), strict=True)) or [()] * len(times)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["frame", "time [s]", *(f"{line.name} [mm]" for line in lines), *spoken])
        for number, (time, row, said) in enumerate(zip(times, degrees.T, columns, strict=True)):
            writer.writerow([number, f"{time:.6f}", *(f"{value:.3f}" for value in row), *said])


def described_lines(lines: list[GridLine]) -> str:
    """Grid lines as `--grid-lines` reads them, so that other recordings are measured alike."""
    import json

    points = {line.name: [list(line.start), list(line.end)] for line in lines}
    return json.dumps(points, indent=1) + "\n"
