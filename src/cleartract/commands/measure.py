"""`cleartract measure`: constriction degrees over time, for a spreadsheet or MATLAB."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from cleartract.commands.options import MaxMemory, Overwrite
from cleartract.commands.outputs import beside, check_place, circumstances, counted, warn
from cleartract.denoising.settings import settings_of
from cleartract.errors import OutputError, RecordingError, UsageError
from cleartract.evaluation.settings import EvaluateSettings
from cleartract.recordings.formats import stem_of

if TYPE_CHECKING:
    import numpy as np

    from cleartract.evaluation.grid_lines import GridLine
    from cleartract.evaluation.line_quality import LineQuality

KINDS = (".csv", ".mat")


def _described(name: str) -> Any:
    """The help text that the setting has."""
    return tyro.conf.arg(help=EvaluateSettings.model_fields[name].description)


@dataclass(frozen=True)
class Measure:
    """Measure constriction degrees [mm] along grid lines, and areas of air [mm²] in regions, one row a
    frame."""

    input: tyro.conf.Positional[Path]
    """The recording, better denoised."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Table: .csv or .mat; by default INPUT_degrees.csv. Beside it go the lines as .lines.json, which
    --grid-lines reads, and as .lines.png, a picture: look at it; and a sidecar, TABLE.json."""
    noisy: Path | None = None
    """The recording before denoising: says how far denoising moved closures."""
    grid_lines: Annotated[Path | None, _described("grid_lines")] = None
    regions: Path | None = None
    """JSON file of regions in which the area of the air is measured too [mm²], by their corners in mm:
    {"pharynx": [[x, y], [x, y], [x, y], ...]}."""
    pixel_size: Annotated[float | None, _described("pixel_size")] = None
    annotation: Annotated[Path | None, _described("annotation")] = None
    max_memory: MaxMemory = 8.0
    overwrite: Overwrite = False

    def run(self) -> None:
        """Measure and write."""
        target = self.output or beside(self.input, f"{stem_of(self.input)}_degrees.csv")
        if target.suffix.lower() not in KINDS:
            raise OutputError(f"{target}: unknown kind of table; name it {', '.join(KINDS)}")
        lines_target, picture = target.with_suffix(".lines.json"), target.with_suffix(".lines.png")
        sidecar = beside(target, target.name + ".json")
        named = (self.noisy, self.grid_lines, self.regions, self.annotation)
        for place in (target, sidecar):
            check_place(place, [self.input, *(path for path in named if path is not None)])
            if place.exists() and not self.overwrite:
                raise OutputError(f"{place}: exists; give --overwrite or another -o")
        import numpy as np

        from cleartract.commands.input_checks import opened_whole
        from cleartract.commands.measurement_sidecar import described_measurement
        from cleartract.evaluation.areas import air_area, read_regions
        from cleartract.evaluation.articulation import constriction_degree
        from cleartract.evaluation.evaluate import matched
        from cleartract.evaluation.grid_lines import read_lines
        from cleartract.evaluation.labels import plain_verdict
        from cleartract.evaluation.line_picture import lines_picture
        from cleartract.evaluation.measure import Subject, articulation
        from cleartract.files import AtomicFiles, naming, sha256
        from cleartract.recordings.annotation_finder import annotation_for
        from cleartract.recordings.intensity import Intensity

        chosen, options = self.grid_lines, {"pixel_size": self.pixel_size}
        given = read_lines(chosen) if chosen is not None else None
        regions = [] if self.regions is None else read_regions(self.regions)
        settings = settings_of(EvaluateSettings, options)
        annotation, warning = annotation_for([self.input], self.annotation)
        if warning is not None:
            warn(self.input, warning)
        recording = opened_whole(self.input, self.max_memory)
        if not np.ptp(recording.frames) > 0:
            raise RecordingError(f"{self.input}: every pixel is the same; nothing to measure")
        before = None
        if self.noisy is not None:
            recording, before = matched(recording, opened_whole(self.noisy, self.max_memory))
        scale = Intensity.of(recording.frames)
        frames, rate = scale.apply(recording.frames), float(recording.rate)
        subject = Subject(
            self.input.name, rate, frames, noisy=None if before is None else scale.apply(before),
            lines=given, pixel_size=settings.pixel_size,
        )  # fmt: skip
        lines, qualities, size = subject.grid_lines(), subject.line_qualities(), subject.millimetres
        if not lines:
            raise UsageError(f"{self.input}: nothing moves across air; give --grid-lines")
        degrees = np.stack([constriction_degree(frames, line, size) for line in lines])
        degrees[[not quality.scored for quality in qualities]] = np.nan
        areas = {region.name: air_area(frames, region, size) for region in regions}
        table = Table((np.arange(len(frames)) + 0.5) / rate, lines, qualities, degrees, areas)
        spoken = {} if annotation is None else annotation.spoken_at(table.times)
        others = {
            lines_target: described_lines(lines).encode(),
            picture: lines_picture(frames, lines, qualities, size, regions),
        }
        missing = [path for path, content in others.items() if not self._is_there(path, content)]
        read = {
            "input": self.input, "noisy": self.noisy, "grid_lines": chosen, "regions": self.regions,
            "annotation": None if annotation is None else annotation.path,
        }  # fmt: skip
        made = described_measurement(read, recording, size, lines, qualities)
        with AtomicFiles(replace=self.overwrite) as files, naming(target):
            written = files.add(target)
            table.write(written, target.suffix.lower(), spoken)
            sums = {"table": sha256(written)}
            text = json.dumps(made | circumstances() | {"sha256": sums}, indent=1) + "\n"
            files.add(sidecar).write_text(text)
            for path in missing:
                files.add(path).write_bytes(others[path])
        said = "" if annotation is None else f", words and phones of {annotation.path.name}"
        print(table.described())
        drawn = f", {counted(len(regions), 'region')}" if regions else ""
        counts = f"{counted(len(frames), 'frame')}, {counted(len(lines), 'line')}{drawn}"
        print(f"{target}: {counts}{said}")
        print(f"{picture}: look whether the lines cross the vocal tract")
        if before is not None:
            for sentence in plain_verdict({"articulation": articulation(subject)}):
                print(sentence)

    def _is_there(self, path: Path, content: bytes) -> bool:
        """Whether a file beside the table holds the same already, as beside one of the other kind.

        Raises:
            OutputError: If it holds something else, and may not be replaced.
        """
        from cleartract.files import naming

        with naming(path):
            if not path.exists() or self.overwrite:
                return False
            if path.read_bytes() == content:
                return True
        raise OutputError(f"{path}: exists, of other lines; give --overwrite or another -o")


@dataclass(frozen=True)
class Table:
    """Constriction degrees over time.

    Attributes:
        times: Middle of each frame, (frame,) [s].
        lines: Grid lines.
        qualities: Of each line.
        degrees: (line, frame) [mm]; not a number on lines that are not scored.
        areas: Of the air in each region, (frame,) [mm²]; not a number where there is none.
    """

    times: np.ndarray
    lines: list[GridLine]
    qualities: list[LineQuality]
    degrees: np.ndarray
    areas: dict[str, np.ndarray] = field(default_factory=dict)

    def write(self, path: Path, kind: str, spoken: dict[str, list[str]]) -> None:
        """Write it.

        Args:
            path: Where.
            kind: `.csv`: frame, time in its middle [s], a column a line [mm], a column a region
                [mm²], a column each of `spoken`; `.mat`: `time`, `degrees` (frame, line), `lines`,
                `confidence`, `not_scored`, `areas` (frame, region), `regions`, and cells
                (frame, 1) of `spoken`.
            spoken: `word` and `phone` of every frame; empty without an annotation.
        """
        if kind == ".mat":
            self._write_mat(path, spoken)
            return
        import csv

        columns = list(zip(*spoken.values(), strict=True)) or [()] * len(self.times)
        heads = [
            f"{line.name} [mm]"
            if quality.scored
            else f"{line.name} [mm], not scored: {quality.reason}"
            for line, quality in zip(self.lines, self.qualities, strict=True)
        ]
        heads += [f"{name} [mm²]{_unmeasured(area)}" for name, area in self.areas.items()]
        values = [*self.degrees, *self.areas.values()]
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["frame", "time [s]", *heads, *spoken])
            rows = zip(self.times, zip(*values, strict=True), columns, strict=True)
            for number, (time, row, said) in enumerate(rows):
                writer.writerow([number, f"{time:.6f}", *(f"{value:.3f}" for value in row), *said])

    def _write_mat(self, path: Path, spoken: dict[str, list[str]]) -> None:
        import numpy as np
        from scipy.io import savemat

        content = {
            "time": self.times[:, None],
            "degrees": self.degrees.T,
            "lines": np.array([line.name for line in self.lines], object)[:, None],
            "confidence": np.array([[quality.confidence] for quality in self.qualities]),
            "not_scored": np.array([quality.reason for quality in self.qualities], object)[:, None],
        }
        if self.areas:
            content["areas"] = np.stack(list(self.areas.values()), 1)
            content["regions"] = np.array(list(self.areas), object)[:, None]
        cells = {key: np.array(labels, object)[:, None] for key, labels in spoken.items()}
        savemat(path, content | cells, appendmat=False)

    def described(self) -> str:
        """Confidence and range of every line, as a table for the terminal."""
        import numpy as np

        names = [*(line.name for line in self.lines), *self.areas]
        width = max(len("line"), *(len(name) for name in names))
        rows = [f"{'line':<{width}}  confidence [%]  5th, 50th and 95th percentile [mm]"]
        for line, quality, degree in zip(self.lines, self.qualities, self.degrees, strict=True):
            low, middle, high = np.percentile(degree, (5, 50, 95))
            said = f"{low:.1f}, {middle:.1f}, {high:.1f}"
            if not quality.scored:
                said = f"not scored: {quality.reason}"
            rows.append(f"{line.name:<{width}}  {100 * quality.confidence:>14.0f}  {said}")
        if self.areas:
            rows.append(f"{'region':<{width}}  5th, 50th and 95th percentile [mm²]")
        for name, area in self.areas.items():
            low, middle, high = np.percentile(area, (5, 50, 95))
            said = f"{low:.0f}, {middle:.0f}, {high:.0f}"
            rows.append(f"{name:<{width}}  {_unmeasured(area).removeprefix(', ') or said}")
        return "\n".join(rows)


def _unmeasured(area: np.ndarray) -> str:
    """Why there is no area; empty where there is."""
    if area[0] == area[0]:
        return ""
    return ", not measured: air and tissue do not differ beyond the noise"


def described_lines(lines: list[GridLine]) -> str:
    """Grid lines as `--grid-lines` reads them, so that other recordings are measured alike."""
    points = {line.name: [list(line.start), list(line.end)] for line in lines}
    return json.dumps(points, indent=1) + "\n"
