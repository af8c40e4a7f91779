"""Writing recordings as one multi-frame DICOM file, without holding them in memory."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.errors import OutputError

_LARGEST = (1 << 32) - 2  # [bytes] of pixels in one file
_KIND = "1.2.840.10008.5.1.4.1.1.7.3"  # multi-frame grayscale word secondary capture
_UIDS = {part: f"2.25.{digit * 39}" for part, digit in zip(("study", "series", "image"), "123")}  # noqa: B905


class DicomWriter:
    """A derived secondary capture of 16 bit, written as frames come; the same content, same bytes.

    Rescale slope and intercept keep the unit. Values below `least` or above `most` are clipped.
    Identifiers are new and follow from the content. No field tells of a person, and sound is not
    kept.

    Args:
        path: Target.
        shape: (frame, height, width) of the whole.
        rate: Frames per second, exact; FrameTime holds it to 14 digits.
        span: (least, most) value that can be written, in the recording's unit.
        bright: Value that viewers show as nearly white.
        provenance: Goes into the identifiers only.
        target: What errors call it; by default the path.

    Raises:
        OutputError: If it is too long for one file, or pydicom is not installed.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int, int],
        rate: Fraction,
        span: tuple[float, float],
        bright: float,
        provenance: dict[str, Any] | None = None,
        target: Path | None = None,
    ):
        size = 2 * math.prod(shape)
        if size > _LARGEST:
            raise OutputError(
                f"{target or path}: too long for one DICOM file; name it .nii or .npz"
            )
        dataset = _described(target or path, shape, rate, bright)
        # The texts decide, so that a reader finds exactly these numbers.
        slope, intercept = _slope(span), _decimal(min(span[0], 0.0))
        self._slope, self._intercept = float(slope), float(intercept)
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = slope, intercept, "US"
        self._header = _encoded(dataset) + struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, size)
        self._digest = hashlib.sha256(self._header)
        self._digest.update(json.dumps(provenance or {}, sort_keys=True, default=str).encode())
        self._file = open(path, "wb")  # noqa: SIM115
        self._file.write(self._header)

    def write(self, frames: np.ndarray) -> None:
        """Add frames, (frame, height, width)."""
        levels = (frames.astype(np.float64) - self._intercept) / self._slope
        stored = np.round(levels).clip(0, 65535).astype("<u2").tobytes()
        self._digest.update(stored)
        self._file.write(stored)

    def close(self) -> None:
        """Put in the identifiers, now that the content is known, and finish the file."""
        header = self._header
        for part, placeholder in _UIDS.items():
            header = header.replace(placeholder.encode(), _identifier(part, self._digest.digest()))
        self._file.seek(0)
        self._file.write(header)
        self._file.close()

    def abandon(self) -> None:
        """Let go of the file without finishing it, on a full disk too."""
        with contextlib.suppress(OSError, ValueError):
            self._file.close()


def _slope(span: tuple[float, float]) -> str:
    """Unit of one level: a power of 2 where its digits fit, so that whole grey levels stay whole."""
    width = max(span[1] - min(span[0], 0.0), 1e-30)
    exact = repr(2.0 ** -math.floor(math.log2(65535 / width)))
    return exact if len(exact) <= 16 else _decimal(width / 65535 * (1 + 1e-8))


def _decimal(value: float) -> str:
    """As DICOM writes numbers, in at most 16 characters."""
    from pydicom.valuerep import format_number_as_ds

    return format_number_as_ds(float(value))


def _identifier(part: str, digest: bytes) -> bytes:
    """A UID of 44 characters that follows from the content."""
    number = int.from_bytes(hashlib.sha256(part.encode() + digest).digest())
    return f"2.25.{10**38 + number % (2**128 - 10**38)}".encode()


def _described(path: Path, shape: tuple[int, int, int], rate: Fraction, bright: float) -> Any:
    try:
        from pydicom.dataset import Dataset
        from pydicom.tag import Tag
    except ImportError as error:
        raise OutputError(f"{path}: install: pip install 'cleartract[formats]'") from error
    dataset = Dataset()
    empty = (
        "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
        "StudyID", "AccessionNumber", "ReferringPhysicianName", "Manufacturer",
        "PatientOrientation",
    )  # fmt: skip
    for tag in empty:  # the standard wants them to be there
        setattr(dataset, tag, None)
    dataset.SOPClassUID, dataset.SOPInstanceUID = _KIND, _UIDS["image"]
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = _UIDS["study"], _UIDS["series"]
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.DerivationDescription = "denoised with cleartract"
    dataset.SeriesDescription = "denoised with cleartract"
    dataset.Modality, dataset.ConversionType, dataset.BurnedInAnnotation = "MR", "WSD", "NO"
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.PresentationLUTShape = "IDENTITY"
    dataset.WindowCenter = _decimal(bright / 2)
    dataset.WindowWidth = _decimal(max(bright, 1e-6))
    dataset.FrameIncrementPointer = Tag("FrameTime")
    dataset.FrameTime = _decimal(float(1000 / rate))
    dataset.CineRate = dataset.RecommendedDisplayFrameRate = max(1, round(rate))
    return dataset


def _encoded(dataset: Any) -> bytes:
    """File header and all elements before the pixels."""
    from pydicom import dcmwrite
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = io.BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()
