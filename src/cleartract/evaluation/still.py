"""Truth from stretches in which the speaker holds still: their frames are replicates.

Frames of a still stretch that lie far enough apart have independent noise and, because every
interleaf contributes to their mean, no undersampling in common. Their mean is therefore a truth that
owes nothing to a model or a simulator.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from cleartract.evaluation.regions import bright_tissue

GAP = 0.08  # [s] after which noise and undersampling count as independent
LENGTH = 0.6  # [s] of a stretch
COUNT = 4  # stretches at most


@dataclass(frozen=True)
class StillStretch:
    """What a denoiser did to one still stretch, in shares of the brightest tissue.

    Attributes:
        first: Its first frame [frames].
        frames: Its length [frames].
        bias: Change of what does not change: root of the product of the mean residuals of two
            halves, which is free of noise; negative where the product is.
        noisy_error: Root mean square error of the noisy frames in tissue.
        error: That of the denoised frames.
    """

    first: int
    frames: int
    bias: float
    noisy_error: float
    error: float

    @property
    def gain(self) -> float:
        """What denoising gained [dB]; losses are negative."""
        return float(20 * np.log10(max(self.noisy_error, 1e-9) / max(self.error, 1e-9)))


def still_starts(frames: np.ndarray, rate: float, count: int = COUNT) -> list[int]:
    """First frames of the stretches that change least, none of them overlapping.

    Change is that of means over 80 ms, from one to the next and from the first to the last.

    Args:
        frames: Noisy, (frame, height, width).
        rate: Frames per second.
        count: Stretches wanted; fewer are found in short recordings.
    """
    length, width = round(LENGTH * rate), max(2, round(GAP * rate))
    if len(frames) < length or length < 4 * width:  # too few frames a second for replicates
        return []
    tissue = bright_tissue(frames)
    smooth = uniform_filter1d(frames[:, tissue].astype(np.float64), width, axis=0)
    starts = np.arange(0, len(frames) - length + 1)
    # frames of a stretch a gap and more apart, all compared with the first of them
    places = np.arange(width // 2, length - width // 2, width)
    change = np.zeros(len(starts))
    for a, b in zip(places[:-1], places[1:], strict=True):
        change += ((smooth[starts + b] - smooth[starts + a]) ** 2).mean(1)
    change += ((smooth[starts + places[-1]] - smooth[starts + places[0]]) ** 2).mean(1)
    chosen: list[int] = []
    for start in np.argsort(change, kind="stable"):
        if all(abs(int(start) - other) >= length for other in chosen):
            chosen.append(int(start))
        if len(chosen) == count:
            break
    return sorted(chosen)


def still_stretch(noisy: np.ndarray, denoised: np.ndarray, rate: float, first: int) -> StillStretch:
    """Judge a denoiser by one still stretch.

    The squared error of a frame is the product of its departures from the means of two other parts
    of the stretch, a gap apart from it and from one another: their noise does not count as error,
    as long as the result of a frame hardly depends on frames more than a gap away. Denoisers that
    average over longer look better than they are.

    Args:
        noisy: (frame, height, width).
        denoised: Same shape and scale.
        rate: Frames per second.
        first: First frame of the stretch, see `still_starts`.
    """
    length, gap = round(LENGTH * rate), max(1, round(GAP * rate))
    tissue = bright_tissue(noisy)
    bright = float(np.percentile(noisy.mean(0), 99.5))
    part = slice(first, first + length)
    raw = noisy[part][:, tissue].astype(np.float64) / bright
    result = denoised[part][:, tissue].astype(np.float64) / bright
    third = length // 3
    thirds = [slice(k * third, (k + 1) * third) for k in range(3)]
    errors = {"noisy": 0.0, "denoised": 0.0}
    for number, frames in enumerate(thirds):
        others = []
        for other, place in enumerate(thirds):
            if other != number:
                low = place.start + (gap // 2 if other > 0 else 0)
                high = place.stop - (gap - gap // 2 if other < 2 else 0)
                others.append(raw[low : max(high, low + 1)].mean(0))
        inner = slice(
            frames.start + (gap // 2 if number > 0 else 0),
            frames.stop - (gap - gap // 2 if number < 2 else 0),
        )
        for name, values in (("noisy", raw), ("denoised", result)):
            product = (values[inner] - others[0]) * (values[inner] - others[1])
            errors[name] += float(product.mean()) / 3
    half = (length - gap) // 2
    residual = result - raw
    product = (residual[:half].mean(0) * residual[-half:].mean(0)).mean()
    return StillStretch(
        first,
        length,
        float(np.sign(product) * np.sqrt(abs(product))),
        float(np.sqrt(max(errors["noisy"], 0.0))),
        float(np.sqrt(max(errors["denoised"], 0.0))),
    )


def still_truth(noisy: np.ndarray, denoised: np.ndarray, rate: float) -> dict[str, float]:
    """Means over the still stretches of a recording; empty where it has none.

    Returns:
        bias: Root mean square over stretches of the change of what does not change, signed, as a
            share of the brightest tissue.
        gain: What denoising gained against the mean of the stretch [dB].
        stretches: How many there are.
    """
    found = [still_stretch(noisy, denoised, rate, first) for first in still_starts(noisy, rate)]
    if not found:
        return {}
    bias = float(np.mean([np.sign(s.bias) * s.bias**2 for s in found]))
    power = [np.mean([getattr(s, name) ** 2 for s in found]) for name in ("noisy_error", "error")]
    if power[1] <= 0:  # less than the estimate can tell
        power[1] = np.nan
    return {
        "bias": float(np.sign(bias) * np.sqrt(abs(bias))),
        "gain": float(10 * np.log10(max(power[0], 1e-18) / power[1])),
        "stretches": float(len(found)),
    }
