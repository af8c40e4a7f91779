"""`cleartract denoise`: one recording in, a clean one and its sidecar out; or a folder of them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from pydantic import Field

from cleartract.commands.options import Device, MaxMemory, Overwrite, Weights
from cleartract.commands.outputs import beside, check_targets, counted
from cleartract.denoising.settings import QUALITIES, DenoiseSettings, Quality
from cleartract.errors import RecordingError, UsageError
from cleartract.jobs.engine import EngineSettings
from cleartract.recordings.formats import check_output_kind, is_series, stem_of, stored_at

if TYPE_CHECKING:
    from cleartract.commands.denoising_run import DenoisingRun


class DenoiseOptions(DenoiseSettings):
    """How the recording is denoised."""

    use_audio: Annotated[bool, tyro.conf.Suppress] = True  # --no-audio


class ManyOptions(EngineSettings):
    """Many recordings at once."""

    out: Path | None = Field(
        None,
        description="Folder for the results of many recordings; then INPUTS are folders, searched "
        "with all that is in them, and files. What is there already is not made again.",
    )
    pattern: str = Field(
        "*", description="Only recordings of these folders whose name fits, such as *_rainbow_*."
    )
    suffix: str | None = Field(
        None,
        description="Kind of the results: .mp4, .avi, .npz, .mat ... or %05d.png; as without --out.",
    )


@dataclass(frozen=True)
class Denoise:
    """Denoise a recording, with or without sound, or all recordings in a folder (--out): MP4, MOV, AVI,
    MKV, WebM, NPZ, NPY, MAT, HDF5, raw MRD data, TIFF, GIF, NIfTI, DICOM, or a folder with one image a
    frame."""

    inputs: tyro.conf.Positional[tuple[Path, ...]]
    """The recording; with --out, recordings and folders of them."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Result: .mp4, .mov, .avi, .npz, .mat (.v5.mat: version 5), .tif, .gif, .nii, .nii.gz, .dcm, or one
    file a frame in a folder, FOLDER/%05d.png, .tif or .npy; by default INPUT_cleartract.mp4 (.npz for
    arrays)."""
    audio: Path | None = None
    """Sound file, instead of the recording's own stream or a .wav of the same name."""
    rate: str | None = None
    """Frames per second of a kind of file that holds none: 83.28 or 65040/781."""
    audio_offset: Annotated[
        float | None,
        tyro.conf.arg(
            help="How late the sound is against the frames, in milliseconds (audio_offset in "
            "Python is in seconds); the model uses it so much earlier, the sound of the result "
            "stays as it is. Needed, 0 too, where the sound is much longer or shorter than the frames."
        ),
    ] = None
    no_audio: bool = False
    """Do not give the sound to the model; the result keeps it."""
    lost: str | None = None
    """Frames that are lost and made from their neighbours and the sound: 120-127,300; or auto:
    those with spikes."""
    preview: str | None = None
    """Denoise only the beginning: 5s, or a number of frames."""
    quality: Quality = "fast"
    """fast: the posterior mean; texture: one sample of 12 steps; uncertainty: the mean of 8 samples and
    their spread. Or choose sampler, steps and samples yourself."""
    settings: Annotated[DenoiseOptions, tyro.conf.arg(name="")] = field(
        default_factory=DenoiseOptions
    )
    device: Device = "auto"
    threads: int | None = None
    """CPU threads; measured where not given."""
    weights: Weights = None
    many: Annotated[ManyOptions, tyro.conf.arg(name="")] = field(default_factory=ManyOptions)
    opinion_map: Path | None = None
    """Also write what the model takes away although it repeats or lasts, so artefact or anatomy
    (--fidelity gives it back): a video (grey is nothing) or .npz, and beside it a picture (.png)."""
    residual: Path | None = None
    """Also write what was removed, noisy - denoised: a video (level 128 is nothing, a quarter of the
    brightest tissue nearly black or white; the sidecar holds the scale) or .npz with the values."""
    master: bool = False
    """Also write a lossless 16-bit FFV1 master, OUTPUT_master.avi."""
    resample: bool = False
    """Put a variable frame rate onto a constant one: the nearest frame in time on a regular grid at the
    median rate; how many frames were repeated or dropped is said."""
    salvage: bool = False
    """Denoise what is left of a recording that was cut off, up to its last good frame, with the sound up to
    there."""
    max_memory: MaxMemory = 8.0
    overwrite: Overwrite = False
    resume: bool = False
    """Go on where a run that was stopped had come."""
    dry_run: bool = False
    """Read the input, print what would be done, write nothing; with --out of every recording."""

    @property
    def input(self) -> Path:
        """The recording, where there is one."""
        return self.inputs[0]

    def run(self) -> None:
        """Denoise and write."""
        if self.many.out is not None:
            from cleartract.commands.many import denoise_many

            denoise_many(self, self.many.out)
            return
        if len(self.inputs) != 1:
            raise UsageError(
                "several recordings need --out FOLDER"
                if self.inputs
                else "give a recording, or folders with --out FOLDER; see cleartract denoise --help"
            )
        if self.many != ManyOptions():
            raise UsageError(
                "--workers, --shard, --engine, --pattern and --suffix need --out FOLDER"
            )
        self.check_outputs()
        run = self.prepared()
        if self.dry_run:
            from cleartract.commands.dry_run import describe

            describe(run)
        else:
            run.run()

    def sources(self) -> list[Path]:
        """Files that are read."""
        return [path for path in (self.input, self.audio) if path is not None]

    def check_outputs(self) -> None:
        """Refuse results that cannot be written, would replace an input, or exist."""
        from cleartract.denoising.partial import check_partial

        targets = self.targets()
        check_targets(targets, self.sources(), self.overwrite)
        for name in ("opinion_map", "residual"):
            if (other := getattr(self, name)) is not None:
                check_output_kind(other)
                if is_series(other):
                    option = name.replace("_", "-")
                    raise UsageError(f"--{option}: one file, such as {option}.mp4 or {option}.npz")
        if not self.dry_run:
            check_partial(targets["result"], self.resume)

    def prepared(self) -> DenoisingRun:
        """Look at the recording and check the options; nothing is computed or written."""
        targets = self.targets()
        if self.audio is not None and self.no_audio:
            raise UsageError("--audio and --no-audio contradict each other; give one of them")
        if not abs(self.audio_offset or 0) <= 10_000:
            raise UsageError("--audio-offset must lie within 10 seconds (10000 ms)")
        from cleartract.commands.denoising_run import DenoisingRun
        from cleartract.denoising.frame_lists import first_frames, listed_frames, told_rate
        from cleartract.denoising.settings import checked_samples, with_quality
        from cleartract.devices import usable_device
        from cleartract.recordings.companion import companion_target
        from cleartract.recordings.opening import open_source, open_with_usable_sound
        from cleartract.recordings.resampling import ResampledSource
        from cleartract.recordings.source import FiniteLost, FirstFrames
        from cleartract.recordings.video_reader import VideoSource

        update = {"use_audio": not self.no_audio}
        chosen = DenoiseSettings(**self.settings.model_dump() | update)
        settings = checked_samples(with_quality(chosen, self.quality))
        device = usable_device(self.device)
        rate = None if self.rate is None else told_rate(self.rate)
        if self.no_audio or (self.salvage and self.audio is None):
            source, damage = open_with_usable_sound(self.input, rate, self.resample, self.salvage)
        else:
            source, damage = open_source(self.input, self.audio, rate, self.resample), None
        if cut := source.provenance.get("cut"):
            read = source.source if isinstance(source, ResampledSource) else source
            if isinstance(read, VideoSource):
                read.end_at_cut()
                if isinstance(source, ResampledSource):
                    source.end_with(read.count)
            if not self.salvage:
                raise RecordingError(
                    f"{self.input}: {cut}; the last good frame is {read.count - 1}; copy it again, or "
                    "give --salvage to denoise what is left"
                )
        if self.preview is not None:
            source = FirstFrames(source, first_frames(self.preview, source.rate))
        lost = None if self.lost in (None, "auto") else listed_frames(self.lost, source.count)
        if lost:
            source = FiniteLost(source, lost)
        if (heard := companion_target(targets["result"], source.sound)) is not None:
            targets["sound"] = heard
        run = DenoisingRun(self, source, settings, device, targets, lost or ())
        if damage is not None and source.sound is None:
            run.warn(f"the result is without sound: {damage}")
        elif damage is not None and source.sound is not None:
            left_out = len(getattr(source.sound, "left_out", ()))
            kept = f"kept up to {run.samples / source.sound.rate:.2f} s"
            if left_out:
                kept = f"{counted(left_out, 'packet')} left out, with silence in place; {kept}"
            run.warn(f"the sound is damaged: {kept}")
        return run

    def targets(self) -> dict[str, Path]:
        """Files to write, by name."""
        arrays = self.input.suffix.lower() in (".npz", ".npy")
        preview = "_preview" if self.preview else ""
        folder = self.input.is_dir()
        given = Path(os.path.abspath(self.input)) if folder else self.input  # `.` has a name too
        default = f"{stem_of(given)}_cleartract{preview}{'.npz' if arrays else '.mp4'}"
        output = self.output or beside(given, default)
        if is_series(output):
            check_output_kind(output)
        place = stored_at(output)  # a folder for one file a frame
        stem = place.name if is_series(output) else stem_of(place)
        targets = {"result": output, "sidecar": beside(place, place.name + ".json")}
        if self.master:
            targets["master"] = place.with_name(stem + "_master.avi")
        if self.residual is not None:
            targets["residual"] = self.residual
        if self.opinion_map is not None:
            opinion = self.opinion_map
            targets["opinion"] = opinion
            targets["opinion_picture"] = beside(opinion, stem_of(opinion) + ".png")
        if QUALITIES[self.quality].get("samples", self.settings.samples) > 1:
            targets["uncertainty"] = place.with_name(stem + "_uncertainty.npz")
        return targets
