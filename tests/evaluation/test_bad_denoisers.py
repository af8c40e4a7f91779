"""Deliberately bad denoisers must be caught by the metric made for their fault."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from cleartract.corpora.dataset import AVDataset
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.evaluation.measure import Subject, measure
from cleartract.recordings.overlap_add import overlap_add
from cleartract.recordings.windows import SlidingWindowTransform


@pytest.fixture(scope="module")
def subject(corpus):
    simulated = SimulatedRecording.load(AVDataset(corpus, "train").entries[0].path)
    part = slice(20, 84)
    noisy = simulated.noisy("view_shared").frames[part]
    truth, outlines = simulated.truth().frames[part], simulated.outlines[part]
    return Subject("simulated", float(simulated.rate), truth, noisy, truth, outlines, window=(8, 8))


@pytest.fixture(scope="module")
def good(subject):
    """Half of the error taken away, evenly: honest, if modest."""
    return measure(replace(subject, denoised=(subject.noisy + subject.truth) / 2))


def extremes(measured, metric):
    values = [row[metric]["denoised"] for row in measured["articulation"].values()]
    values = [value for value in values if np.isfinite(value)]
    return min(values), max(values)


def test_the_honest_one_improves_everything(good):
    table = good["with_truth"]
    assert table["psnr"]["denoised"] == pytest.approx(table["psnr"]["noisy"] + 6.02, abs=0.01)
    assert table["frame_difference_error"]["denoised"] == pytest.approx(
        table["frame_difference_error"]["noisy"] / 2
    )
    assert table["ssim"]["denoised"] > table["ssim"]["noisy"]
    assert table["seam_index"]["denoised"] == pytest.approx(1, abs=0.3)


def test_temporal_smoothing_is_caught(subject, good):
    smeared = gaussian_filter1d(subject.noisy, 6, axis=0)
    bad = measure(replace(subject, denoised=smeared))
    assert (
        bad["without_truth"]["flicker"]["denoised"]
        < 0.3 * (bad["without_truth"]["flicker"]["noisy"])
    )  # what it looks good at
    assert extremes(bad, "peak_velocity_ratio")[0] < 0.7 < extremes(good, "peak_velocity_ratio")[0]
    assert (
        bad["with_truth"]["kymograph_correlation"]["denoised"]
        < bad["with_truth"]["kymograph_correlation"]["noisy"]
    )
    assert bad["residual"]["motion"] > good["residual"]["motion"] + 0.1


def test_a_painted_mean_tongue_is_caught(subject, good):
    band = subject.airway().any(0)
    painted = np.where(band, subject.truth.mean(0), subject.truth)
    bad = measure(replace(subject, denoised=painted.astype(np.float32)))
    assert (
        bad["without_truth"]["air_noise_temporal"]["denoised"]
        < (bad["without_truth"]["air_noise_temporal"]["noisy"])
    )
    assert extremes(bad, "error_mm")[1] > 2 * extremes(good, "error_mm")[1]
    assert (
        bad["with_truth"]["psnr_airway"]["denoised"] < good["with_truth"]["psnr_airway"]["denoised"]
    )
    assert not extremes(bad, "events_missed")[1] < 0.5


def test_hard_window_borders_are_caught(subject, good):
    rng = np.random.default_rng(0)
    windows = SlidingWindowTransform(8, 8).windows(len(subject.truth), Fraction(1))
    parts, starts = [], []
    for window in windows:
        part = subject.truth[window.first : window.first + 8]
        parts.append(part * (1 + 0.04 * rng.normal()))
        starts.append(window.first)
    seams = overlap_add(parts, starts, len(subject.truth), "uniform")
    bad = measure(replace(subject, denoised=seams))
    assert bad["with_truth"]["psnr"]["denoised"] > bad["with_truth"]["psnr"]["noisy"]
    assert bad["with_truth"]["seam_index"]["denoised"] > 2
