import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from skimage.metrics import peak_signal_noise_ratio

from cleartract.evaluation import full_reference as reference


def frames(seed=0, shape=(30, 40, 44)):
    return np.random.default_rng(seed).normal(0.5, 0.1, shape)


def test_psnr_against_scikit_image_and_closed_form():
    a, b = frames(0), frames(1)
    assert reference.psnr(a, b) == pytest.approx(peak_signal_noise_ratio(b, a, data_range=1.0))
    assert reference.psnr(a + 0.1, a) == pytest.approx(20)
    assert reference.psnr(a + 25.5, a, data_range=255) == pytest.approx(20)


def test_masks_leave_out_what_lies_outside():
    truth, mask = frames(), np.zeros((40, 44), bool)
    mask[:20] = True
    wrong_outside = truth.copy()
    wrong_outside[:, 30:] += 0.3
    assert reference.psnr(wrong_outside, truth, mask=mask) > 100
    assert reference.ssim(wrong_outside, truth, mask=mask) == pytest.approx(1)
    assert reference.psnr(truth + 0.1 * mask, truth, mask=mask) == pytest.approx(20)
    assert reference.psnr(truth + 0.1 * mask, truth) == pytest.approx(20 + 10 * np.log10(2))


def test_ssim_is_one_for_equal_frames_and_falls_with_noise():
    truth = np.tile(np.linspace(0, 1, 44), (3, 40, 1))
    rng = np.random.default_rng(0)
    noisy = [truth + s * rng.normal(size=truth.shape) for s in (0, 0.05, 0.2)]
    values = [reference.ssim(x, truth) for x in noisy]
    assert values[0] == pytest.approx(1)
    assert values[0] > values[1] > values[2]
    everywhere = np.ones(truth.shape, bool)
    assert reference.ssim(noisy[2], truth, mask=everywhere) == pytest.approx(values[2], abs=0.03)


def test_frame_difference_error_ignores_what_does_not_change():
    truth = frames()
    still = reference.frame_difference_error(truth + frames(1)[:1], truth)
    assert still == pytest.approx(0, abs=1e-12)
    noisy = truth + 0.1 * np.random.default_rng(2).normal(size=truth.shape)
    expected = 0.1 * np.sqrt(2)
    assert reference.frame_difference_error(noisy, truth) == pytest.approx(expected, rel=0.02)


def test_kymograph_correlation_sees_motion_alone(moving_frames):
    truth = moving_frames / 200
    assert reference.kymograph_correlation(truth + 0.3, truth) == pytest.approx(1)
    frozen = np.repeat(truth.mean(0, keepdims=True), len(truth), 0)
    assert not reference.kymograph_correlation(frozen, truth) > 0.01
    late = np.roll(truth, 3, axis=0)
    assert reference.kymograph_correlation(late, truth) < 0.9


def test_seam_index_of_known_seams():
    truth, rng = frames(), np.random.default_rng(3)
    even = truth + 0.01 * rng.normal(size=truth.shape)
    assert reference.seam_index(even, truth, 8, 5) == pytest.approx(1, abs=0.05)
    # every window of 5 frames, without overlap, is off by its own constant
    seams = even + 0.05 * rng.normal(size=(6, 1, 1)).repeat(5, 0)
    assert reference.seam_index(seams, truth, 5, 5) > 2
    elsewhere = np.roll(seams, 2, axis=0) - np.roll(even, 2, axis=0) + even
    assert reference.seam_index(elsewhere, truth, 5, 5) < 1
    still = np.zeros_like(truth) + 0.01 * rng.normal(size=truth.shape)
    assert reference.seam_index(still, None, 5, 5) == pytest.approx(1, abs=0.1)
    assert np.isnan(reference.seam_index(truth, truth, 64, 40))


def test_seam_index_knows_the_shifted_last_window():
    rng = np.random.default_rng(4)
    truth = frames(shape=(48, 20, 20))
    # windows of 16 frames, 10 apart, start at 0, 10, 20, 30 and, to end with the recording, 32
    for first, expected in ((32, True), (30, True), (33, False)):
        jump = truth + 0.001 * rng.normal(size=truth.shape)
        jump[first:] += 0.1
        assert (reference.seam_index(jump, truth, 16, 10) > 2) is expected


def test_white_noise_has_a_flat_spectrum_and_blur_loses_texture():
    white = frames(shape=(60, 64, 64))
    frequency, power = reference.radial_spectrum(white)
    assert frequency[0] > 0
    assert frequency[-1] < 0.5
    assert power[2:].std() / power[2:].mean() < 0.05
    soft = gaussian_filter(white, (0, 1, 1))
    # power falls by exp(-(2 pi f s)^2), twice s^2/2 in the exponent of the amplitude
    ratio = reference.radial_spectrum(soft)[1] / power
    expected = np.exp(-((2 * np.pi * frequency) ** 2))
    np.testing.assert_allclose(ratio[2:12], expected[2:12], rtol=0.15)
    assert reference.texture_ratio(white, white) == pytest.approx(1)
    assert reference.texture_ratio(soft, white) < 0.2
    assert reference.texture_ratio(white * 1.1, white) == pytest.approx(1.21)


def test_smoothing_over_time_smears_motion(moving_frames):
    truth = moving_frames / 200
    smeared = gaussian_filter1d(truth, 3, axis=0)
    assert reference.kymograph_correlation(smeared, truth) < 0.999
    assert reference.frame_difference_error(smeared, truth) > 0.005
