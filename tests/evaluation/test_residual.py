import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from cleartract.evaluation.consistency import consistency
from cleartract.evaluation.residual import residual_audit, residual_frames
from cleartract.evaluation.rician import add_rician_noise, rician_mean, undo_rician_bias
from cleartract.evaluation.uncertainty import coverage, spread_correlation


@pytest.fixture
def clean():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:64, :64]
    texture = gaussian_filter(rng.normal(size=(64, 64)), 1.0)
    still = (x > 16) * (0.6 + 0.15 * texture / texture.std())
    moving = [0.3 * (np.hypot(y - 32 - 8 * np.sin(t / 3), x - 40) < 9) for t in range(40)]
    return still + np.stack(moving)


REGIONS = {"air": np.zeros((64, 64), bool), "tissue": np.zeros((64, 64), bool)}
REGIONS["air"][:, :12] = True
REGIONS["tissue"][:, 20:] = True


def test_white_noise_passes_the_audit(clean):
    noisy = clean + 0.05 * np.random.default_rng(1).normal(size=clean.shape)
    found = residual_audit(noisy, clean, **REGIONS)
    assert abs(found["edges"]) < 0.1
    assert abs(found["motion"]) < 0.02
    assert found["structure"] < 0.02
    assert found["static"] < 0.05
    assert abs(found["lag"]) < 0.03
    assert found["spectrum"] < 0.05


def test_coloured_noise_passes_and_coloured_tissue_does_not(clean):
    rng = np.random.default_rng(6)
    coloured = gaussian_filter(rng.normal(size=clean.shape), (0, 0.8, 0.8))
    coloured *= 0.05 / coloured.std()
    assert residual_audit(clean + coloured, clean, **REGIONS)["spectrum"] < 0.1
    white = 0.05 * rng.normal(size=clean.shape)
    mixed = np.where(REGIONS["tissue"], coloured, white)
    assert residual_audit(clean + mixed, clean, **REGIONS)["spectrum"] > 0.3


def test_noise_that_sits_on_edges_is_noticed(clean):
    edges = np.hypot(*np.gradient(clean, axis=(1, 2)))
    noise = edges * np.random.default_rng(7).normal(size=clean.shape)
    assert residual_audit(clean + noise, clean, **REGIONS)["edges"] > 0.5


def test_lost_structure_and_lost_motion_fail_it(clean):
    noisy = clean + 0.02 * np.random.default_rng(1).normal(size=clean.shape)
    blurred = residual_audit(noisy, gaussian_filter(clean, (0, 1.5, 1.5)), **REGIONS)
    assert blurred["structure"] > 0.3
    assert blurred["static"] > 0.3
    smeared = residual_audit(noisy, gaussian_filter(clean, (4, 0, 0)), **REGIONS)
    assert smeared["motion"] > 0.3
    assert smeared["lag"] > 0.2


def test_residual_picture_is_grey_where_nothing_was_removed(clean):
    assert (np.abs(residual_frames(clean, clean).astype(int) - 127.5) < 1).all()
    assert residual_frames(clean + 0.25, clean).min() == 255


def test_rician_mean_against_samples_and_limits():
    rng = np.random.default_rng(2)
    for signal in (0.0, 0.5, 1.0, 3.0, 10.0):
        frames = add_rician_noise(np.full((4, 400, 400), signal * 0.1), 0.1, rng)
        expected = float(rician_mean(np.array(signal * 0.1), 0.1))
        assert frames.mean() == pytest.approx(expected, rel=0.003)
    assert rician_mean(np.array(0.0), 1.0) == pytest.approx(np.sqrt(np.pi / 2), rel=1e-6)
    signal = np.linspace(0.2, 3, 50)
    np.testing.assert_allclose(undo_rician_bias(rician_mean(signal, 0.1), 0.1), signal, rtol=1e-3)


def test_coloured_noise_keeps_its_deviation():
    rng = np.random.default_rng(3)
    frames = add_rician_noise(np.full((20, 64, 64), 2.0), 0.05, rng, blur=0.8)
    assert frames.std() == pytest.approx(0.05, rel=0.03)
    neighbours = np.corrcoef(frames[:, :, 1:].ravel(), frames[:, :, :-1].ravel())[0, 1]
    assert neighbours > 0.5


@pytest.mark.parametrize("samples", [2, 4, 16])
@pytest.mark.parametrize("nominal", [0.5, 0.9])
def test_coverage_is_nominal_for_a_gaussian(samples, nominal):
    rng = np.random.default_rng(4)
    centre = rng.normal(size=(20, 30, 30))
    drawn = centre + 0.3 * rng.normal(size=(samples, *centre.shape))
    truth = centre + 0.3 * rng.normal(size=centre.shape)
    found = coverage(drawn.mean(0), drawn.std(0, ddof=1), truth, samples, nominal)
    assert found == pytest.approx(nominal, abs=0.015)
    narrow = coverage(drawn.mean(0), 0.3 * drawn.std(0, ddof=1), truth, samples, nominal)
    assert narrow < nominal - 0.1


def test_spread_correlation_of_known_spread():
    rng = np.random.default_rng(5)
    spread = np.exp(rng.normal(size=(5, 8, 8))).repeat(4, 1).repeat(4, 2)
    truth = np.zeros_like(spread)
    assert spread_correlation(spread * rng.normal(size=spread.shape), spread, truth) > 0.8
    shuffled = rng.permutation(spread.ravel()).reshape(spread.shape)
    assert abs(spread_correlation(shuffled, spread, truth)) < 0.2


def test_consistency_of_a_copy_and_of_a_constant(recording):
    assert consistency(recording, lambda r: r.frames) == pytest.approx(1)
    assert consistency(recording, lambda r: np.ones_like(r.frames)) == 0
    half = consistency(recording, lambda r: 0.5 * r.frames)
    assert half == pytest.approx(0.5)
