import numpy as np
import pytest

from cleartract.evaluation.uncertainty import coverage, spread_correlation


@pytest.mark.parametrize("samples", [2, 4, 16])
@pytest.mark.parametrize("nominal", [0.5, 0.9])
def test_coverage_is_nominal_for_a_gaussian(samples, nominal):
    rng = np.random.default_rng(4)
    centre = rng.normal(size=(20, 30, 30))
    drawn = centre + 0.3 * rng.normal(size=(samples, *centre.shape))
    truth = centre + 0.3 * rng.normal(size=centre.shape)
    share = coverage(drawn.mean(0), drawn.std(0, ddof=1), truth, samples, nominal)
    assert share == pytest.approx(nominal, abs=0.015)
    narrow = coverage(drawn.mean(0), 0.3 * drawn.std(0, ddof=1), truth, samples, nominal)
    assert narrow < nominal - 0.1


def test_spread_correlation_of_known_spread():
    rng = np.random.default_rng(5)
    spread = np.exp(rng.normal(size=(5, 8, 8))).repeat(4, 1).repeat(4, 2)
    truth = np.zeros_like(spread)
    assert spread_correlation(spread * rng.normal(size=spread.shape), spread, truth) > 0.8
    shuffled = rng.permutation(spread.ravel()).reshape(spread.shape)
    assert abs(spread_correlation(shuffled, spread, truth)) < 0.2
