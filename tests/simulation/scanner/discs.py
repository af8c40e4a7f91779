"""Frames of a moving disc."""

import numpy as np


def frames(count=6, size=40):
    y, x = np.mgrid[:size, :size]
    return np.stack(
        [1 / (1 + np.exp(np.hypot(y - 20 - t, x - 20) - 9)) for t in range(count)]
    ).astype(np.float32)
