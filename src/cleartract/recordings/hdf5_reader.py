"""Reconstructions in HDF5: `recon.h5` of the USC 75-speaker set, and plain frames."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.errors import RecordingError
from cleartract.recordings.hdf5_file import datasets, opened
from cleartract.recordings.mrd_file import is_raw
from cleartract.recordings.sound import Sound, companion_sound, open_sound, sound_of_usc
from cleartract.recordings.source import CHUNK, FrameSource
from cleartract.recordings.stored import (
    RATE_NAMES,
    Stored,
    agreed_rate,
    choose_frames,
    is_number,
    listed,
    magnitude,
    stored_rate,
    stored_sound,
)

USC_RATE = Fraction(125_000, 1501)  # two arms of 6.004 ms a frame
_ORDER = ("frames", "recon", "recon_Re", "image")  # the best first
_NAMES = (*_ORDER, "recon_Im")
_BY_MATLAB = ("recon", "recon_Re")


def open_hdf5(path: Path, audio: Path | None = None, rate: Fraction | None = None) -> FrameSource:
    """Frames of an .h5, .hdf5 or .mrd file; raw data are reconstructed with the default settings.

    Arguments and errors as `Hdf5Source` and `RawSource`.
    """
    if not path.is_file():
        raise RecordingError(f"{path}: no such file")
    with opened(path) as file:
        raw = is_raw(file, path)
    if not raw:
        return Hdf5Source(path, audio, rate)
    from cleartract.recordings.raw_source import RawSource

    return RawSource(path, audio, rate)


class Hdf5Source:
    """Frames of an .h5 or .hdf5 file, read in slices; see `FrameSource`.

    The first of these arrays is taken; complex frames are given by their magnitude:

    - `frames`: (frame, height, width).
    - `recon`, or `recon_Re` with `recon_Im`: written by MATLAB as (row, column, frame), which is
      (frame, column, row) in the file.
    - `image`: (frame, x, y), by the Python script of the USC set if complex. Such frames are
      rotated by 90 degrees, as that script does before it shows them.

    The rate is an array or attribute `rate`, `fps` or `frame_rate`. Without one it is 125000/1501
    for the USC set: an array `recon`, or a name like `*_recon.h5`. The sound is an array `audio`
    with `sample_rate` [Hz], or `../audio/<name>_audio.wav`, or a sound file of the same name.

    Args:
        path: .h5 or .hdf5.
        audio: A sound file instead.
        rate: Frames per second, where the file holds none.

    Raises:
        RecordingError: If the file is missing or damaged, holds no such frames, refers to other
            files, lacks a rate or contradicts the one given, or if h5py is not installed.
    """

    def __init__(self, path: Path, audio: Path | None = None, rate: Fraction | None = None):
        if not path.is_file():
            raise RecordingError(f"{path}: no such file")
        self.path, self.name = path, str(path)
        with opened(path) as file:
            held = datasets(file, path)
            arrays = {name: _stored(dataset) for name, dataset in held.items()}
            named = {name: arrays[name] for name in _NAMES if name in arrays}
            if not named:
                raise RecordingError(_none_named(path, list(file)))
            choice = choose_frames(path, named, _ORDER, frame_axis=0)
            frames = held[choice.parts[0]]
            arrays |= _attributes(file) | _attributes(frames)
            stored = stored_rate(path, arrays)
            self.sound: Sound | None = None
            if audio is None:
                self.sound = stored_sound(path, arrays)
            self.count, *sides = frames.shape
        if audio is not None:
            self.sound = open_sound(audio)
        elif self.sound is None:
            self.sound = sound_of_usc(path, "_recon") or companion_sound(path)
        warnings = choice.warnings
        self._parts, self.peak = choice.parts, choice.peak
        self._transposed = self._parts[0] in _BY_MATLAB
        self._rotated = self._parts == ("image",) and choice.pixel_format.startswith("complex")
        if self._rotated:
            warnings.append("frames of 'image' are rotated by 90 degrees, as by the USC scripts")
        self.size = (sides[0], sides[1])
        if self._transposed or self._rotated:
            self.size = (sides[1], sides[0])
        if stored is None and rate is None and (path.stem.endswith("_recon") or "recon" in named):
            stored = USC_RATE
            warnings.append("no frame rate in the file: 125000/1501 of the USC set assumed")
        self.rate = agreed_rate(path, stored, rate)
        self.provenance: dict[str, Any] = {
            "path": str(path), "codec": path.suffix[1:].lower(), "pixel_format": choice.pixel_format,
            "variable": " and ".join(self._parts), "warnings": warnings,
            "audio": None if self.sound is None else str(self.sound.path or path),
        }  # fmt: skip

    def chunks(self) -> Iterator[np.ndarray]:
        """See `FrameSource.chunks`."""
        with opened(self.path) as file:
            held = datasets(file, self.path)
            parts = [held[name] for name in self._parts]
            for first in range(0, self.count, CHUNK):
                chunk = magnitude([part[first : first + CHUNK] for part in parts])
                if self._transposed:
                    chunk = chunk.transpose(0, 2, 1)
                elif self._rotated:
                    chunk = np.rot90(chunk, axes=(1, 2))
                yield np.ascontiguousarray(chunk)


def _stored(dataset: Any) -> Stored:
    return Stored(dataset.shape, dataset.dtype, lambda: dataset[()])


def _attributes(item: Any) -> dict[str, Stored]:
    """Frame rates that are attributes."""
    found = {}
    for name in RATE_NAMES:
        if name in item.attrs:
            value = np.asarray(item.attrs[name])
            if is_number(value.dtype):
                found[name] = Stored(value.shape, value.dtype, value.copy)
    return found


def _none_named(path: Path, found: list[str]) -> str:
    if "dataset" in found:
        return f"{path}: holds raw data (MRD) and no frames; give their reconstruction"
    wanted = "frames (frame, height, width), recon or image"
    return f"{path}: holds no array named {wanted}; found: {listed(found) or 'nothing'}"
