"""DICOM images over time: a folder with one file a frame, or one multi-frame file."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.errors import RecordingError, reason_of
from cleartract.recordings import dicom_timing
from cleartract.recordings.resampling import Resampling
from cleartract.recordings.sound import companion_sound, open_sound
from cleartract.recordings.source import CHUNK

_SUFFIXES = (".dcm", ".dicom", ".ima")
_GREY = ("MONOCHROME1", "MONOCHROME2")
_TAGS = (
    *dicom_timing.TAGS, "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "InstanceNumber",
    "ImagePositionPatient", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation",
    "BitsAllocated", "BitsStored", "PixelRepresentation", "NumberOfFrames", "RescaleSlope",
    "RescaleIntercept", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
)  # fmt: skip


class DicomSource:
    """Grey DICOM images as a `FrameSource`, in the unit that their rescale slope gives.

    Files of a folder are in the order of InstanceNumber, then of AcquisitionTime. Frames of zeros
    before the first picture are left out with a warning. MONOCHROME1 is inverted. Sound comes from
    a .wav or .flac beside the file or folder, of its name.

    Args:
        path: A multi-frame file, or a folder.
        audio: A sound file instead.
        rate: Frames per second, if the file tells none; see `dicom_timing.chosen_rate`.
        resample: Whether frames that are not evenly spaced are put onto a constant rate.

    Raises:
        RecordingError: If files are missing, damaged, in colour, compressed in a way that cannot be
            decoded, of several series, slices or sizes; if no constant rate is known, or the given
            one contradicts it; if pydicom is not installed.
    """

    def __init__(
        self,
        path: Path,
        audio: Path | None = None,
        rate: Fraction | None = None,
        resample: bool = False,
    ):
        self.path, self.name = path, str(path)
        warnings: list[str] = []
        self._files = _ordered(path, [(file, _header(file)) for file in _listed(path)], warnings)
        datasets = [dataset for _, dataset in self._files]
        first = datasets[0]
        for file, dataset in self._files:
            _check_kind(file, dataset)
        _check_one_slice(path, datasets)
        self.size = (int(first.Rows), int(first.Columns))
        if any((int(d.Rows), int(d.Columns)) != self.size for d in datasets):
            raise RecordingError(f"{path}: holds frames of several sizes")
        self.grid: Resampling | None = None
        uneven = False
        try:
            self.rate, notes = dicom_timing.chosen_rate(self.name, datasets, rate)
            warnings += notes
        except dicom_timing.UnevenTimesError:
            if not resample:
                raise
            uneven = True
        self.count = len(datasets) if len(datasets) > 1 else _frames_in(first)
        skipped = self._leading_zeros()
        self._files, self.count = self._files[skipped:], self.count - skipped
        if skipped:
            warnings.append(f"the first {skipped} frames hold only zeros: left out")
        if uneven:
            self.grid = self._regular(dicom_timing.shown_times(datasets)[skipped:])
            self.rate = self.grid.rate
        low, high = _stored_range(first)
        unscaled = all(scales == [(1, 0)] for scales in map(_scales, datasets))
        self.peak = float(high) if unscaled else None
        self.sound = _companion(path) if audio is None else open_sound(audio)
        self.provenance: dict[str, Any] = {
            "path": str(path), "codec": "dicom",
            "pixel_format": f"{'' if low else 'u'}int{first.BitsAllocated}", "warnings": warnings,
            "audio": None if self.sound is None else str(self.sound.path),
        }  # fmt: skip

    def chunks(self) -> Iterator[np.ndarray]:
        """See `FrameSource.chunks`."""
        frames = self._frames()
        while part := list(islice(frames, CHUNK)):
            yield np.stack(part)

    def _frames(self) -> Iterator[np.ndarray]:
        for file, dataset in self._files:
            low, high = _stored_range(dataset)
            scales = _scales(dataset)
            planes = islice(_planes(file), self.count)
            for index, plane in enumerate(planes):
                values = plane.astype(np.float64)
                if dataset.PhotometricInterpretation == "MONOCHROME1":
                    values = low + high - values
                slope, intercept = scales[min(index, len(scales) - 1)]
                yield (values * slope + intercept).astype(np.float32)

    def _regular(self, times: list[Fraction]) -> Resampling:
        if len(times) != self.count:
            raise RecordingError(
                f"{self.path}: holds times of {len(times)} frames, not {self.count}"
            )
        stamps = np.array([round(time * 10**6) for time in times], np.int64)
        return Resampling.of(self.name, stamps, Fraction(1, 10**6))

    def _leading_zeros(self) -> int:
        """Number of files before the first that shows something."""
        if len(self._files) == 1:
            next(_planes(self._files[0][0]))  # damage shows at once
            return 0
        for index, (file, _) in enumerate(self._files):
            if next(_planes(file)).any():
                return index
        raise RecordingError(f"{self.path}: holds nothing but zeros")


def _listed(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise RecordingError(f"{path}: no such file or folder")
    files = sorted(file for file in path.iterdir() if file.name[0] != "." and file.is_file())
    listed = [file for file in files if file.suffix.lower() in _SUFFIXES]
    if not listed:
        listed = [file for file in files if not file.suffix and file.name != "DICOMDIR"]
    if not listed:
        raise RecordingError(f"{path}: holds no DICOM files")
    return listed


def _header(file: Path) -> Any:
    with _reading(file) as pydicom:
        dataset = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(_TAGS))
        for element in dataset:  # decodes all of them
            element.value  # noqa: B018
        syntax = dataset.file_meta.TransferSyntaxUID
        compressed = syntax.is_encapsulated
    if compressed:
        try:
            usable = pydicom.pixels.get_decoder(syntax).is_available
        except NotImplementedError:
            usable = False
        if not usable:
            raise RecordingError(
                f"{file}: cannot decode {syntax.name}; decompress it, for example with gdcmconv "
                "--raw, or install pylibjpeg and its plugins"
            )
    return dataset


def _ordered(
    path: Path, files: list[tuple[Path, Any]], warnings: list[str]
) -> list[tuple[Path, Any]]:
    """Files of one series in the order of their frames."""
    if len(files) == 1:
        return files
    series = {str(data.get("SeriesInstanceUID", "")): data for _, data in files}
    if len(series) > 1:
        names = sorted(
            f"{data.get('SeriesNumber', '')} {data.get('SeriesDescription', '')}".strip() or uid
            for uid, data in series.items()
        )
        more = ", ..." if len(names) > 5 else ""
        raise RecordingError(
            f"{path}: holds {len(series)} series ({', '.join(names[:5])}{more}); "
            "put each into a folder of its own"
        )
    if any(_frames_in(data) > 1 for _, data in files):
        raise RecordingError(f"{path}: holds several multi-frame files; give one of them")
    numbers = [data.get("InstanceNumber") for _, data in files]
    if any(number is None for number in numbers):
        numbers = []
    times = dicom_timing.frame_times([data for _, data in files])
    keys = zip(numbers or [0] * len(files), times or [Fraction()] * len(files), strict=True)
    if not numbers and not times:
        warnings.append("no InstanceNumber or AcquisitionTime: frames in the order of file names")
    if numbers and (gaps := max(numbers) - min(numbers) + 1 - len(set(numbers))):
        warnings.append(f"{gaps} frames are missing between the first and the last InstanceNumber")
    return [file for _, file in sorted(zip(keys, files, strict=True), key=lambda pair: pair[0])]


def _check_kind(file: Path, dataset: Any) -> None:
    needed = ("Rows", "Columns", "BitsAllocated", "PhotometricInterpretation")
    missing = [tag for tag in needed if not dataset.get(tag)]
    if missing:
        raise RecordingError(f"{file}: holds no picture (no {missing[0]})")
    if dataset.get("SamplesPerPixel", 1) != 1 or dataset.PhotometricInterpretation not in _GREY:
        raise RecordingError(
            f"{file}: is in colour ({dataset.PhotometricInterpretation}); convert it to grey"
        )
    if dataset.BitsAllocated not in (8, 16):
        raise RecordingError(f"{file}: must have 8 or 16 bits a pixel, not {dataset.BitsAllocated}")


def _check_one_slice(path: Path, datasets: list[Any]) -> None:
    groups = datasets[0].get("PerFrameFunctionalGroupsSequence") or []
    if len(datasets) == 1 and groups:
        datasets = [(group.get("PlanePositionSequence") or [{}])[0] for group in groups]
    places = {str(data.get("ImagePositionPatient")) for data in datasets}
    if len(places) > 1:
        raise RecordingError(f"{path}: holds {len(places)} slices; extract one")


def _frames_in(dataset: Any) -> int:
    return max(1, int(dataset.get("NumberOfFrames") or 1))


def _stored_range(dataset: Any) -> tuple[int, int]:
    """Smallest and largest number that a pixel can hold."""
    bits = int(dataset.get("BitsStored") or dataset.BitsAllocated)
    signed = bool(dataset.get("PixelRepresentation"))
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


def _scales(dataset: Any) -> list[tuple[float, float]]:
    """Slope and intercept of every frame, or of all of them."""
    shared = _scale(dataset, (1.0, 0.0))
    for group in dataset.get("SharedFunctionalGroupsSequence") or []:
        shared = _scale((group.get("PixelValueTransformationSequence") or [{}])[0], shared)
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or []
    each = [
        _scale((group.get("PixelValueTransformationSequence") or [{}])[0], shared)
        for group in groups
    ]
    return each if len(set(each)) > 1 else each[:1] or [shared]


def _scale(dataset: Any, otherwise: tuple[float, float]) -> tuple[float, float]:
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    return (
        otherwise[0] if slope is None else float(slope),
        otherwise[1] if intercept is None else float(intercept),
    )


def _planes(file: Path) -> Iterator[np.ndarray]:
    """Stored pixels of each frame of a file, (height, width)."""
    with _reading(file) as pydicom:
        frames = pydicom.pixels.iter_pixels(file)
    while True:
        with _reading(file):
            plane = next(frames, None)
        if plane is None:
            return
        yield plane


def _companion(path: Path) -> Any:
    # A folder may have a dot in its name, and be called `.`.
    path = path.resolve()
    return companion_sound(path.with_name(path.name + ".dcm") if path.is_dir() else path)


@contextmanager
def _reading(file: Path) -> Iterator[Any]:
    """The library; its errors inside name the file."""
    try:
        import pydicom
        import pydicom.pixels
        from pydicom.errors import InvalidDicomError
    except ImportError as error:
        raise RecordingError(f"{file}: install: pip install 'cleartract[formats]'") from error
    damaged = (
        OSError, ValueError, EOFError, MemoryError, KeyError, TypeError, AttributeError,
        OverflowError, RuntimeError, IndexError, struct.error, zlib.error, InvalidDicomError,
    )  # fmt: skip
    try:
        yield pydicom
    except damaged as error:
        reason = re.sub(r"\s+", " ", reason_of(error)).replace(str(file), "file")
        raise RecordingError(f"{file}: not a readable DICOM file ({reason})") from error
