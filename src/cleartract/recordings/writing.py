"""Write a recording in the format its name asks for, all at once or as frames come."""

from __future__ import annotations

import filecmp
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cleartract.errors import OutputError
from cleartract.files import AtomicFiles, naming
from cleartract.recordings.array_writer import ArrayWriter
from cleartract.recordings.companion import companion_target, write_companion
from cleartract.recordings.dicom_writer import DicomWriter
from cleartract.recordings.formats import (
    check_output_kind,
    is_series,
    output_suffix,
    stored_at,
)
from cleartract.recordings.image_writer import GifWriter, TiffStack
from cleartract.recordings.matlab5_writer import ENDING, Matlab5Writer
from cleartract.recordings.matlab_writer import MatlabWriter
from cleartract.recordings.nifti_writer import NiftiWriter
from cleartract.recordings.recording import Recording
from cleartract.recordings.series_notes import SeriesNotes
from cleartract.recordings.series_writer import SeriesWriter, check_folder
from cleartract.recordings.sound import ArraySound, Sound
from cleartract.recordings.video_writer import VideoFormat, VideoWriter, preferred_codec

_SHOWN = 235  # grey level of the brightest tissue where a recording has no levels of its own
_HEADROOM = 1.1  # of a master above the brightest input


class FrameSink(Protocol):
    """Takes finished frames in order, in the recording's own unit."""

    def write(self, frames: np.ndarray) -> None:
        """Add frames, (frame, height, width) float32."""
        ...

    def close(self) -> None:
        """All frames were written: finish."""
        ...

    def abandon(self) -> None:
        """No more frames come: let go."""
        ...


@dataclass(frozen=True)
class Described:
    """What must be known of a result before its first frame.

    Attributes:
        frames: Number of frames [frames].
        size: (height, width) [pixels].
        rate: Frames per second, exact.
        peak: Largest value of the unit, or None.
        bright: Value shown as nearly white where the unit has no grey levels.
        maximum: Largest value expected.
        sound: Sound that belongs to the frames, or None.
        samples: Its length [samples].
        minimum: Smallest value expected, or None where it is not known.
        comment: Kept in the header of a video file.
    """

    frames: int
    size: tuple[int, int]
    rate: Fraction
    peak: float | None
    bright: float
    maximum: float
    sound: Sound | None = None
    samples: int = 0
    minimum: float | None = None
    comment: str = ""

    @classmethod
    def of(cls, recording: Recording) -> Described:
        """Of a recording in memory."""
        frames, sound = recording.frames, recording.sound
        return cls(
            frames=len(frames),
            size=(frames.shape[1], frames.shape[2]),
            rate=recording.rate,
            peak=recording.peak,
            bright=float(np.percentile(frames, 99.9)),
            maximum=float(frames.max()),
            sound=None if sound is None else ArraySound(*sound),
            samples=0 if sound is None else len(sound[0]),
            minimum=float(frames.min()),
        )

    def display_scale(self) -> float:
        """Grey levels of 8 bit per unit; 8-bit recordings keep their levels."""
        return 1.0 if self.peak == 255 else _SHOWN / max(self.bright, 1e-12)

    def span(self) -> tuple[float, float]:
        """Smallest and largest value to make room for.

        Grey levels of 8 or 16 bit begin at 0. Of other units as much is kept below 0 as above,
        where the smallest value is not known.
        """
        most = self.peak or max(self.maximum * _HEADROOM, 1e-12)
        if self.minimum is not None:
            return min(self.minimum, 0.0), most
        return (0.0 if self.peak in (255, 65535) else -most), most

    def master_scale(self) -> float:
        """Levels of 16 bit per unit.

        8-bit scales are spread over 16 bit (times 257), so that fractions of a grey level survive;
        deeper recordings keep their numbers.
        """
        peak = self.peak or max(self.maximum * _HEADROOM, 1e-12)
        return 65535.0 / peak


_Writer = (
    VideoWriter
    | ArrayWriter
    | MatlabWriter
    | Matlab5Writer
    | TiffStack
    | SeriesWriter
    | GifWriter
    | NiftiWriter
    | DicomWriter
)


class _Levels:
    """Rounds frames to whole grey levels before they are encoded."""

    def __init__(self, target: Path, writer: _Writer, convert: Callable):
        self.target, self.writer, self.convert = target, writer, convert

    def write(self, frames: np.ndarray) -> None:
        with naming(self.target):
            self.writer.write(self.convert(frames))

    def close(self) -> None:
        with naming(self.target):
            self.writer.close()

    def abandon(self) -> None:
        self.writer.abandon()


def open_sink(path: Path, result: Described, provenance: dict[str, Any], target: Path) -> FrameSink:
    """A sink in the format its name asks for.

    Args:
        path: Where it is written, under a temporary name with the suffix of the target or directly.
        result: What will be written.
        provenance: Kept in a .npz.
        target: `.mp4` or `.mov` (H.264 preview), `.avi` (uncompressed, as USC-TIMIT; also for
            MATLAB), `.npz` or `.mat` (float32, in the recording's own scale; version 7.3, and
            version 5 where the name ends with `.v5.mat`), `.tif` or `.tiff`
            (float32 as .npz, a page a frame, for ImageJ), `.gif` (8 bit, every n-th frame, see
            `GifWriter`), `.nii` or `.nii.gz` (float32 as .npz), `.dcm` (multi-frame, 16 bit, in the
            recording's own scale), `FOLDER/%05d.png`, `.tif` or `.npy` (a file a frame, see
            `SeriesWriter`; the path is a folder); named in errors. All from TIFF on hold no sound,
            see `companion`.

    Raises:
        OutputError: If the kind of file is unknown or it cannot be written.
    """
    check_output_kind(target)
    with naming(target):
        if is_series(target):
            notes = SeriesNotes(result.rate, result.peak)
            return _Levels(target, SeriesWriter(path, target, notes, result.span()), np.asarray)
        if target.suffix.lower() == ".npz":
            shape, sound = (result.frames, *result.size), None
            if result.sound is not None:
                sound = (result.sound, result.samples)
            others = {"provenance": provenance}
            return _Levels(target, ArrayWriter(path, shape, result.rate, sound, others), np.asarray)
        if target.suffix.lower() == ".mat":
            heard = None if result.sound is None else (result.sound, result.samples)
            size = (result.frames, *result.size)
            if target.name.lower().endswith(ENDING):
                version_5 = Matlab5Writer(path, size, result.rate, heard, target)
                return _Levels(target, version_5, np.asarray)
            return _Levels(target, MatlabWriter(path, size, result.rate, heard), np.asarray)
        if target.suffix.lower() in (".tif", ".tiff"):
            shape = (result.frames, *result.size)
            return _Levels(target, TiffStack(path, shape, result.rate), np.asarray)
        if output_suffix(target) in (".nii", ".nii.gz"):
            shape, packed = (result.frames, *result.size), target.suffix.lower() == ".gz"
            return _Levels(
                target, NiftiWriter(path, shape, result.rate, packed, target), np.asarray
            )
        if target.suffix.lower() == ".dcm":
            shape = (result.frames, *result.size)
            dicom = DicomWriter(
                path, shape, result.rate, result.span(), result.bright, provenance, target
            )
            return _Levels(target, dicom, np.asarray)
        levels = lambda x: to_levels(x * result.display_scale(), np.uint8)  # noqa: E731
        if target.suffix.lower() == ".gif":
            return _Levels(target, GifWriter(path, result.size, result.rate), levels)
        video = VideoFormat(result.size, result.rate, preferred_codec(path), comment=result.comment)
        writer = VideoWriter(path, video, result.sound)
        return _Levels(target, writer, levels)


def open_master(path: Path, result: Described, target: Path) -> FrameSink:
    """A lossless FFV1 video of 16-bit grey in AVI, with its sound as PCM."""
    with naming(target):
        video = VideoFormat(result.size, result.rate, "ffv1", deep=True)
        sound = result.sound
        writer = VideoWriter(path, video, sound)
        return _Levels(target, writer, lambda x: to_levels(x * result.master_scale(), np.uint16))


def to_levels(frames: np.ndarray, kind: type) -> np.ndarray:
    """Whole grey levels of a type, clipped to its range."""
    return np.round(frames).clip(0, np.iinfo(kind).max).astype(kind)


def write_recording(path: Path, recording: Recording, provenance: dict[str, Any]) -> None:
    """Write a recording in memory in one go; formats and errors as `open_sink`.

    The sound of a kind of file that holds none is written beside it, see `companion`.

    Raises:
        OutputError: If another sound is there, or a folder of other files where a series is to be.
    """
    check_output_kind(path)
    described = Described.of(recording)
    place, heard = stored_at(path), companion_target(path, described.sound)
    check_folder(path, overwrite=True)
    with AtomicFiles() as files:
        sink = open_sink(files.add(place, is_series(path)), described, provenance, path)
        try:
            sink.write(recording.frames)
        except BaseException:
            sink.abandon()
            raise
        sink.close()
        if heard is not None and described.sound is not None:
            with naming(heard):
                write_companion(written := files.add(heard), described.sound)
                if heard.exists() and not filecmp.cmp(written, heard, shallow=False):
                    raise OutputError(f"{heard}: exists; choose another name for {path}")
