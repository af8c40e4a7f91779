import dataclasses

import numpy as np
import pytest

from cleartract.reconstruction.reconstruction import Reconstruction
from cleartract.simulation.scanner.scan_session import ScanSession, random_scan_session
from cleartract.simulation.scanner.scanner import Scanner
from cleartract.simulation.scanner.trajectories import USC75
from tests.laws import complex_normal

SMALL = dataclasses.replace(USC75, size=32, samples=160)


def ideal_scan_session(coils=3) -> ScanSession:
    drawn = random_scan_session(np.random.default_rng(0), SMALL.size, coils)
    return dataclasses.replace(
        drawn,
        phase=np.ones_like(drawn.phase),
        off_resonance=np.linspace(0, 1e-6, drawn.phase.size).reshape(drawn.phase.shape),
        delay=0.0,
        map_error=np.zeros_like(drawn.map_error),
    )


def smooth_object(size: int) -> np.ndarray:
    y, x = np.mgrid[:size, :size] / size - 0.5
    return np.exp(-((x / 0.2) ** 2 + (y / 0.15) ** 2)) + 0.5 * np.exp(
        -(((x - 0.1) / 0.05) ** 2 + ((y + 0.2) / 0.08) ** 2)
    )


def test_a_still_object_is_reconstructed_in_its_own_scale():
    scan_session = ideal_scan_session()
    scanner = Scanner(SMALL, scan_session)
    image = smooth_object(2 * SMALL.size)
    data = np.concatenate([scanner.acquire_state(i, image) for i in range(14)], axis=1)
    truth = scanner.truth(image)
    reconstruction = Reconstruction(SMALL, scan_session.assumed_maps)
    for frames in (
        reconstruction.view_shared(data),
        reconstruction.cg_sense(data, temporal=0.5, iterations=15),
    ):
        middle = frames[7]
        error = np.linalg.norm(np.abs(middle) - truth) / np.linalg.norm(truth)
        assert error < 0.1
        gain = (np.abs(middle) * truth).sum() / (truth**2).sum()
        assert gain == pytest.approx(1, abs=0.07)


def test_truth_is_linear_in_the_object_and_keeps_smooth_objects():
    scan_session = ideal_scan_session()
    scanner = Scanner(SMALL, scan_session)
    image = smooth_object(2 * SMALL.size)
    np.testing.assert_allclose(scanner.truth(3 * image), 3 * scanner.truth(image), rtol=1e-4)
    low = (image * scan_session.sensitivity)[::2, ::2]
    assert np.abs(scanner.truth(image) - low).max() < 0.05


def test_noise_scale_predicts_the_noise_of_a_fully_sampled_frame():
    scan_session = ideal_scan_session()
    scanner, rng = Scanner(SMALL, scan_session), np.random.default_rng(0)
    reconstruction = Reconstruction(SMALL, scan_session.assumed_maps)
    noise = complex_normal(rng, (3, 13 * 8, SMALL.samples)).astype(np.complex64)
    frames = reconstruction.view_shared(noise)[10:-10:7]
    assert frames.real.std() == pytest.approx(scanner.noise_scale(), rel=0.15)


@pytest.mark.parametrize("regularised", [False, True])
def test_the_scan_of_a_still_object_is_what_every_reconstruction_of_it_shows(regularised):
    """Blur of off-resonance, errors of maps and delay included."""
    scan_session = random_scan_session(np.random.default_rng(1), SMALL.size, 3)
    scanner, image = Scanner(SMALL, scan_session), smooth_object(2 * SMALL.size)
    reconstruction = Reconstruction(SMALL, scan_session.assumed_maps)
    scan = np.abs(reconstruction.fully_sampled(scanner.acquire_fully(image), regularised))
    data = np.concatenate([scanner.acquire_state(i, image) for i in range(40)], axis=1)
    if regularised:  # the mean of frames is free of undersampling
        shown = np.abs(reconstruction.cg_sense(data, temporal=1.0, iterations=30).mean(0))
    else:
        shown = np.abs(reconstruction.view_shared(data)[20])
    gain = (shown * scan).sum() / (scan**2).sum()
    error = np.linalg.norm(shown - gain * scan) / np.linalg.norm(scan)
    assert error < (0.03 if regularised else 1e-3)
    truth = scanner.truth(image)
    gain = (truth * scan).sum() / (scan**2).sum()
    assert np.linalg.norm(truth - gain * scan) > 2 * error * np.linalg.norm(scan)
