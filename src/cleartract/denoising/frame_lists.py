"""Frames and rates as people write them: `120-127,300`, `5s`, `65040/781`."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from cleartract.errors import UsageError
from cleartract.types import exact_rate


def listed_frames(text: str, count: int) -> tuple[int, ...]:
    """Numbers of frames from single ones and ranges, both ends included; the first frame is 0.

    Args:
        text: Such as `120-127,300`.
        count: Frames of the recording [frames].

    Raises:
        UsageError: If the text is no such list, or names a frame that is not there.
    """
    numbers: set[int] = set()
    for part in text.split(","):
        written = re.fullmatch(r"\s*([0-9]+)(?:-([0-9]+))?\s*", part)
        if written is None:
            raise UsageError(f"--lost: {part.strip()!r} is no frame; write 120-127,300 or auto")
        first = int(written[1])
        last = int(written[2]) if written[2] else first
        if last < first or last >= count:
            raise UsageError(f"--lost: {part.strip()} is no range of the frames 0 to {count - 1}")
        numbers.update(range(first, last + 1))
    return tuple(sorted(numbers))


def first_frames(text: str, rate: Fraction) -> int:
    """Number of frames of a beginning: seconds with an `s`, else frames.

    Args:
        text: Such as `5s`, `2.5s` or `400`.
        rate: Frames per second.

    Raises:
        UsageError: If it is neither, or nothing is left.
    """
    written = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(s?)\s*", text)
    if written is None or not float(written[1]) > 0 or ("." in written[1] and not written[2]):
        raise UsageError(f"--preview: {text!r} is no length; write 5s, or a number of frames")
    if written[2]:
        return max(1, math.ceil(Fraction(written[1]) * rate))
    return int(written[1])


def told_rate(text: str) -> Fraction:
    """Frames per second, exact.

    Args:
        text: Such as `83.28` or `65040/781`.

    Raises:
        UsageError: If it is no rate from 1 to 1000 frames per second.
    """
    try:
        rate = exact_rate(text)
    except (ValueError, ZeroDivisionError) as error:
        raise UsageError(f"--rate: {text!r} is no frame rate; write 83.28 or 65040/781") from error
    if not 1 <= rate <= 1000:
        raise UsageError(f"--rate: {text} does not lie between 1 and 1000 frames a second")
    return rate
