import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio

from cleartract.evaluation import metrics


def frames(seed=0, shape=(30, 40, 44)):
    return np.random.default_rng(seed).normal(0.5, 0.1, shape)


def test_psnr_against_scikit_image_and_closed_form():
    a, b = frames(0), frames(1)
    assert metrics.psnr(a, b) == pytest.approx(peak_signal_noise_ratio(b, a, data_range=1.0))
    assert metrics.psnr(a + 0.1, a) == pytest.approx(20)
    assert metrics.psnr(a + 25.5, a, data_range=255) == pytest.approx(20)


def test_ssim_is_one_for_equal_frames_and_falls_with_noise():
    truth = np.tile(np.linspace(0, 1, 44), (3, 40, 1))
    rng = np.random.default_rng(0)
    values = [metrics.ssim(truth + s * rng.normal(size=truth.shape), truth) for s in (0, 0.05, 0.2)]
    assert values[0] == pytest.approx(1)
    assert values[0] > values[1] > values[2]


def test_frame_difference_error_ignores_what_does_not_change():
    truth = frames()
    assert metrics.frame_difference_error(truth + frames(1)[:1], truth) == pytest.approx(
        0, abs=1e-12
    )
    noisy = truth + 0.1 * np.random.default_rng(2).normal(size=truth.shape)
    assert metrics.frame_difference_error(noisy, truth) == pytest.approx(0.1 * np.sqrt(2), rel=0.02)


def test_air_noise_of_known_noise():
    rng = np.random.default_rng(0)
    clean = np.ones((50, 60, 60))
    clean[:, :20, :20] = 0
    noisy = clean + 0.03 * rng.normal(size=clean.shape)
    mask = metrics.air_mask(noisy)
    assert mask.mean() == pytest.approx(0.08, abs=0.005)
    assert mask[:20, :20].sum() == mask.sum()
    assert metrics.temporal_noise(noisy, mask) == pytest.approx(0.03, rel=0.03)
    far = np.zeros_like(mask)
    far[:12, :12] = True  # the filter reaches six pixels
    assert 0.8 * 0.03 < metrics.spatial_noise(noisy, far) < 0.03
    static = np.repeat(noisy[:1], 50, 0)
    assert metrics.temporal_noise(static, far) == pytest.approx(0)
    assert metrics.spatial_noise(static, far) > 0.02


def test_blurring_lowers_the_edge_strength():
    step = np.zeros((2, 40, 40))
    step[:, :, 20:] = 1
    assert metrics.edge_strength(step) == pytest.approx(0.5)
    soft = np.stack([metrics.gaussian_blur(s, 2.0) for s in step])
    assert metrics.edge_strength(soft) < 0.3


def test_blur_against_scipy():
    image = frames()[0]
    expected = gaussian_filter(image, 1.5, mode="reflect")
    np.testing.assert_allclose(metrics.gaussian_blur(image, 1.5), expected, atol=1e-8)
