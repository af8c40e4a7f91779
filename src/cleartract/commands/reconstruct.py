"""`cleartract reconstruct`: raw data of a scanner in, a recording and its sidecar out."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from cleartract.commands.options import Overwrite
from cleartract.commands.outputs import beside, check_targets
from cleartract.errors import RecordingError
from cleartract.reconstruction.settings import ReconstructionSettings
from cleartract.recordings.formats import check_output_kind, is_series, stem_of, stored_at

if TYPE_CHECKING:
    from cleartract.recordings.raw_source import RawSource
    from cleartract.recordings.writing import Described

_SOME = 4  # every so manieth frame decides how bright a video is shown


class ReconstructOptions(ReconstructionSettings):
    """How the frames are reconstructed."""


@dataclass(frozen=True)
class Reconstruct:
    """Reconstruct raw MRD (ISMRMRD) data of a spiral scan, .h5 or .mrd, into a recording, by CG-SENSE or
    view sharing. `cleartract denoise raw.h5` does it with the defaults before it denoises."""

    input: tyro.conf.Positional[Path]
    """Raw data."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Result: .npz, .mat, .mp4, .mov, .avi, .tif, .gif, .nii, .nii.gz or .dcm; by default
    INPUT_reconstructed.npz."""
    settings: Annotated[ReconstructOptions, tyro.conf.arg(name="")] = field(
        default_factory=ReconstructOptions
    )
    trajectory: Path | None = None
    """MATLAB file with the trajectory, where the raw data hold none and it is not beside them."""
    audio: Path | None = None
    """Sound file, instead of one of the same name."""
    rate: str | None = None
    """Frames per second, where the raw data have no TR: 83.28 or 65040/781."""
    overwrite: Overwrite = False

    def run(self) -> None:
        """Reconstruct and write."""
        output = self.output or beside(self.input, f"{stem_of(self.input)}_reconstructed.npz")
        if is_series(output):
            check_output_kind(output)
        place = stored_at(output)
        targets = {"result": output, "sidecar": beside(place, place.name + ".json")}
        sources = [path for path in (self.input, self.audio, self.trajectory) if path is not None]
        check_targets(targets, sources, self.overwrite)
        source = self._source()
        if (beside_raw := source.plan.trajectory) is not None and beside_raw not in sources:
            sources.append(beside_raw)
            check_targets(targets, sources, self.overwrite)

        from cleartract.commands.outputs import warn
        from cleartract.commands.sound_beside import is_beside, tell_sound_beside
        from cleartract.recordings.companion import companion_target

        for text in source.provenance["warnings"]:
            warn(self.input, text)
        if (heard := companion_target(output, source.sound)) is not None:
            targets["sound"] = heard
            if is_beside(targets, source.sound, sources, self.overwrite):
                del targets["sound"]
        described = self._reconstructed(source)
        self._write(source, described, targets)
        print(f"{output}: {source.count} frames, {source.rate} frames a second")
        tell_sound_beside(targets)

    def _source(self) -> RawSource:
        from cleartract.denoising.frame_lists import told_rate
        from cleartract.recordings.hdf5_file import opened
        from cleartract.recordings.mrd_file import is_raw
        from cleartract.recordings.raw_source import RawSource

        rate = None if self.rate is None else told_rate(self.rate)
        if not self.input.is_file():
            raise RecordingError(f"{self.input}: no such file")
        with opened(self.input, "MRD") as file:
            if not is_raw(file, self.input):
                raise RecordingError(
                    f"{self.input}: holds no raw data (/dataset/xml and /dataset/data)"
                )
        return RawSource(self.input, self.audio, rate, self.settings, self.trajectory)

    def _reconstructed(self, source: RawSource) -> Described:
        """Reconstruct all frames, which the source keeps, and see how bright they are."""
        import numpy as np

        from cleartract.commands.progress import progress_bar
        from cleartract.recordings.writing import Described

        done, some, maximum = 0, [], 0.0
        with progress_bar("reconstructing", "frames") as update:
            update(0, source.count)
            for chunk in source.chunks():
                done += len(chunk)
                some.append(chunk[::_SOME])
                maximum = max(maximum, float(chunk.max()))
                update(done, source.count)
        sound = source.sound
        return Described(
            frames=source.count,
            size=source.size,
            rate=source.rate,
            peak=None,
            bright=float(np.percentile(np.concatenate(some), 99.9)),
            maximum=maximum,
            sound=sound,
            samples=0 if sound is None else sum(map(len, sound.blocks())),
            minimum=0.0,
        )

    def _write(self, source: RawSource, described: Described, targets: dict[str, Path]) -> None:
        from cleartract.commands.outputs import circumstances, versions
        from cleartract.files import AtomicFiles, naming, sha256
        from cleartract.recordings.companion import write_companion
        from cleartract.recordings.writing import open_sink

        sidecar: dict[str, Any] = versions() | {
            "input": {"path": os.path.abspath(self.input), "sha256": sha256(self.input)},
            "audio": source.provenance["audio"],
            **_trajectory_of(source),
            "parameters": source.described(),
            "frames": source.count,
            "size": list(source.size),
            "rate": [source.rate.numerator, source.rate.denominator],
            "warnings": source.provenance["warnings"],
            "outputs": {name: str(target) for name, target in targets.items()},
        }
        with AtomicFiles(replace=self.overwrite) as files:
            places = {
                name: files.add(stored_at(path), is_series(path)) for name, path in targets.items()
            }
            sink = open_sink(places["result"], described, sidecar, targets["result"])
            try:
                for chunk in source.chunks():
                    sink.write(chunk)
            except BaseException:
                sink.abandon()
                raise
            sink.close()
            if "sound" in places and source.sound is not None:
                with naming(targets["sound"]):
                    write_companion(places["sound"], source.sound)
            with naming(targets["sidecar"]):
                sums = {name: sha256(place) for name, place in places.items() if name != "sidecar"}
                text = json.dumps(sidecar | circumstances() | {"sha256": sums}, indent=1) + "\n"
                places["sidecar"].write_text(text)


def _trajectory_of(source: RawSource) -> dict[str, Any]:
    """The file of the trajectory for a sidecar, where the raw data hold none."""
    from cleartract.commands.outputs import described_file

    path = source.plan.trajectory
    return {} if path is None else {"trajectory": described_file(path)}
