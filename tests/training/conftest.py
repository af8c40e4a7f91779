"""A short run."""

import pytest

from cleartract.corpora.dataset import AVDataset
from cleartract.training.config import TrainingConfig


@pytest.fixture
def config(tiny_config):
    return TrainingConfig(
        model=tiny_config, steps=6, epoch_steps=3, batch=2, window_frames=3, inversion_steps=0
    )


@pytest.fixture
def dataset(corpus):
    return AVDataset(corpus, "train")
