from dataclasses import replace

import numpy as np
import pytest
from benchmarks.peers.denoisers import PEERS, Peer, estimated_sigma
from benchmarks.peers.protocols import Trial
from benchmarks.peers.rician import add_rician_noise
from benchmarks.peers.tuning import Tuning, run_peer, tuned

from cleartract.evaluation.full_reference import psnr
from cleartract.recordings.recording import Recording

SIGMA = 0.08


@pytest.fixture
def trial(moving_frames, recording):
    truth = (moving_frames[:16, 10:42, 14:46] / 200).clip(0)  # small, because BM4D is slow
    rng = np.random.default_rng(0)
    noisy = Recording(
        add_rician_noise(truth, SIGMA, rng), recording.rate, recording.audio, recording.sample_rate
    )
    return Trial("disc", noisy, truth, SIGMA)


SLOW = ("BM4D",)  # seconds a run


@pytest.mark.parametrize(
    "peer",
    [pytest.param(p, id=p.name, marks=[pytest.mark.slow] * (p.name in SLOW)) for p in PEERS],
)
def test_every_peer_gains_when_tuned(peer, trial):
    if not peer.installed():
        pytest.skip(f"{peer.package} is not installed: pip install -r benchmarks/requirements.txt")
    if peer.name in SLOW:  # at its nominal strength alone
        peer = replace(peer, grid=(1.0,), extends=False)
    best = tuned(peer, [trial])
    assert not best.at_edge or not peer.extends
    result = run_peer(peer, trial, best)
    assert result.shape == trial.truth.shape
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    assert psnr(result, trial.truth) > psnr(trial.noisy.frames, trial.truth) + 0.8


def test_tuning_goes_beyond_a_grid_that_is_too_small(trial):
    def shrink(frames, sigma, parameter):
        return trial.truth + 0.1 * (np.log2(parameter) - 3)

    best = tuned(Peer("shrink", shrink, "x", 1.0, (1.0, 2.0)), [trial])
    assert best.parameter == 8.0
    assert not best.undo_bias
    far = tuned(Peer("shrink", shrink, "x", 1.0, (0.25, 0.5)), [trial])
    assert far.at_edge
    fixed = tuned(Peer("shrink", shrink, "x", 1.0, (1.0, 2.0), extends=False), [trial])
    assert fixed.parameter == 2.0


def test_a_blind_peer_estimates_sigma(trial):
    sigmas = []

    def spy(frames, sigma, parameter):
        sigmas.append(sigma)
        return frames

    peer = Peer("spy", spy, "x", 1.0, (1.0, 2.0))
    run_peer(peer, trial, Tuning(1.0))
    run_peer(peer, trial, Tuning(1.0, true_sigma=True))
    assert sigmas == [estimated_sigma(trial.noisy.frames), SIGMA]
