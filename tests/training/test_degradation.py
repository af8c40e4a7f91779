from dataclasses import replace

import numpy as np
import pytest

from cleartract.corpora.dataset import AVDataset
from cleartract.simulation.scanner.degradation import Degradation
from cleartract.training.degradation import TrainingDegradation, with_weaker_sound


@pytest.mark.parametrize("seed", range(6))
def test_augmentation_keeps_the_pair_together(corpus, seed):
    dataset = AVDataset(corpus, "train")
    entry, window = dataset.index[0]
    rng = np.random.default_rng(seed)
    sample = dataset.sample(entry, window, rng, TrainingDegradation(size=48))
    assert sample.clean.shape == sample.noisy.shape == (8, 48, 48)
    assert np.isfinite(sample.noisy).all()
    together = np.corrcoef(sample.clean.ravel(), sample.noisy.ravel())[0, 1]
    assert together > 0.6


def material_of(corpus):
    dataset = AVDataset(corpus, "train")
    entry, window = dataset.index[0]
    loaded = dataset._load(entry)
    return loaded.material(loaded.names[0], window)[0]


@pytest.mark.parametrize("seed", range(4))
def test_predicted_frames_are_varied_like_the_truth(corpus, seed, monkeypatch):
    """Where the prediction is the truth and nothing is degraded, it still is the truth."""
    monkeypatch.setattr(Degradation, "random", classmethod(lambda cls, rng: cls()))
    material = material_of(corpus)
    clean = material.ideal
    mean = clean.mean(0)
    material = replace(
        material,
        scan=clean,
        error=None,
        mean=mean,
        predicted=clean,
        truth_means=np.stack([mean, mean]),
    )
    vary = TrainingDegradation(
        size=48,
        geometry=1.0,
        mirror=0.5,
        texture=0.0,
        softness=1.0,
        noise_alone=0.0,
        weak_sound=0.0,
    )
    made = vary(material, np.random.default_rng(seed))
    # half a grey level of 8 bits: a gamma below 1 is steep where it is dark
    assert np.quantile(np.abs(made.predicted - made.scan), 0.99) < 2e-3
    np.testing.assert_allclose(made.scan, made.ideal, atol=1e-4)
    if not np.isclose(made.scan.mean(0), made.mean, atol=0.02).all():  # gamma is not linear
        assert np.corrcoef(made.scan.mean(0).ravel(), made.mean.ravel())[0, 1] > 0.999


def test_static_artefacts_stay_in_the_scan_and_leave_the_ideal(corpus, monkeypatch):
    drawn = Degradation(streaks=8, streak_level=0.2, haze=0.2)
    monkeypatch.setattr(Degradation, "random", classmethod(lambda cls, rng: drawn))
    material = replace(material_of(corpus), error=None)
    plain = TrainingDegradation(geometry=0, mirror=0, texture=0, softness=0, noise_alone=0)
    made = plain(material, np.random.default_rng(1))
    static = np.abs((made.noisy - made.scan).mean(0))
    assert static.mean() < 0.25 * np.abs((made.noisy - made.ideal).mean(0)).mean()


@pytest.mark.parametrize("noise", [0.01, 0.05])
def test_the_noise_told_is_the_noise_there_is(corpus, noise, monkeypatch):
    monkeypatch.setattr(
        Degradation, "noise_alone", classmethod(lambda cls, rng: cls(error_gain=0.0, noise=noise))
    )
    material = material_of(corpus)
    still = replace(material, scan=material.scan[:1].repeat(16, 0), motion=0 * material.motion)
    still = replace(still, ideal=still.scan)
    plain = TrainingDegradation(geometry=0, mirror=0, texture=0, softness=0, noise_alone=1)
    made = plain(still, np.random.default_rng(2))
    true = (made.noisy - made.noisy.mean(0)).std(0, ddof=1)
    ratio = np.median(made.noise.strength) / np.sqrt(np.median(true**2))
    assert ratio == pytest.approx(1, abs=0.12)
    assert np.corrcoef(made.noise.strength.ravel(), true.ravel())[0, 1] > 0.5


def test_weak_sound_keeps_its_share_of_the_departure(corpus):
    rng, mean = np.random.default_rng(0), np.zeros((6, 7), np.float32)
    told, astray = rng.normal(size=(2, 400, 6, 7)).astype(np.float32)
    material = replace(
        material_of(corpus), mean=mean, predicted=told, astray=astray, ideal=told, scan=told
    )
    weak = with_weaker_sound(material, 0.5).predicted
    assert (weak * told).mean() == pytest.approx(0.25, abs=0.02)  # skill squared
    assert (weak * weak).mean() == pytest.approx(0.25, abs=0.02)  # shrunk: as large as right
