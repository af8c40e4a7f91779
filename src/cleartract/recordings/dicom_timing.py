"""The frame rate of a DICOM image, which may stand in many places."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableSequence
from datetime import date
from fractions import Fraction
from itertools import accumulate
from typing import Any

from cleartract.errors import RecordingError
from cleartract.types import exact_rate

TAGS = (
    "CineRate", "RecommendedDisplayFrameRate", "FrameTime", "FrameTimeVector",
    "TemporalResolution", "RepetitionTime", "AcquisitionDateTime", "AcquisitionTime",
    "TriggerTime",
)  # fmt: skip
_WHOLE = ("CineRate", "RecommendedDisplayFrameRate")  # [frames/s], whole numbers by definition
_UNEVEN = 0.02  # relative difference of two steps of time
_SAME_RATE = 1e-4  # relative difference of two statements of one rate


def chosen_rate(
    name: str, datasets: list[Any], given: Fraction | None
) -> tuple[Fraction, list[str]]:
    """Frames per second, from the first of these that the file holds.

    CineRate, RecommendedDisplayFrameRate, FrameTime, FrameTimeVector, TemporalResolution, times of
    the frames, the given rate, RepetitionTime. The first two are whole numbers: where a later one
    rounds to them, it is taken instead.

    Args:
        name: What messages call the recording.
        datasets: One for each file, in order; or one of a multi-frame file.
        given: Frames per second that the user states, or None.

    Returns:
        The rate, and warnings.

    Raises:
        RecordingError: If there is none; if frames are not evenly spaced (steps differ by more than
            2 %), or the given rate contradicts the file's.
    """
    first = datasets[0]
    whole = next((value for tag in _WHOLE if (value := _number(first, tag))), None)
    step = _step(name, first)
    times = frame_times(datasets)
    if step is not None:
        fine: Fraction | None = (1 / step).limit_denominator(100_000)
    elif given is not None and whole is None and times and not _fits(times, given):
        raise RecordingError(
            f"{name}: the times of its frames contradict {given} frames a second; "
            "leave out the rate"
        )
    else:
        fine = given or _rate_of_times(name, times, strict=whole is None)
    if whole is not None and (fine is None or abs(fine - whole) > Fraction(1, 2)):
        fine = whole
    if given is not None and fine is not None and abs(given / fine - 1) > _SAME_RATE:
        raise RecordingError(
            f"{name}: holds {float(fine):.6g} frames a second; leave out the rate {given}"
        )
    if fine is not None:
        return fine, []
    repetition = _number(first, "RepetitionTime")
    if repetition is None:
        raise RecordingError(f"{name}: holds no frame rate; give --rate")
    rate = (1000 / repetition).limit_denominator(100_000)
    return rate, [
        f"no frame rate in the file: {float(rate):.6g} frames a second taken from RepetitionTime; "
        "give --rate if a frame takes several repetitions"
    ]


class UnevenTimesError(RecordingError):
    """Frames are not evenly spaced in time."""


def shown_times(datasets: list[Any]) -> list[Fraction]:
    """Time of each frame [s], from FrameTimeVector or as `frame_times`; nothing where unknown."""
    vector = datasets[0].get("FrameTimeVector")
    if len(datasets) == 1 and isinstance(vector, MutableSequence) and len(vector) > 1:
        try:
            steps = [Fraction(str(value)) / 1000 for value in vector[1:]]
        except ValueError:
            return []
        return list(accumulate([Fraction(0), *steps]))
    return frame_times(datasets)


def frame_times(datasets: list[Any]) -> list[Fraction]:
    """Time of each frame [s], or nothing where they are incomplete or all the same."""
    single = len(datasets) == 1 and "PerFrameFunctionalGroupsSequence" in datasets[0]
    parts = datasets[0].PerFrameFunctionalGroupsSequence if single else datasets
    for read in _multiple() if single else _separate():
        times = [read(part) for part in parts]
        known = [time for time in times if time is not None]
        if len(known) == len(parts) and len(set(known)) > 1:
            return _past_midnight(known)
    return []


def seconds(text: str) -> Fraction | None:
    """Time of a DICOM date and time (YYYYMMDDHHMMSS.F) or time (HHMMSS.F) [s], or None."""
    main, _, fine = text.strip().split("+")[0].split("-")[0].partition(".")
    if not main.isdigit() or len(main) not in (6, 14) or (fine and not fine.isdigit()):
        return None
    clock = main[-6:]
    try:
        day = date(int(main[:4]), int(main[4:6]), int(main[6:8])).toordinal() if main[6:] else 0
    except ValueError:
        return None
    whole = ((day * 24 + int(clock[:2])) * 60 + int(clock[2:4])) * 60 + int(clock[4:])
    return whole + Fraction(f"0.{fine or 0}")


def _step(name: str, dataset: Any) -> Fraction | None:
    """Time between frames that the file states [s]."""
    if (value := _number(dataset, "FrameTime")) is not None:
        return value / 1000
    vector = dataset.get("FrameTimeVector")
    if isinstance(vector, MutableSequence) and len(vector) > 1:
        try:
            steps = [Fraction(str(value)) / 1000 for value in vector[1:]]  # the first frame has 0
        except ValueError as error:
            raise RecordingError(f"{name}: its FrameTimeVector is damaged") from error
        if min(steps) > 0:
            _check_even(name, steps)
            return sum(steps, Fraction()) / len(steps)
    value = _number(dataset, "TemporalResolution")
    return None if value is None else value / 1000


def _rate_of_times(name: str, times: list[Fraction], strict: bool) -> Fraction | None:
    if len(times) < 2:
        return None
    steps = [after - before for before, after in zip(times, times[1:], strict=False)]
    try:
        _check_even(name, steps)
    except RecordingError:
        if strict:
            raise
        return None
    return exact_rate(float(len(steps) / (times[-1] - times[0])))


def _check_even(name: str, steps: list[Fraction]) -> None:
    usual = sorted(steps)[len(steps) // 2]
    if usual <= 0 or any(abs(step - usual) > _UNEVEN * usual for step in steps):
        raise UnevenTimesError(
            f"{name}: frames are not evenly spaced in time ({float(min(steps)) * 1000:.6g} to "
            f"{float(max(steps)) * 1000:.6g} ms); give --resample to put them onto a constant rate, "
            "or --rate"
        )


def _fits(times: list[Fraction], rate: Fraction) -> bool:
    """Whether no frame is further than half a frame from where the rate puts it."""
    shifts = [(time - times[0]) * rate - index for index, time in enumerate(times)]
    return max(shifts) - min(shifts) < 1


def _past_midnight(times: list[Fraction]) -> list[Fraction]:
    days, result = 0, times[:1]
    for before, after in zip(times, times[1:], strict=False):
        days += before - after > 43_200
        result.append(after + 86_400 * days)
    return result


def _separate() -> Iterator[Callable[[Any], Fraction | None]]:
    """Ways to read the time of a file of one frame [s]."""
    yield lambda dataset: seconds(str(dataset.get("AcquisitionDateTime") or ""))
    yield lambda dataset: seconds(str(dataset.get("AcquisitionTime") or ""))
    yield lambda dataset: _number(dataset, "TriggerTime", Fraction(1, 1000), least=None)


def _multiple() -> Iterator[Callable[[Any], Fraction | None]]:
    """Ways to read the time of a frame within a multi-frame file [s]."""

    def offset(group: Any) -> Fraction | None:
        part = group.get("TemporalPositionSequence") or [{}]
        return _number(part[0], "TemporalPositionTimeOffset", least=None)

    def moment(tag: str) -> Callable[[Any], Fraction | None]:
        def read(group: Any) -> Fraction | None:
            part = group.get("FrameContentSequence") or [{}]
            return seconds(str(part[0].get(tag) or ""))

        return read

    yield offset
    yield moment("FrameAcquisitionDateTime")
    yield moment("FrameReferenceDateTime")


def _number(
    dataset: Any, tag: str, unit: Fraction = Fraction(1), least: int | None = 0
) -> Fraction | None:
    """A number above `least`, exactly as it is written, or None."""
    try:
        value = Fraction(str(dataset.get(tag))) * unit
    except (ValueError, ZeroDivisionError):
        return None
    return value if least is None or value > least else None
