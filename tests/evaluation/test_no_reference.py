import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from cleartract.corpora.dataset import AVDataset
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.evaluation import no_reference as blind
from cleartract.evaluation.naturalness import (
    NaturalnessFit,
    naturalness_distance,
    patch_features,
)
from cleartract.evaluation.piqe import contrast_normalised, piqe
from cleartract.evaluation.regions import air_mask, airway_band, moving_band, resting_tissue


@pytest.fixture(scope="module")
def simulated(corpus):
    return SimulatedRecording.load(AVDataset(corpus, "train").entries[0].path)


def square(level=1.0, size=60, frames=50):
    clean = np.full((frames, size, size), level)
    clean[:, :20, :20] = 0
    return clean


def test_noise_of_known_noise():
    rng = np.random.default_rng(0)
    noisy = square() + 0.03 * rng.normal(size=(50, 60, 60))
    mask = air_mask(noisy)
    assert mask.mean() == pytest.approx(0.08, abs=0.005)
    assert mask[:20, :20].sum() == mask.sum()
    assert blind.temporal_noise(noisy, mask) == pytest.approx(0.03, rel=0.03)
    far = np.zeros_like(mask)
    far[:12, :12] = True  # the filter reaches six pixels
    assert 0.8 * 0.03 < blind.spatial_noise(noisy, far) < 0.03
    static = np.repeat(noisy[:1], 50, 0)
    assert blind.temporal_noise(static, far) == pytest.approx(0)
    assert blind.spatial_noise(static, far) > 0.02
    assert blind.static_share(static, far) == pytest.approx(1)
    assert blind.static_share(noisy, far) == pytest.approx(1 / np.sqrt(50), rel=0.2)


def test_flicker_is_the_deviation_of_white_noise_and_blind_to_drift():
    rng = np.random.default_rng(1)
    everywhere = np.ones((40, 40), bool)
    white = 0.02 * rng.normal(size=(200, 40, 40))
    assert blind.flicker(white, everywhere) == pytest.approx(0.02, rel=0.02)
    drift = np.linspace(0, 1, 200)[:, None, None] * np.ones((200, 40, 40))
    assert blind.flicker(drift, everywhere) == pytest.approx(0, abs=1e-12)


def test_ratios_of_known_signal_and_noise():
    rng = np.random.default_rng(2)
    noisy = square(0.8, frames=400) + 0.05 * rng.normal(size=(400, 60, 60))
    tissue = np.zeros((60, 60), bool)
    tissue[30:, 30:] = True
    air = np.zeros((60, 60), bool)
    air[:15, :15] = True
    assert blind.signal_to_noise(noisy, tissue) == pytest.approx(16, rel=0.02)
    assert blind.contrast_to_noise(noisy, tissue, air) == pytest.approx(16, rel=0.02)


def test_blurring_lowers_the_edge_strength():
    step = np.zeros((2, 40, 40))
    step[:, :, 20:] = 1
    assert blind.edge_strength(step) == pytest.approx(0.5)
    assert blind.edge_strength(gaussian_filter(step, (0, 2, 2))) < 0.3


def test_resting_tissue_is_bright_and_still():
    frames = square(frames=20)
    frames[:, 40:] *= 1 + 0.2 * np.sin(np.arange(20))[:, None, None]
    mask = resting_tissue(frames)
    assert mask.any()
    assert not mask[:20, :20].any()
    assert not mask[40:].any()
    band = moving_band(frames)
    assert band[40:].all()
    assert not band[:37].any()


def test_airway_band_holds_what_moves(simulated):
    truth = simulated.truth().frames
    size = 200 / truth.shape[2]
    band = airway_band(simulated.outlines, truth.shape[1:], size)
    assert 0.03 < band.mean() < 0.3
    change = np.abs(np.diff(truth, axis=0))
    assert change[band[1:]].mean() > 5 * change[~band[1:]].mean()


def test_contrast_normalisation_undoes_slow_shading():
    rng = np.random.default_rng(3)
    texture = rng.normal(100, 20, (64, 64))
    shading = np.linspace(0.5, 1, 64)
    plain, shaded = contrast_normalised(texture), contrast_normalised(texture * shading)
    assert np.corrcoef(plain.ravel(), shaded.ravel())[0, 1] > 0.99


def test_piqe_rises_with_noise_and_with_blocks(simulated):
    frame = simulated.truth().frames[5]
    rng = np.random.default_rng(4)
    noisy = np.hypot(frame + 0.08 * rng.normal(size=frame.shape), 0.08)
    height, width = (size // 8 * 8 for size in frame.shape)
    cut = frame[:height, :width].reshape(height // 8, 8, width // 8, 8)
    blocky = np.broadcast_to(cut.mean((1, 3), keepdims=True), cut.shape).reshape(height, width)
    assert 0 < piqe(frame) < piqe(noisy) <= 100
    assert piqe(frame) < piqe(blocky) <= 100
    assert piqe(np.ones((48, 48))) == 100


def test_natural_frames_are_nearer_than_blurred_and_noisy_ones(simulated):
    truth = simulated.truth().frames[::4]
    noisy = simulated.noisy(next(iter(simulated.reconstructions))).frames[::4]
    clean = naturalness_distance(truth)
    assert clean < naturalness_distance(noisy)
    assert clean < naturalness_distance(gaussian_filter(truth, (0, 1.2, 1.2)))
    own = NaturalnessFit.of(patch_features(truth))
    assert naturalness_distance(truth, own) == pytest.approx(0, abs=1e-6)


def test_features_of_gaussian_noise_have_the_gaussian_shape():
    rng = np.random.default_rng(5)
    frames = 100 + 20 * rng.normal(size=(6, 96, 96))
    features = patch_features(frames)
    assert features.shape[1] == 36
    assert np.isnan(naturalness_distance(np.zeros((2, 64, 64))))
    assert features[:, 0].mean() == pytest.approx(
        2.4, abs=0.6
    )  # 2 is Gaussian; windows shorten tails
