"""Recordings in MATLAB files: version 5 by SciPy, version 7.3 (which is HDF5) by h5py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.errors import RecordingError
from cleartract.recordings.hdf5_file import datasets, opened, reading
from cleartract.recordings.sound import Sound, companion_sound, open_sound
from cleartract.recordings.source import CHUNK
from cleartract.recordings.stored import (
    Stored,
    agreed_rate,
    choose_frames,
    magnitude,
    stored_rate,
    stored_sound,
)

_ORDER = ("frames", "recon", "recon_Re", "image", "img_recon", "video", "data")  # the best first
_TYPES = {
    "double": "float64", "single": "float32", "int8": "int8", "uint8": "uint8", "int16": "int16",
    "uint16": "uint16", "int32": "int32", "uint32": "uint32", "int64": "int64", "uint64": "uint64",
}  # fmt: skip
_NO_NUMBERS = ("logical", "char", "cell", "struct", "function_handle", "string")
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


class MatlabSource:
    """Frames of a .mat file; see `FrameSource`.

    The frames are a real or complex array (row, column, frame), by preference one named `frames`,
    `recon`, `image`, `img_recon`, `video` or `data`, or the pair `recon_Re` and `recon_Im`. Complex
    frames are given by their magnitude. The rate is `rate`, `fps`, `frame_rate` or `FrameRate`, one
    number or numerator and denominator. The sound is `audio`, `sound` or `y` with `Fs` or
    `sample_rate` [Hz], or a sound file of the same name.

    Version 7.3 is read in slices; of version 5 the array of frames is loaded for each pass.

    Args:
        path: .mat.
        audio: A sound file instead of the file's own sound.
        rate: Frames per second, where the file holds none.

    Raises:
        RecordingError: If the file is missing or damaged, if none of its arrays can be the frames
            or several can, if it lacks a rate or contradicts the one given, or if h5py is needed
            and not installed.
    """

    def __init__(self, path: Path, audio: Path | None = None, rate: Fraction | None = None):
        if not path.is_file():
            raise RecordingError(f"{path}: no such file")
        self.path, self.name = path, str(path)
        self._hdf5 = _is_hdf5(path)
        if self._hdf5:
            with opened(path, "MATLAB") as file:
                self._describe(_arrays_of_hdf5(file, path), audio, rate)
        else:
            with reading(path, "MATLAB"):
                self._describe(_arrays_of_version_5(path), audio, rate)

    def _describe(
        self, arrays: dict[str, Stored], audio: Path | None, rate: Fraction | None
    ) -> None:
        choice = choose_frames(self.path, arrays, _ORDER, frame_axis=2)
        self._parts, self.peak = choice.parts, choice.peak
        height, width, self.count = arrays[choice.parts[0]].shape
        self.size = (height, width)
        self.rate = agreed_rate(self.path, stored_rate(self.path, arrays), rate)
        self.sound: Sound | None = None
        if audio is not None:
            self.sound = open_sound(audio)
        else:
            self.sound = stored_sound(self.path, arrays) or companion_sound(self.path)
        self.provenance: dict[str, Any] = {
            "path": str(self.path), "codec": "mat", "pixel_format": choice.pixel_format,
            "variable": " and ".join(choice.parts), "warnings": choice.warnings,
            "audio": None if self.sound is None else str(self.sound.path or self.path),
        }  # fmt: skip

    def chunks(self) -> Iterator[np.ndarray]:
        """See `FrameSource.chunks`."""
        if not self._hdf5:
            with reading(self.path, "MATLAB"):
                whole = [_loader(self.path, name, False)() for name in self._parts]
            for first in range(0, self.count, CHUNK):
                chunk = magnitude([part[:, :, first : first + CHUNK] for part in whole])
                yield np.ascontiguousarray(chunk.transpose(2, 0, 1))
            return
        with opened(self.path, "MATLAB") as file:
            held = datasets(file, self.path)
            parts = [held[name] for name in self._parts]
            for first in range(0, self.count, CHUNK):
                chunk = magnitude([part[first : first + CHUNK] for part in parts])
                yield np.ascontiguousarray(chunk.transpose(0, 2, 1))


def _is_hdf5(path: Path) -> bool:
    """Whether the signature of HDF5 is at one of the places where it may be."""
    with reading(path, "MATLAB"), open(path, "rb") as file:
        head = file.read(4096)
    return any(head.startswith(_HDF5_SIGNATURE, place) for place in (0, 512, 1024, 2048))


def _arrays_of_hdf5(file: Any, path: Path) -> dict[str, Stored]:
    """Numbers in MATLAB's axis order, which is the reverse of the file's."""
    found = {}
    for name, dataset in datasets(file, path).items():
        kind = dataset.attrs.get("MATLAB_class", b"")
        kind = kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)
        if kind not in _NO_NUMBERS and "MATLAB_empty" not in dataset.attrs:
            found[name] = Stored(dataset.shape[::-1], dataset.dtype, _transposed(dataset))
    return found


def _transposed(dataset: Any) -> Callable[[], np.ndarray]:
    return lambda: dataset[()].T


def _arrays_of_version_5(path: Path) -> dict[str, Stored]:
    """Numbers with their type in MATLAB, as whose narrower type they may be stored."""
    import scipy.io

    return {
        name: Stored(shape, np.dtype(_TYPES[kind]), _loader(path, name, True))
        for name, shape, kind in scipy.io.whosmat(path, appendmat=False)
        if kind in _TYPES
    }


def _loader(path: Path, name: str, as_in_matlab: bool) -> Callable[[], np.ndarray]:
    """Reads one variable, in its type in MATLAB or as it is stored."""

    def load() -> np.ndarray:
        import scipy.io

        content = scipy.io.loadmat(
            path, appendmat=False, variable_names=[name], mat_dtype=as_in_matlab
        )
        if name not in content:
            raise RecordingError(f"{path}: variable {name!a} cannot be read")
        return np.asarray(content[name])

    return load
