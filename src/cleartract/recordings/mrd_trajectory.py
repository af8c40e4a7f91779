"""Trajectory of raw data: in the file itself, or in a MATLAB file that belongs to the sequence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.errors import RecordingError
from cleartract.recordings.hdf5_file import datasets, inside, opened, reading
from cleartract.recordings.mrd_file import MrdFile

_HALF = 0.5 * 1.01  # largest position, in units of the matrix
_LARGEST = 64 << 20  # MATLAB file [bytes]
_SIDES = (16, 512)  # [pixels]


@dataclass(frozen=True)
class Trajectory:
    """Positions of all arms in k-space.

    Attributes:
        table: Of each distinct arm kx + i ky, in units of the matrix (-0.5 to 0.5), (arm, sample)
            complex64; x runs to the right in the frame and y up.
        played: Row of the table that each arm in time was, (time,).
        density: Weight of each sample, the same for all arms, (sample,).
        discarded: Samples at the beginning of an arm that have no position.
        size: Pixels of a frame, where a MATLAB file says so.
        interleaves: Arms that sample k-space fully, where a MATLAB file says so.
        file: The MATLAB file that it comes from, or None.
    """

    table: np.ndarray
    played: np.ndarray
    density: np.ndarray
    discarded: int = 0
    size: int | None = None
    interleaves: int | None = None
    file: Path | None = None


def read_trajectory(raw: MrdFile, given: Path | None = None) -> Trajectory:
    """The trajectory of raw data.

    Args:
        raw: The raw data.
        given: MATLAB file that holds the trajectory, instead of the one that is named in the file.

    Raises:
        RecordingError: If there is none, or it does not fit the data.
    """
    if given is not None:
        return _of_matlab(given, raw)
    if raw.dimensions:
        return _inside(raw)
    if raw.header.trajectory is None:
        raise RecordingError(f"{raw.path}: holds no trajectory and names none; give --trajectory")
    name = Path(raw.header.trajectory.replace("\\", "/")).name  # beside the raw data, nowhere else
    for candidate in (name, f"{name}.mat"):
        if candidate.endswith(".mat") and (raw.path.parent / candidate).is_file():
            return _of_matlab(raw.path.parent / candidate, raw)
    wanted = name.removesuffix(".mat") + ".mat"
    raise RecordingError(
        f"{raw.path}: its trajectory is in another file, {wanted!a}; put that beside it, or give "
        "--trajectory"
    )


def _inside(raw: MrdFile) -> Trajectory:
    """Positions with every arm; the weights are those of the first one."""
    if raw.dimensions not in (2, 3):
        raise RecordingError(
            f"{raw.path}: has positions of {raw.dimensions} numbers, not kx, ky and density"
        )
    numbers: dict[bytes, int] = {}
    table: list[np.ndarray] = []
    played, density = np.empty(len(raw.rows), np.intp), None
    for time, positions in enumerate(raw.trajectories()):
        plane = np.ascontiguousarray(positions[:, :2])
        arm = numbers.setdefault(plane.tobytes(), len(numbers))
        if arm == len(table):
            table.append(plane[:, 0] + 1j * plane[:, 1])
        played[time] = arm
        if density is None and raw.dimensions == 3:
            density = positions[:, 2].copy()
    positions = np.stack(table).astype(np.complex64)
    if density is None:
        density = _density(positions[0])
    return _checked(Trajectory(positions, played, density), raw, raw.path)


def _of_matlab(path: Path, raw: MrdFile) -> Trajectory:
    """`kx`, `ky` (sample, arm), `w` and `param`, as sequences of the USC 0.55 T scanner come with.

    Arms are played in the order of the columns, again and again.
    """
    if not path.is_file():
        raise RecordingError(f"{path}: no such file")
    if path.stat().st_size > _LARGEST:
        raise RecordingError(f"{path}: too large for a trajectory")
    with reading(path, "MATLAB"):
        content = _matlab(path)
        missing = [name for name in ("kx", "ky", "w") if name not in content]
        if missing:
            raise RecordingError(f"{path}: no trajectory; it holds no {' and '.join(missing)}")
        kx, ky = (np.atleast_2d(np.asarray(content[name], np.float64)) for name in ("kx", "ky"))
        density = np.asarray(content["w"], np.float64).ravel()
        param = content.get("param")
        numbers = {
            name: _parameter(param, name)
            for name in ("pre_discard", "fov", "spatial_resolution", "interleaves", "matrix_size")
        }
    if kx.shape != ky.shape or not kx.size:
        raise RecordingError(f"{path}: kx is {kx.shape} but ky {ky.shape}")
    discarded = int(numbers["pre_discard"] or 0)
    if kx.shape[0] + discarded != raw.samples or len(density) < kx.shape[0]:
        raise RecordingError(
            f"{path}: is of another scan; it has {kx.shape[0]} positions and drops {discarded}, but "
            f"{raw.path} has arms of {raw.samples} samples"
        )
    most = np.hypot(kx, ky).max()
    if not (np.isfinite(most) and most > 0):
        raise RecordingError(f"{path}: kx and ky are not finite, or all zero")
    table = (0.5 / most * (kx - 1j * ky)).T.astype(np.complex64)
    size = None
    if numbers["fov"] and numbers["spatial_resolution"]:
        size = int(10 * numbers["fov"] / numbers["spatial_resolution"] + 1e-6)
    elif numbers["matrix_size"]:
        size = int(numbers["matrix_size"])
    if size is not None and not _SIDES[0] <= size <= _SIDES[1]:
        raise RecordingError(f"{path}: declares frames of {size} pixels; give --size")
    interleaves = int(numbers["interleaves"] or 0) or None
    played = np.arange(len(raw.rows)) % len(table)
    found = Trajectory(table, played, density[: kx.shape[0]], discarded, size, interleaves, path)
    return _checked(found, raw, path)


def holds_trajectory(path: Path) -> bool:
    """Whether a MATLAB file holds a trajectory and no frames, by the names of its variables."""
    try:
        if _is_version_5(path):
            import scipy.io

            names = {name for name, *_ in scipy.io.whosmat(path, appendmat=False)}
        else:
            with opened(path, "MATLAB") as file:
                names = set(file)
    except Exception:  # a damaged file is told where it is read
        return False
    return {"kx", "ky", "w"} <= names


def _is_version_5(path: Path) -> bool:
    with open(path, "rb") as file:
        return b"MATLAB 5.0" in file.read(128)


def _matlab(path: Path) -> dict[str, Any]:
    """Variables of a MATLAB file of any version."""
    if _is_version_5(path):
        import scipy.io

        return scipy.io.loadmat(path, appendmat=False, squeeze_me=True)
    with opened(path, "MATLAB") as file:
        content: dict[str, Any] = {
            name: item[()].T for name, item in datasets(file, path).items() if item.size < 1 << 26
        }
        group = inside(file, "param", path) if "param" in file else None
        if hasattr(group, "keys"):
            content["param"] = {
                name: item[()] for name, item in datasets(group, path).items() if item.size <= 3
            }
        return content


def _parameter(param: Any, name: str) -> float | None:
    """A number of the structure `param`; of several, as the sides of a matrix, the largest."""
    try:
        stored = np.asarray(param[name])
        value = float(np.max(stored.item() if stored.size == 1 else stored))
    except (TypeError, KeyError, ValueError, IndexError):
        return None
    return value if np.isfinite(value) and 0 <= value < 1e6 else None


def _density(arm: np.ndarray) -> np.ndarray:
    """Area that belongs to each sample of a spiral: radius times its step."""
    radius = np.abs(arm)
    area = np.abs(np.gradient(radius)) * radius
    area[0] = area[1] * 0.25
    return area.astype(np.float32)


def _checked(found: Trajectory, raw: MrdFile, path: Path) -> Trajectory:
    positions = np.stack([found.table.real, found.table.imag])
    if not np.isfinite(positions).all() or not np.isfinite(found.density).all():
        raise RecordingError(f"{path}: its trajectory is not finite")
    if not 0 < np.abs(positions).max() <= _HALF:
        raise RecordingError(
            f"{path}: its trajectory reaches {np.abs(positions).max():.3g}, not 0.5 of the matrix"
        )
    if found.density.min() < 0 or not found.density.any():
        raise RecordingError(f"{path}: its density weights are negative, or all zero")
    return found
