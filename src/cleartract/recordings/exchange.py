"""Recordings as xarray arrays and as napari layers, and back.

Both keep all that a recording holds: its exact rate, its sound, its peak and where it comes from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from cleartract.errors import RecordingError
from cleartract.recordings.recording import Recording

if TYPE_CHECKING:
    import xarray

_AXES = ("frame", "y", "x")
_KEY = "cleartract"


def to_xarray(recording: Recording, pixel_size: float | None = None) -> xarray.DataArray:
    """A recording as an array with named axes.

    Args:
        recording: The recording.
        pixel_size: Size of a pixel [mm]; without it, x and y count pixels.

    Returns:
        Array (frame, y, x) with the coordinates `frame` [frames], `time` of the middle of each frame [s],
        and `y` and `x` of the middle of each pixel [mm], or [pixels]. Rate and sound are attributes.
        A part of consecutive frames keeps the sound that belongs to it.

    Raises:
        RecordingError: If xarray is not installed.
    """
    try:
        import xarray
    except ImportError as error:
        raise RecordingError("xarray is not installed: pip install 'cleartract[xarray]'") from error
    count, height, width = recording.frames.shape
    number = np.arange(count)
    size, unit = (1.0, "pixels") if pixel_size is None else (pixel_size, "mm")
    coordinates = {
        "frame": ("frame", number, {"units": "frames"}),
        "time": ("frame", (number + 0.5) / float(recording.rate), {"units": "s"}),
        "y": ("y", (np.arange(height) + 0.5) * size, {"units": unit}),
        "x": ("x", (np.arange(width) + 0.5) * size, {"units": unit}),
    }
    return xarray.DataArray(
        recording.frames, coordinates, _AXES, name="frames", attrs=_described(recording)
    )


def from_xarray(array: xarray.DataArray, rate: Fraction | None = None) -> Recording:
    """The recording that an array of `to_xarray`, or another array of frames, holds.

    Args:
        array: (frame, y, x), in any order of these axes. Its frames must be consecutive.
        rate: Frames per second; needed where the array has no attribute `rate`.

    Raises:
        RecordingError: If axes are missing, frames are left out, or the rate is not known.
    """
    name = "array" if array.name is None else str(array.name)
    if sorted(str(axis) for axis in array.dims) != sorted(_AXES):
        raise RecordingError(f"{name}: its axes must be frame, y and x, not {array.dims}")
    frames = np.ascontiguousarray(array.transpose(*_AXES).values, np.float32)
    first = 0
    if "frame" in array.coords:
        number = array.coords["frame"].values
        if not (np.diff(number) == 1).all():
            raise RecordingError(f"{name}: its frames are not consecutive; a recording has no gaps")
        first = int(number[0]) if len(number) else 0
    return _recording(name, frames, array.attrs, first, rate)


def to_napari(
    recording: Recording, pixel_size: float | None = None
) -> tuple[np.ndarray, dict[str, Any], str]:
    """A recording as layer data of napari; `viewer.add_layer(Layer.create(*data))` shows it.

    Args:
        recording: The recording.
        pixel_size: Size of a pixel [mm]; without it, x and y count pixels.

    Returns:
        Frames (frame, y, x), options of the layer with axes in s and mm, and its type, `image`. Rate
        and sound are in the layer's metadata.
    """
    size, unit = (1.0, "pixel") if pixel_size is None else (pixel_size, "mm")
    options = {
        "name": str(recording.provenance.get("path", "recording")),
        "scale": (1 / float(recording.rate), size, size),
        "units": ("s", unit, unit),
        "axis_labels": _AXES,
        "metadata": {_KEY: _described(recording)},
    }
    return recording.frames, options, "image"


def from_napari(layer: Any, rate: Fraction | None = None) -> Recording:
    """The recording that a layer of napari, or layer data, holds.

    Args:
        layer: An image layer, or layer data (frames, options, type).
        rate: Frames per second; needed where the layer was not made by `to_napari`.

    Raises:
        RecordingError: If it does not hold grey frames, or the rate is not known.
    """
    if isinstance(layer, tuple):
        data, options = layer[0], layer[1] if len(layer) > 1 else {}
    else:
        data, options = layer.data, {"name": layer.name, "metadata": layer.metadata}
    name = str(options.get("name", "layer"))
    if np.ndim(data) != 3:
        raise RecordingError(
            f"{name}: must hold grey frames (frame, y, x), not {np.ndim(data)} axes"
        )
    described = dict(options.get("metadata") or {}).get(_KEY, {})
    return _recording(name, np.ascontiguousarray(data, np.float32), described, 0, rate)


def _described(recording: Recording) -> dict[str, Any]:
    """All but the frames, by values that files of xarray can hold."""
    rate = recording.rate
    described: dict[str, Any] = {
        "rate": f"{rate.numerator}/{rate.denominator}",
        "frames": len(recording),
    }
    if recording.sound is not None:
        described["audio"], described["sample_rate"] = recording.sound
    if recording.peak is not None:
        described["peak"] = recording.peak
    if recording.provenance:
        described["provenance"] = json.dumps(recording.provenance, default=str)
    return described


def _recording(
    name: str,
    frames: np.ndarray,
    described: Mapping[Any, Any],
    first: int,
    rate: Fraction | None,
) -> Recording:
    told = described.get("rate") if rate is None else rate
    try:
        known = Fraction(told) if told is not None else None
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise RecordingError(f"{name}: {told!r} is no frame rate; give rate") from error
    if known is None or known <= 0:
        raise RecordingError(f"{name}: its frame rate is not known; give rate")
    audio, sample_rate = described.get("audio"), described.get("sample_rate")
    if audio is None or sample_rate is None:
        audio, sample_rate = None, None
    else:
        audio, sample_rate = np.asarray(audio, np.float32), int(sample_rate)
        if (first, len(frames)) != (0, described.get("frames", len(frames))):  # a part
            start = round(first / known * sample_rate)
            audio = audio[start : start + round(len(frames) / known * sample_rate)]
    peak = described.get("peak")
    return Recording(
        frames,
        known,
        audio,
        sample_rate,
        None if peak is None else float(peak),
        json.loads(described.get("provenance", "{}")),
    )
