"""Named arrays in a file: which are the frames, their rate, their sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from cleartract.errors import RecordingError
from cleartract.recordings.sound import ArraySound, as_float
from cleartract.recordings.sound_stream import check_samples
from cleartract.types import exact_rate

RATE_NAMES = ("rate", "fps", "frame_rate", "framerate")
_SOUND_NAMES = ("audio", "sound", "y")
_SAMPLE_RATE_NAMES = ("fs", "sample_rate", "samplerate")
_PAIR = ("recon_Re", "recon_Im")  # only together
_SIDES = (16, 1024)  # [pixels]
_MOST_FRAMES = 10_000_000
_MOST_SAMPLES = 1 << 29  # of sound, over all channels
_MOST_CHANNELS = 8
_TOLERANCE = 1e-6  # relative difference of two frame rates that are the same


@dataclass(frozen=True)
class Stored:
    """An array in a file.

    Attributes:
        shape: In the axis order of the program that wrote it.
        dtype: Of one number; complex numbers may be a pair of fields.
        load: Reads the whole, in the same order.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    load: Callable[[], np.ndarray]


@dataclass(frozen=True)
class Choice:
    """The arrays that hold the frames.

    Attributes:
        parts: One name, or two: real part and imaginary part.
        dtype: Of one number.
        warnings: What to tell about the choice.
    """

    parts: tuple[str, ...]
    dtype: np.dtype
    warnings: list[str]

    @property
    def peak(self) -> float | None:
        """Largest value of whole numbers of this type, or None."""
        whole = self.dtype.kind in "ui" and len(self.parts) == 1
        return float(np.iinfo(self.dtype).max) if whole else None

    @property
    def pixel_format(self) -> str:
        """For the provenance: `uint16`, `float64`, `complex float32`."""
        if self.dtype.names:
            return f"complex {self.dtype[0]}"
        return f"complex {self.dtype}" if len(self.parts) == 2 else str(self.dtype)


def is_number(dtype: np.dtype) -> bool:
    """Whether values of a type are real or complex numbers."""
    if dtype.names in (("real", "imag"), ("r", "i")):
        return all(dtype[part].kind in "uif" for part in (0, 1))
    return dtype.kind in "uifc"


def listed(names: Sequence[str]) -> str:
    """Names for a message of one line, whatever characters they hold."""
    quoted = [ascii(name) for name in names]
    return ", ".join(quoted[:6]) + (", ..." if len(quoted) > 6 else "")


def choose_frames(
    path: Path, arrays: dict[str, Stored], order: Sequence[str], frame_axis: int
) -> Choice:
    """Find the frames among the arrays of three axes.

    Args:
        path: Named in errors.
        arrays: By name.
        order: Names of frames, the best first; case is ignored.
        frame_axis: Where frames are counted, 0 or 2.

    Raises:
        RecordingError: If none can be the frames, or several can.
    """
    fitting: dict[tuple[str, ...], Stored] = {}
    wrong_size = ""
    for name, array in arrays.items():
        if len(array.shape) != 3:
            continue
        sides = array.shape[1:] if frame_axis == 0 else array.shape[:2]
        frames = array.shape[frame_axis]
        low, high = _SIDES
        if all(low <= side <= high for side in sides) and 1 <= frames <= _MOST_FRAMES:
            fitting[(name,)] = array
        else:
            wrong_size = (
                f"; {name!a} is {sides[0]} x {sides[1]} with {frames} frames, but frames must"
                f" be {low} to {high} pixels high and wide and at most {_MOST_FRAMES}"
            )
    real, imaginary = (fitting.pop((name,), None) for name in _PAIR)
    if real is not None and imaginary is not None:
        if real.shape != imaginary.shape:
            raise RecordingError(f"{path}: {' and '.join(_PAIR)} differ in size")
        fitting[_PAIR] = real
    if not fitting:
        found = listed(list(arrays)) or "nothing"
        raise RecordingError(f"{path}: holds no frames{wrong_size or f'; found: {found}'}")
    names = [" and ".join(parts) for parts in fitting]
    ranks = {name.lower(): index for index, name in enumerate(order)}
    ranked = sorted(fitting, key=lambda parts: ranks.get(parts[0].lower(), len(ranks)))
    if len(ranked) > 1 and ranked[0][0].lower() not in ranks:
        raise RecordingError(
            f"{path}: several arrays could be the frames ({listed(names)}); name one frames"
        )
    chosen = ranked[0]
    several = f"several arrays could be the frames ({listed(names)}): {listed(chosen)} used"
    return Choice(chosen, fitting[chosen].dtype, [several] if len(ranked) > 1 else [])


def magnitude(parts: list[np.ndarray]) -> np.ndarray:
    """Real numbers as they are, complex ones by their magnitude, float32 in the same shape.

    Args:
        parts: One array, real, complex or with a field for each part; or real and imaginary part.
    """
    if parts[0].dtype.names:
        parts = [parts[0][part] for part in parts[0].dtype.names]
    values = np.hypot(*parts) if len(parts) == 2 else parts[0]
    return (np.abs(values) if values.dtype.kind == "c" else values).astype(np.float32)


def stored_rate(path: Path, arrays: dict[str, Stored]) -> Fraction | None:
    """The frame rate that a file holds as a number, or as numerator and denominator, or None.

    Raises:
        RecordingError: If it is not positive and finite.
    """
    rate = _first(arrays, RATE_NAMES, most=2)
    if rate is None:
        return None
    try:
        numbers = [float(number) for number in rate.load().ravel()]
        if len(numbers) == 2 and all(number.is_integer() for number in numbers):
            return exact_rate((int(numbers[0]), int(numbers[1])))
        return exact_rate(numbers[0] / (numbers[1] if len(numbers) == 2 else 1.0))
    except (ValueError, ZeroDivisionError, TypeError, OverflowError) as error:
        raise RecordingError(f"{path}: unusable frame rate ({error})") from error


def agreed_rate(path: Path, stored: Fraction | None, told: Fraction | None) -> Fraction:
    """The frame rate of the file, or the one that was told.

    Raises:
        RecordingError: If there is none, or the two differ by more than 1e-6 of the rate.
    """
    if told is None:
        if stored is None:
            raise RecordingError(f"{path}: holds no frame rate; give --rate")
        return stored
    if stored is not None and abs(stored - told) > told * _TOLERANCE:
        raise RecordingError(f"{path}: holds {stored} frames a second; leave out the rate {told}")
    return told


def stored_sound(path: Path, arrays: dict[str, Stored]) -> ArraySound | None:
    """The sound that a file holds with its sample rate [Hz], or None; channels are averaged.

    Raises:
        RecordingError: If it has no usable sample rate, or values that are not finite.
    """
    sound = _first(arrays, _SOUND_NAMES, most=_MOST_SAMPLES, least=2)
    stored = _first(arrays, _SAMPLE_RATE_NAMES)
    if sound is None or (stored is None and "y" in arrays and sound is arrays["y"]):
        return None
    if stored is None:
        raise RecordingError(f"{path}: holds sound but no sample_rate [Hz]; give a sound file")
    rate = float(stored.load().item())
    if not 1000 <= rate <= 1_000_000:
        raise RecordingError(f"{path}: sample_rate must be one number from 1e3 to 1e6 [Hz]")
    samples = np.squeeze(as_float(sound.load()))
    if samples.ndim == 2 and min(samples.shape) <= _MOST_CHANNELS:
        samples = samples.mean(int(np.argmin(samples.shape)))
    if samples.ndim != 1 or not np.isfinite(samples).all():
        raise RecordingError(f"{path}: sound must be finite and (sample, channel)")
    check_samples(samples, path)
    return ArraySound(samples, int(rate))


def _first(
    arrays: dict[str, Stored], names: Sequence[str], most: int = 1, least: int = 1
) -> Stored | None:
    lower = {name.lower(): array for name, array in arrays.items()}
    for name in names:
        array = arrays.get(name) or lower.get(name)
        if array is None or array.dtype.kind not in "uif":
            continue
        if least <= int(np.prod(array.shape, dtype=object)) <= most:
            return array
    return None
