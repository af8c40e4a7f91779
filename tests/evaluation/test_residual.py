import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from cleartract.evaluation.residual import residual_audit


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
    audit = residual_audit(noisy, clean, **REGIONS)
    assert abs(audit["edges"]) < 0.1
    assert abs(audit["motion"]) < 0.02
    assert audit["structure"] < 0.02
    assert audit["static"] < 0.05
    assert abs(audit["lag"]) < 0.03
    assert audit["spectrum"] < 0.05


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
