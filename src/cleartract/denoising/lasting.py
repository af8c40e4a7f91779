"""What was taken away and is taken away again in the frames nearby: noise does not last, anatomy does.

The posture of a whole recording does not tell what happens once: a pause held for a second, a slow
change. There the frames a little earlier and later are the witness: far enough away that they share no
noise, near enough to show the same anatomy. Lost frames have no noise of their own: the frames next to
the gap are theirs. How far witnesses are believed is measured, pixel by pixel.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from scipy.ndimage import correlate1d, uniform_filter, uniform_filter1d

from cleartract.denoising.residual import ResidualSplit, bright_tissue, removed_from
from cleartract.denoising.survey import Survey
from cleartract.recordings.source import CHUNK

NEAR, FAR = 0.08, 0.25  # [s]: frames farther away than the one, and no farther than the other
LEAST = 7  # [frames] on either side, however far that is: the mean of fewer is noise
_DECAY = 3.5  # of the weights of the witnesses of a lost frame, over the first of these distances
_AREA = 7  # [pixels], side of the square over which the factors are pooled


@dataclass(frozen=True)
class Span:
    """Consecutive frames and what was removed from them, (frame, height, width) each.

    Attributes:
        first: Number of the first of them [frames].
        restored: As the model leaves them, the recording's unit.
        told: What the posture tells of what was removed, see `ResidualSplit.told`.
        rest: What was removed beside the bias of magnitudes, less all that the posture tells and
            the mean; 0 in frames that were not seen.
        seen: (frame,) bool.
    """

    first: int
    restored: np.ndarray
    told: np.ndarray
    rest: np.ndarray
    seen: np.ndarray


def with_lasting(
    split: ResidualSplit, raw: Iterable[np.ndarray], restored: Iterable[np.ndarray]
) -> ResidualSplit:
    r"""The same split, with what lasts counted as repeating.

    The factor on the mean :math:`n_f` of the rest :math:`r` of the frames nearby is

    .. math:: g = \operatorname{clip}\left(\frac{\sum_f n_f r_f}{\sum_f n_f^2}, 0, 1\right)

    with both sums over a square of 7 pixels as well. The frame itself is not in its :math:`n_f`.
    For lost frames n is the mean of all frames nearby, with weights that fall to 1/e over 23 ms; their
    factor is measured on frames that are there, without those nearer than 40 ms.

    Args:
        split: By the posture alone.
        raw: All frames of the recording in order, in parts of any length, the recording's unit.
        restored: The same frames as the model leaves them.
    """
    sums = np.zeros((2, 2, *split.survey.size))  # of nearby and of between
    count = 0
    for span, *means in _with_witnesses(_spans(split, raw, restored), split.survey):
        rest, count = span.rest[span.seen], count + int(span.seen.sum())
        for (together, power), mean in zip(sums, means, strict=True):
            mean = mean[span.seen]
            together += np.einsum("fyx,fyx->yx", mean, rest, dtype=np.float64)
            power += np.einsum("fyx,fyx->yx", mean, mean, dtype=np.float64)
    factors = []
    for planes in sums:
        together, power = (uniform_filter(plane, _AREA, mode="mirror") for plane in planes)
        factors.append(np.clip(together / np.maximum(power, 1e-30), 0, 1))
    factor, (together, power) = factors[0], sums[0]
    told = (2 * factor * together - factor**2 * power) / max(count, 1)
    tissue, bright = bright_tissue(split.survey)
    more = min(float(np.mean(told[tissue])) / bright**2, split.noise**2)
    lasting = float(np.sqrt(max(more, 0.0)))
    return replace(
        split,
        factors=np.stack(factors).astype(np.float32),
        repeating=float(np.hypot(split.repeating, lasting)),
        noise=float(np.sqrt(max(split.noise**2 - lasting**2, 0.0))),
        strength=np.sqrt(np.maximum(split.strength**2 + told, 0)).astype(np.float32),
    )


def repeating_parts(
    split: ResidualSplit, raw: Iterable[np.ndarray], restored: Iterable[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Restored frames in order, and of what was removed from them the part that repeats.

    Args:
        split: See `with_lasting`.
        raw: All frames of the recording in order, in parts of any length.
        restored: The same frames as the model leaves them.
    """
    for span, nearby, between in _with_witnesses(_spans(split, raw, restored), split.survey):
        lasting = split.factors[0] * nearby
        lasting[~span.seen] = split.factors[1] * between[~span.seen]
        yield span.restored, span.told + lasting


def given_back(
    split: ResidualSplit,
    raw: Iterable[np.ndarray],
    restored: Iterable[np.ndarray],
    share: float,
    peak: float | None,
) -> Iterator[np.ndarray]:
    """Restored frames in order with a share of their repeating part; borders and range are kept.

    Args:
        split: See `with_lasting`.
        raw: All frames of the recording in order, in parts of any length.
        restored: The same frames as the model leaves them.
        share: From 0 to 1.
        peak: Largest value of the unit, or None.
    """
    least, borders = min(0.0, split.survey.minimum), split.survey.borders
    for frames, part in repeating_parts(split, raw, restored):
        result = frames + np.float32(share) * part
        np.clip(result, least, peak, out=result)
        yield borders.kept(result, frames) if borders else result


def reach(rate: Fraction) -> tuple[int, int]:
    """Frames farther away than the first number are asked, and no farther than the second [frames].

    Args:
        rate: Frames per second.
    """
    near = max(1, round(NEAR * rate))
    return near, max(near + LEAST, round(FAR * rate))


def _spans(
    split: ResidualSplit, raw: Iterable[np.ndarray], restored: Iterable[np.ndarray]
) -> Iterator[Span]:
    """What was removed, `CHUNK` frames at a time: sums do not depend on how frames come."""
    first = 0
    for before, after in zip(_chunks(raw), _chunks(restored), strict=False):
        numbers = np.arange(first, first + len(after))
        seen = split.survey.observed(numbers)
        predicted = split.predicted(first, after)
        removed, _ = removed_from(split.survey, split.sigma, before[: len(after)], after)
        rest = removed - predicted
        rest[~seen] = 0
        yield Span(first, after, split.told(predicted), rest, seen)
        first += len(after)


def _chunks(parts: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    held: list[np.ndarray] = []
    for part in parts:
        held.append(part)
        while sum(len(some) for some in held) >= CHUNK:
            together = np.concatenate(held) if len(held) > 1 else held[0]
            yield together[:CHUNK]
            held = [together[CHUNK:]]
    if any(len(some) for some in held):
        yield np.concatenate(held)


def _with_witnesses(
    spans: Iterable[Span], survey: Survey
) -> Iterator[tuple[Span, np.ndarray, np.ndarray]]:
    """Each span, and for each of its frames two means of the rest of the frames nearby that are
    there: over those neither too near nor too far, and as it is for lost frames, which is 0 in
    recordings that have none."""
    _, far = reach(survey.rate)
    waiting: deque[Span] = deque()
    past: list[Span] = []

    def finished() -> tuple[Span, np.ndarray, np.ndarray]:
        span = waiting.popleft()
        around = [*past, span, *waiting]
        rest = np.concatenate([part.rest for part in around])
        seen = np.concatenate([part.seen for part in around])
        here = slice(span.first - around[0].first, span.first - around[0].first + len(span.rest))
        low, high = max(here.start - far, 0), here.stop + far
        inside = slice(here.start - low, here.stop - low)
        means = _witnesses(rest[low:high], seen[low:high], survey)
        past.append(span)
        while past[0].first + len(past[0].rest) <= span.first + len(span.rest) - far:
            past.pop(0)
        return span, means[0][inside], means[1][inside]

    for span in spans:
        waiting.append(span)
        while waiting and span.first + len(span.rest) >= (
            waiting[0].first + len(waiting[0].rest) + far
        ):
            yield finished()
    while waiting:
        yield finished()


def _witnesses(rest: np.ndarray, seen: np.ndarray, survey: Survey) -> tuple[np.ndarray, np.ndarray]:
    """The two means of `_with_witnesses` for consecutive frames, same shape as `rest`."""
    near, far = reach(survey.rate)
    counted = seen.astype(np.float32)
    count = (_sums(counted, far) - _sums(counted, near)).round()
    nearby = (_sums(rest, far) - _sums(rest, near)) / np.maximum(count, 1)[:, None, None]
    if not survey.lost:
        return nearby, np.zeros_like(nearby)
    distance = np.abs(np.arange(-far, far + 1))
    weights = np.exp(-distance * _DECAY / near)
    least = np.exp(-_DECAY)  # the weight of one frame as far away as `near`: farther ones fade out

    def mean(weights: np.ndarray) -> np.ndarray:
        total = correlate1d(rest, weights, axis=0, mode="constant")
        power = correlate1d(counted, weights, mode="constant")
        return total / np.maximum(power, least)[:, None, None]

    between = mean(np.where(distance > near // 2, weights, 0))
    between[~seen] = mean(weights)[~seen]
    return nearby, between


def _sums(values: np.ndarray, reach: int) -> np.ndarray:
    """Sums over the frames no farther away than `reach` [frames], same shape."""
    return (2 * reach + 1) * uniform_filter1d(values, 2 * reach + 1, axis=0, mode="constant")
