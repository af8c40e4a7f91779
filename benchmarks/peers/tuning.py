"""Peers with their parameters: run one, or find its best parameter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.peers.denoisers import Peer, estimated_sigma
from benchmarks.peers.protocols import Trial
from benchmarks.peers.rician import undo_rician_bias
from cleartract.evaluation import full_reference as reference


@dataclass(frozen=True)
class Tuning:
    """How a peer is run.

    Attributes:
        parameter: Value of its main parameter.
        true_sigma: Whether it gets the true sigma instead of an estimate.
        undo_bias: Whether the Rician bias of its result is undone with the true sigma.
        at_edge: Whether the parameter lies at an end of all values tried.
    """

    parameter: float
    true_sigma: bool = False
    undo_bias: bool = False
    at_edge: bool = False


def run_peer(peer: Peer, trial: Trial, tuning: Tuning) -> np.ndarray:
    """A peer on one trial, (frame, height, width) float32."""
    frames = trial.noisy.frames
    sigma = trial.sigma if tuning.true_sigma else estimated_sigma(frames)
    result = np.asarray(peer.run(frames, sigma, tuning.parameter), np.float32)
    return undo_rician_bias(result.clip(0), trial.sigma) if tuning.undo_bias else result


def tuned(peer: Peer, trials: list[Trial]) -> Tuning:
    """The best that the peer can do on the tuning trials, by mean PSNR against the truth.

    Every value of the grid is tried with the true sigma, with and without undoing the Rician
    bias; where the best value lies at an end, the grid is extended by up to three values.
    """
    tried: dict[float, tuple[float, bool]] = {}

    def quality(parameter: float) -> float:
        if parameter not in tried:
            plain = [run_peer(peer, t, Tuning(parameter, true_sigma=True)) for t in trials]
            unbiased = [
                undo_rician_bias(r.clip(0), t.sigma) for r, t in zip(plain, trials, strict=True)
            ]
            scores = [
                float(
                    np.mean([reference.psnr(r, t.truth) for r, t in zip(rs, trials, strict=True)])
                )
                for rs in (plain, unbiased)
            ]
            tried[parameter] = (max(scores), scores[1] > scores[0])
        return tried[parameter][0]

    best = max(peer.grid, key=quality)
    for _ in range(3 if peer.extends else 0):
        ordered = sorted(tried)
        if best == ordered[-1]:
            further = best * ordered[-1] / ordered[-2]
        elif best == ordered[0]:
            further = best * ordered[0] / ordered[1]
        else:
            break
        best = max((best, further), key=quality)
    at_edge = best in (min(tried), max(tried))
    return Tuning(best, True, tried[best][1], at_edge)
