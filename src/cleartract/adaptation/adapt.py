r"""Adapt a model to one's own noisy recordings, of which no clean version exists.

**Learning.** The recordings as the model denoises them serve as clean frames. They are shown as the
recording shows them: what moves is weakened as view sharing or regularisation weakened it
(`transfer`), what lasts is as bright as it is there. Fresh complex noise, of the strength and of the
correlation in space and time that the recording's own noise has where nothing moves (`noise_model`),
makes noisy frames of that, and the model learns to undo it all (iterative data refinement, Zhang et
al. 2022, CVPR; a parametric bootstrap). What the model leaves in counts as signal and comes back
weaker the second time, with clean frames from the adapted model. Without the weakening the model
unlearns to undo it (measured: 3 dB worse on a recording like those of training).

Short clips of one speaker share one measurement of noise and weakening, each about its own mean; the last
quarter of all their windows judges.

**Judging.** From held-out noisy frames y = x + n with noise n of covariance S two versions are made

.. math:: y_1 = y + a z, \quad y_2 = y - z / a, \quad z \sim N(0, S)

whose noises are uncorrelated, because their covariance is S - S = 0, whatever the correlation of the
noise. So the error of y_2 predicted from y_1 ranks models as the error against x would
(Recorrupted-to-Recorrupted, Pang et al. 2021, CVPR, Theorem 1). Magnitudes lie above the signal by the
bias of Rician noise, so it is the Rician mean of the estimate, weakened as above, that has to meet y_2;
what lasts is left out, because in y_2 static artefacts are signal. Learning from this
loss itself fails at a low signal: the Rician mean hardly changes near zero, and what it leaves
undecided there grows (measured: 1.7 dB worse at a noise of a fifth of the brightest tissue).

Artefacts that follow the anatomy are signal to both: on recordings like those of training the loss
falls although the error grows. So adapted weights are refused unless they take away clearly more, on
the whole, than the weights before: what they give back could be anatomy that those took by mistake,
but noisy frames alone cannot decide that. Only the one-step estimate of observed frames is adapted;
lost frames, generation and several steps may lose.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from cleartract.adaptation.noisy_source import NoisySource
from cleartract.adaptation.settings import AdaptSettings
from cleartract.errors import RecordingError
from cleartract.model.model import Model
from cleartract.recordings.recording import Recording

LEAST_WINDOWS = 40  # that a recording, or short ones together, must hold
_SURE = 2.5  # standard errors; by chance about once in sixty times with ten windows
_MORE = 0.03  # share that has to be taken away beyond what was; less is nothing to adapt for
_TWICE = 100  # steps, from which on clean frames are made a second time


@dataclass(frozen=True)
class Adapted:
    """What came of it.

    Attributes:
        model: Adapted, or the one that came in where nothing was surely gained.
        adapted: Adapted in any case.
        gain: Fall of the held-out loss, as a share of its standard error over windows.
        given_back: Share of what was taken from held-out frames that is left in now, of the
            recording with most; below 0 more is taken away.
        kept: Whether the adapted weights are returned.
        losses: Held-out loss before and after.
        used: Recordings that were learned from.
    """

    model: Model
    adapted: Model
    gain: float
    given_back: float
    kept: bool
    losses: tuple[float, float]
    used: list[Recording]


def adapt(
    model: Model,
    recordings: list[Recording],
    settings: AdaptSettings | None = None,
    progress: Callable[[int, int, float], None] | None = None,
    left_out: Callable[[str], None] | None = None,
) -> Adapted:
    """Adapt a model to noisy recordings.

    Args:
        model: Unadapted.
        recordings: Of one protocol, with or without sound. Short ones of one speaker are pooled.
        settings: How.
        progress: Called with step, steps and the loss.
        left_out: Called with why recordings cannot be used; the others are. By default that is an error.

    Raises:
        RecordingError: If recordings of one size and rate are shorter than 40 windows together, one
            is shorter than two windows, or one has no noise; with `left_out`, if none can be used.
    """
    settings = settings or AdaptSettings()
    steps, frames, seed = settings.steps, settings.frames, settings.seed
    sources = _sources(model, recordings, frames, left_out or _refuse)
    adapted = copy.deepcopy(model).train()
    again = steps // 2 if steps >= _TWICE else steps
    trained = [
        p
        for n, p in adapted.named_parameters()
        if p.requires_grad and not n.startswith(("audio.", "inversion."))
    ]
    optimizer = torch.optim.AdamW(trained, lr=settings.learning_rate, weight_decay=0.0)
    for step in range(steps):
        rng = np.random.default_rng([seed, step])
        if step == again:
            adapted.eval()
            for source in sources:
                source.refine(adapted)
            adapted.train()
        source = sources[int(rng.integers(len(sources)))]
        rising = min(1.0, (step + 1) / 20) * 0.5 * (1 + np.cos(np.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * rising
        loss = source.learning(adapted, source.draw(settings.batch, rng), rng).mean()
        adapted.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        if progress:
            progress(step + 1, steps, loss.item())
    adapted.eval()
    with torch.no_grad():
        before, after = (_held_out(m, sources, seed) for m in (model, adapted))
    fall = before - after
    error = max(float(fall.std(ddof=1)) / np.sqrt(len(fall)), 1e-12)
    gain = float(fall.mean()) / error
    share = max(given_back(*source.held_out_frames(adapted)) for source in sources)
    kept = bool(gain > _SURE and share < -_MORE)
    means = (float(before.mean()), float(after.mean()))
    used = [clip.recording for source in sources for clip in source.clips]
    return Adapted(adapted if kept else model, adapted, gain, share, kept, means, used)


def _refuse(why: str) -> None:
    raise RecordingError(why)


def _sources(
    model: Model, recordings: list[Recording], frames: int, left_out: Callable[[str], None]
) -> list[NoisySource]:
    sources = []
    for group in pooled(recordings, frames, left_out):
        try:
            sources.append(NoisySource(group, model, frames))
        except RecordingError as error:
            left_out(str(error))
    if not sources:
        raise RecordingError("none of the recordings can be used for adaptation")
    return sources


def pooled(
    recordings: list[Recording], frames: int, left_out: Callable[[str], None] = _refuse
) -> list[list[Recording]]:
    """Recordings that are learned from together: each by itself, or all of one size and rate.

    Args:
        recordings: With their noise.
        frames: Length of a window [frames].
        left_out: See `adapt`.

    Raises:
        RecordingError: If there are too few frames.
    """
    needed = LEAST_WINDOWS * frames
    alike: dict[tuple, list[Recording]] = {}
    for recording in recordings:
        alike.setdefault((*recording.frames.shape[1:], recording.rate), []).append(recording)
    groups: list[list[Recording]] = []
    for together in alike.values():
        if len(together) > 1:
            for one in together:
                if len(one) < 2 * frames:
                    left_out(
                        f"{_name(one)}: has {len(one)} frames; give clips of {2 * frames} or more"
                    )
            together = [one for one in together if len(one) >= 2 * frames]
        if all(len(recording) >= needed for recording in together):
            groups += [[recording] for recording in together]
            continue
        total = sum(len(recording) for recording in together)
        if total < needed:
            size = "x".join(str(n) for n in together[0].frames.shape[1:])
            what = f"{_name(together[0])}: has {total} frames"
            if len(together) > 1:
                others = f"{len(together) - 1} more of {size} pixels"
                what = f"{_name(together[0])} and {others}: have {total} frames together"
            left_out(f"{what}, adaptation needs {needed}: give more of this speaker")
            continue
        groups.append(together)
    return groups


def _name(recording: Recording) -> str:
    return str(recording.provenance.get("path", "recording"))


def _held_out(model: Model, sources: list[NoisySource], seed: int) -> np.ndarray:
    """Loss of every held-out window, with the same noise for every model, (window,)."""
    losses = []
    for number, source in enumerate(sources):
        rng = np.random.default_rng([seed, 10_000 + number])
        losses += [source.loss(model, place, rng) for place in source.held_out]
    return np.array(losses)


def given_back(noisy: np.ndarray, before: np.ndarray, after: np.ndarray) -> float:
    """Regression of the change of restored frames on what was taken from the noisy ones before.

    Args:
        noisy: (frame, height, width); what lasts does not count.
        before: Restored by the weights before, likewise.
        after: Restored by the new ones, likewise.
    """
    taken, change = noisy - before, after - before
    taken, change = taken - taken.mean(0), change - change.mean(0)
    return float((taken * change).sum() / max(float((taken**2).sum()), 1e-12))
