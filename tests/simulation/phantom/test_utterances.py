import numpy as np
import pytest

from cleartract.simulation.phantom import utterances


@pytest.mark.parametrize("seed", range(6))
def test_utterances_are_long_enough_and_of_known_phones(seed):
    segments = utterances.random_utterance(np.random.default_rng(seed), 2.0)
    assert sum(t for _, t in segments) >= 2.0
    known = set(utterances.DURATIONS) | {"Z"}
    assert {phone for phone, _ in segments} <= known
    assert all(t > 0 for _, t in segments)
