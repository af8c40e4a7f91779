"""Movement as large as a speaker's: frames predicted from sound move less, because they are a mean."""

from __future__ import annotations

import numpy as np

COMPONENTS = 12  # of the reference's movement; the rest is mostly noise
MOST = 3.0  # times that the movement is magnified at most
_MOVING = 0.2  # share of the pixels, those of the greatest variance
_LEARNED = 1000  # [frames], about, from which the components are taken


def speaker_gain(known: np.ndarray, held_out: np.ndarray, made: np.ndarray) -> float:
    r"""Factor on departures from the mean frame that gives a prediction the speaker's amplitude.

    A regression predicts the mean of all postures that fit the sound; the share of the variance
    that it explains, R^2, is also the variance that it has. Its amplitude is short by

    .. math:: g = \sqrt{\sum_k \operatorname{var}(v_k^T x) / \sum_k \operatorname{var}(v_k^T \hat x)}

    over the leading principal components v_k of the true frames x. It is measured on held-out
    predictions of the reference and on the new prediction, and the smaller factor is taken: new
    sound may hold more pauses. All components get one factor, so the direction of every movement,
    and its correlation with the speaker's, stay as predicted.

    Args:
        known: Frames of the reference, (frame, height, width).
        held_out: Their predictions, each learned without them, likewise.
        made: Predictions for new sound, likewise.

    Returns:
        1 to 3.
    """
    variance = known.var(0)
    moving = variance >= np.quantile(variance, 1 - _MOVING)
    true = known[:, moving] - known[:, moving].mean(0)
    chosen = true[:: max(1, len(true) // _LEARNED)]
    _, _, modes = np.linalg.svd(chosen.T @ chosen, hermitian=True)
    modes = modes[: min(COMPONENTS, len(chosen) - 1)].T

    def power(frames: np.ndarray) -> float:
        departures = frames[:, moving] - frames[:, moving].mean(0)
        return float(((departures @ modes) ** 2).sum() / len(frames))

    shown = max(power(held_out), power(made))
    return float(np.clip(np.sqrt(power(known) / max(shown, 1e-20)), 1.0, MOST))
