"""Shape aliases and exact rates, shared by the whole package."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Float

Frames = Float[np.ndarray, "frame height width"]
"""Grey video, (frame, height, width), float32."""

Waveform = Float[np.ndarray, " sample"]
"""Mono sound, (sample,), float32 in [-1, 1]."""


def exact_rate(value: Any) -> Fraction:
    """Frame rate as a Fraction, whatever the library's own rational type.

    Args:
        value: Fraction, int, (numerator, denominator), an object with these attributes, or a
            float [frames/s], which is rounded to the nearest fraction below 1/100000.

    Raises:
        ValueError: If the rate is not positive and finite.
    """
    if isinstance(value, float | np.floating):
        rate = Fraction(float(value)).limit_denominator(100_000)
    elif hasattr(value, "numerator") and hasattr(value, "denominator"):
        rate = Fraction(int(value.numerator), int(value.denominator))
    elif isinstance(value, list | tuple | np.ndarray) and len(value) == 2:
        rate = Fraction(int(value[0]), int(value[1]))
    else:
        rate = Fraction(value)
    if rate <= 0:
        raise ValueError(f"a frame rate must be positive, got {value}")
    return rate
