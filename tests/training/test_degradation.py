import numpy as np
import pytest

from cleartract.corpora.dataset import AVDataset
from cleartract.simulation.scanner.degradation import Degradation
from cleartract.training.degradation import TrainingDegradation


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


@pytest.mark.parametrize("seed", range(4))
def test_predicted_frames_are_varied_like_the_truth(corpus, seed, monkeypatch):
    """Where the prediction is the truth and nothing is degraded, it still is the truth."""
    monkeypatch.setattr(Degradation, "random", classmethod(lambda cls, rng: cls()))
    dataset = AVDataset(corpus, "train")
    clean = dataset[0].clean
    vary = TrainingDegradation(size=48, geometry=1.0, mirror=0.5, texture=0.0, softness=1.0)
    predicted = np.concatenate([clean, clean.mean(0)[None]])
    found, _, varied = vary(clean, None, predicted, np.random.default_rng(seed))
    apart = np.abs(varied[:-1] - found)
    assert np.quantile(apart, 0.99) < 1e-4  # some air is below 0, a magnitude never
    if not np.isclose(found.mean(0), varied[-1], atol=0.02).all():  # gamma is not linear
        assert np.corrcoef(found.mean(0).ravel(), varied[-1].ravel())[0, 1] > 0.999
