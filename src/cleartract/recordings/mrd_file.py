"""Raw data of a scanner in the MRD format (ISMRMRD), read in pieces, and written.

The format is a group `dataset` with an array `xml` (the header) and an array `data` of one
acquisition a row: a header, k-space positions and samples. h5py reads it as it is, so that nothing
outside the file is followed and only what is needed is in memory.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.errors import RecordingError
from cleartract.recordings.hdf5_file import check_pieces, inside, opened
from cleartract.recordings.mrd_header import MrdHeader, parse_header

_GROUP, _HEADER, _DATA = "dataset", "xml", "data"
_NOISE = 1 << 18  # flags of acquisitions
_NO_IMAGE = sum(1 << bit for bit in (19, 22, 23, 25, 26, 27, 28, 29, 30))
_TOGETHER = 16 << 20  # read at once [bytes]
_HEADS = 64  # rows read at once for their headers alone
_NOISE_ARMS = 256  # that are enough for a covariance
_MOST_ARMS = 4_000_000
_MOST_COILS = 256
_MOST_SAMPLES = 1 << 19  # of one arm, over all coils

_COUNTERS = np.dtype(
    [("kspace_encode_step_1", "<u2"), ("kspace_encode_step_2", "<u2"), ("average", "<u2"),
     ("slice", "<u2"), ("contrast", "<u2"), ("phase", "<u2"), ("repetition", "<u2"),
     ("set", "<u2"), ("segment", "<u2"), ("user", "<u2", (8,))]
)  # fmt: skip
HEAD = np.dtype(
    [("version", "<u2"), ("flags", "<u8"), ("measurement_uid", "<u4"), ("scan_counter", "<u4"),
     ("acquisition_time_stamp", "<u4"), ("physiology_time_stamp", "<u4", (3,)),
     ("number_of_samples", "<u2"), ("available_channels", "<u2"), ("active_channels", "<u2"),
     ("channel_mask", "<u8", (16,)), ("discard_pre", "<u2"), ("discard_post", "<u2"),
     ("center_sample", "<u2"), ("encoding_space_ref", "<u2"), ("trajectory_dimensions", "<u2"),
     ("sample_time_us", "<f4"), ("position", "<f4", (3,)), ("read_dir", "<f4", (3,)),
     ("phase_dir", "<f4", (3,)), ("slice_dir", "<f4", (3,)),
     ("patient_table_position", "<f4", (3,)), ("idx", _COUNTERS), ("user_int", "<i4", (8,)),
     ("user_float", "<f4", (8,))]
)  # fmt: skip
"""Header of an acquisition, version 1 of the format."""


def is_raw(file: Any, path: Path) -> bool:
    """Whether an open HDF5 file holds raw data.

    Raises:
        RecordingError: If it takes them from another file.
    """
    group = inside(file, _GROUP, path) if _GROUP in file else None
    if group is None or not hasattr(group, "keys"):
        return False
    return _HEADER in group and _DATA in group


@dataclass(frozen=True)
class MrdFile:
    """Raw data of one real-time scan.

    Attributes:
        path: The file.
        header: Of the scan.
        rows: Rows of the acquisitions that make images, in the order of time.
        noise_rows: Rows of the acquisitions of noise.
        coils: Receive coils.
        samples: Samples of an arm.
        dimensions: Numbers for each sample's position; 0 where the file holds no trajectory.
    """

    path: Path
    header: MrdHeader
    rows: np.ndarray
    noise_rows: np.ndarray
    coils: int
    samples: int
    dimensions: int

    @classmethod
    def look_at(cls, path: Path) -> MrdFile:
        """Read the headers.

        Raises:
            RecordingError: If the file is damaged, or no two-dimensional scan of one slice.
        """
        with opened(path, "MRD") as file:
            group = inside(file, _GROUP, path)
            text = inside(group, _HEADER, path)
            if text.dtype.kind not in "OS" or text.size != 1:
                raise RecordingError(f"{path}: damaged MRD header (no text)")
            header = parse_header(_bytes(text[()]), path)
            heads = _heads(_acquisitions(file, path), path)
        imaging = (heads["flags"] & np.uint64(_NO_IMAGE | _NOISE)) == 0
        rows = np.flatnonzero(imaging)
        noise = np.flatnonzero(heads["flags"] & np.uint64(_NOISE))
        if not len(rows):
            raise RecordingError(f"{path}: holds no acquisitions of images")
        kept = heads[rows]
        shape = []
        for name in ("active_channels", "number_of_samples", "trajectory_dimensions"):
            values = np.unique(kept[name])
            if len(values) > 1:
                raise RecordingError(f"{path}: acquisitions differ in {name}; give one scan a file")
            shape.append(int(values[0]))
        for name in ("slice", "kspace_encode_step_2", "contrast", "set"):
            if len(np.unique(kept["idx"][name])) > 1:
                raise RecordingError(
                    f"{path}: holds several values of {name}; one slice of one contrast is read"
                )
        coils, samples, dimensions = shape
        if not (1 <= coils <= _MOST_COILS and samples >= 2 and coils * samples <= _MOST_SAMPLES):
            raise RecordingError(f"{path}: has arms of {samples} samples of {coils} coils")
        noise = noise[heads["active_channels"][noise] == coils]
        return cls(path, header, rows, noise, coils, samples, dimensions)

    def read(self, first: int, count: int) -> np.ndarray:
        """Samples of some arms, (coil, arm, sample) complex64.

        Raises:
            RecordingError: If they are damaged or not finite.
        """
        wanted = self.rows[first : first + count]
        result = np.empty((self.coils, len(wanted), self.samples), np.complex64)
        for place, values in enumerate(self._values(wanted, "data")):
            result[:, place] = self._complex(values)
        if not np.isfinite(result).all():
            raise RecordingError(f"{self.path}: holds samples that are not finite")
        return result

    def noise(self) -> np.ndarray | None:
        """Samples of noise alone, (coil, sample) complex64, or None."""
        parts = [
            np.ascontiguousarray(values, np.float32).view(np.complex64).reshape(self.coils, -1)
            for values in self._values(self.noise_rows[:_NOISE_ARMS], "data")
        ]
        noise = np.concatenate(parts, axis=1) if parts else np.zeros((self.coils, 0))
        usable = noise.shape[1] > self.coils and np.isfinite(noise).all() and noise.any()
        return noise.astype(np.complex64) if usable else None

    def trajectories(self) -> Iterator[np.ndarray]:
        """Positions of every arm, each (sample, dimension) float32."""
        for values in self._values(self.rows, "traj"):
            if len(values) != self.samples * self.dimensions:
                raise RecordingError(f"{self.path}: damaged trajectory ({len(values)} numbers)")
            yield np.asarray(values, np.float32).reshape(self.samples, self.dimensions)

    def _complex(self, values: np.ndarray) -> np.ndarray:
        if len(values) != 2 * self.coils * self.samples:
            raise RecordingError(
                f"{self.path}: damaged; an arm has {len(values)} numbers, not "
                f"{2 * self.coils * self.samples}"
            )
        numbers = np.ascontiguousarray(values, np.float32)
        return numbers.view(np.complex64).reshape(self.coils, self.samples)

    def _values(self, rows: np.ndarray, part: str) -> Iterator[np.ndarray]:
        """One part of some acquisitions, some read together."""
        together = max(1, _TOGETHER // (8 * self.coils * self.samples))
        with opened(self.path, "MRD") as file:
            data = _acquisitions(file, self.path)
            for begin in range(0, len(rows), together):
                some = rows[begin : begin + together]
                read = data[int(some[0]) : int(some[-1]) + 1]
                yield from read[part][some - some[0]]


def _bytes(value: Any) -> bytes:
    value = value.ravel()[0] if isinstance(value, np.ndarray) else value
    return value.encode() if isinstance(value, str) else bytes(value)


def _acquisitions(file: Any, path: Path) -> Any:
    data = inside(inside(file, _GROUP, path), _DATA, path)
    named = data.dtype.names if hasattr(data, "dtype") else None
    if named is None or not {"head", "traj", "data"} <= set(named) or data.ndim != 1:
        raise RecordingError(f"{path}: damaged; its raw data are no MRD acquisitions")
    if not 0 < data.shape[0] <= _MOST_ARMS:
        raise RecordingError(f"{path}: declares {data.shape[0]} acquisitions")
    check_pieces(data, _DATA, path)
    return data


def _heads(data: Any, path: Path) -> np.ndarray:
    """Headers of all acquisitions."""
    wanted = ("flags", "number_of_samples", "active_channels", "trajectory_dimensions", "idx")
    stored = data.dtype["head"]
    if stored.names is None or not set(wanted) <= set(stored.names):
        raise RecordingError(f"{path}: damaged; its acquisitions have no MRD header")
    return np.concatenate(
        [  # whole rows: reading one field of them, HDF5 never frees what the other fields hold
            data[begin : begin + _HEADS]["head"][list(wanted)].copy()
            for begin in range(0, len(data), _HEADS)
        ]
    )


def write_mrd(
    path: Path, header: bytes, samples: np.ndarray, positions: np.ndarray, arms: np.ndarray
) -> None:
    """Write raw data.

    Args:
        path: The file.
        header: Its XML.
        samples: (coil, arm, sample) complex64.
        positions: Of each distinct arm, kx and ky in units of the matrix (-0.5 to 0.5) and the
            density weight, (distinct arm, sample, 3).
        arms: Which of them each arm in time is, (arm,).
    """
    h5py = importlib.import_module("h5py")
    numbers = h5py.vlen_dtype(np.dtype("<f4"))
    kind = np.dtype([("head", HEAD), ("traj", numbers), ("data", numbers)])
    coils, count, length = samples.shape
    rows = np.zeros(count, kind)
    head = rows["head"]
    head["version"], head["number_of_samples"] = 1, length
    head["active_channels"] = head["available_channels"] = coils
    head["trajectory_dimensions"] = positions.shape[2]
    head["scan_counter"] = np.arange(count)
    head["idx"]["kspace_encode_step_1"] = arms % 65536
    for row in range(count):
        data = np.ascontiguousarray(samples[:, row], np.complex64)
        rows["data"][row] = data.view(np.float32).reshape(-1)
        rows["traj"][row] = np.ascontiguousarray(positions[arms[row]], np.float32).reshape(-1)
    with h5py.File(path, "w") as file:
        group = file.create_group(_GROUP)
        group.create_dataset(
            _HEADER, data=np.array([header], object), dtype=h5py.special_dtype(vlen=bytes)
        )
        group.create_dataset(_DATA, data=rows, maxshape=(None,), chunks=(64,))
