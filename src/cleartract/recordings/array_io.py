"""Recordings as NumPy arrays: .npz with frames, rate and sound; .npy with frames alone."""

from __future__ import annotations

import json
import zipfile
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np

from cleartract.errors import RecordingError
from cleartract.recordings.audio_io import as_float, companion_audio, read_audio
from cleartract.recordings.recording import Recording
from cleartract.types import exact_rate

_DAMAGED = (EOFError, MemoryError, RuntimeError, zlib.error, zipfile.BadZipFile)
UNCERTAINTY = "standard deviation"  # what such a file says its frames are
_ASSUMED_RATE = Fraction(65040, 781)


def open_array(path: Path, audio: str | Path | None = None) -> Recording:
    """Read `frames` (frame, height, width), `rate` or `fps`, `audio`, `sample_rate`.

    A .npy holds the frames alone; its rate is taken to be 65040/781 and a warning kept.

    Raises:
        RecordingError: If the file is missing, damaged, or lacks frames or a rate.
    """
    if not path.is_file():
        raise RecordingError(f"{path}: no such file")
    try:
        if path.suffix.lower() == ".npy":
            content = {"frames": np.load(path, allow_pickle=False)}
        else:
            with np.load(path, allow_pickle=False) as file:
                wanted = ("frames", "rate", "fps", "audio", "sample_rate", "kind")
                content = {name: file[name] for name in wanted if name in file.files}
    except (OSError, ValueError, *_DAMAGED) as error:
        raise RecordingError(f"{path}: not a readable array file ({error})") from error
    if "frames" not in content:
        raise RecordingError(f"{path}: holds no array named frames (frame, height, width)")
    if str(content.get("kind")) == UNCERTAINTY:
        raise RecordingError(f"{path}: holds the uncertainty of a recording; give the recording")
    frames = content["frames"]
    if frames.dtype.kind not in "uif" or frames.ndim != 3:
        raise RecordingError(
            f"{path}: frames must be real numbers (frame, height, width), "
            f"got {frames.dtype} {frames.shape}"
        )
    peak = float(np.iinfo(frames.dtype).max) if frames.dtype.kind in "ui" else None
    warnings = []
    found = content.get("rate", content.get("fps"))
    if found is None:
        if path.suffix.lower() == ".npz":
            raise RecordingError(
                f"{path}: holds no rate or fps; add it, as [numerator, denominator]"
            )
        warnings.append("no frame rate in the file: 65040/781 assumed")
    try:
        rate = _ASSUMED_RATE if found is None else _rate(found)
    except (ValueError, ZeroDivisionError, TypeError, OverflowError) as error:
        raise RecordingError(f"{path}: unusable frame rate ({error})") from error
    source = {"path": str(path), "codec": path.suffix[1:], "pixel_format": str(frames.dtype)}
    samples, sample_rate, heard = _sound(path, audio, content)
    return Recording(
        np.ascontiguousarray(frames, np.float32),
        rate,
        samples,
        sample_rate,
        peak,
        {**source, "warnings": warnings, "audio": str(heard) if heard else None},
    )


def _rate(value: np.ndarray) -> Fraction:
    if value.ndim == 0:
        return exact_rate(value.item())
    top, bottom = value.tolist()
    whole = float(top).is_integer() and float(bottom).is_integer()
    return exact_rate((int(top), int(bottom)) if whole else float(top) / float(bottom))


def _sound(path: Path, audio: str | Path | None, content: dict[str, np.ndarray]):
    if audio is None and "audio" in content and content["audio"].size:
        if "sample_rate" not in content:
            raise RecordingError(f"{path}: holds audio but no sample_rate [Hz]")
        samples = as_float(content["audio"])
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise RecordingError(f"{path}: audio must be finite and (sample,)")
        rate = content["sample_rate"]
        if rate.size != 1 or not 1000 <= float(rate.item()) <= 1_000_000:
            raise RecordingError(f"{path}: sample_rate must be one number from 1e3 to 1e6 [Hz]")
        return samples, int(rate.item()), path
    found = Path(audio) if audio else companion_audio(path)
    if found is None:
        return None, None, None
    sound = read_audio(found)
    return (*sound, found) if sound else (None, None, None)


def write_array(path: Path, recording: Recording, provenance: dict) -> None:
    """Write a .npz: `frames` float32, `rate` [numerator, denominator], sound, provenance.

    Args:
        path: Target.
        recording: What to write.
        provenance: Stored as JSON.
    """
    content = {
        "frames": recording.frames.astype(np.float32),
        "rate": np.array([recording.rate.numerator, recording.rate.denominator]),
        "provenance": np.array(json.dumps(provenance)),
    }
    if recording.audio is not None and recording.sample_rate is not None:
        content |= {"audio": recording.audio, "sample_rate": np.array(recording.sample_rate)}
    with open(path, "wb") as file:
        np.savez(file, **content)  # type: ignore[arg-type]
