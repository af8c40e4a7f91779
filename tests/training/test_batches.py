import pytest
import torch

from cleartract.errors import CorpusError
from cleartract.training.batches import BatchSource
from cleartract.training.config import TrainingConfig


def test_batches_depend_on_seed_and_step_alone(dataset, config):
    first, second = BatchSource(dataset, config), BatchSource(dataset, config)
    second.draw(3)
    a, b = first.draw(7), second.draw(7)
    assert torch.equal(a.clean, b.clean)
    assert torch.equal(a.noise, b.noise)
    assert torch.equal(a.condition.frames.noisy, b.condition.frames.noisy)
    assert not torch.equal(a.clean, first.draw(8).clean)


def test_a_share_of_a_batch_is_that_of_the_whole(dataset, config):
    source = BatchSource(dataset, config.model_copy(update={"batch": 4}))
    whole, share = source.draw(5), source.draw(5, [1, 3])
    assert torch.equal(whole.clean[1::2], share.clean)
    assert torch.equal(whole.sigma[1::2], share.sigma)
    assert torch.equal(whole.noise[1::2], share.noise)
    assert torch.equal(whole.condition.frames.observed[1::2], share.condition.frames.observed)
    for name in ("waveform", "valid", "start"):
        both = (getattr(c.condition.sound, name) for c in (whole, share))
        assert torch.equal(next(both)[1::2], next(both))


def test_shares_of_dropped_audio_and_frames(dataset, tiny_config):
    config = TrainingConfig(
        model=tiny_config,
        batch=64,
        window_frames=2,
        audio_dropout=0.3,
        frames_dropout=0.4,
        lost_runs=0.0,
    )
    source = BatchSource(dataset, config)
    batch = source.draw(0)
    assert float((~batch.condition.sound.valid).float().mean()) == pytest.approx(0.3, abs=0.15)
    hidden = (~batch.condition.frames.observed).any(1)
    assert float(hidden.float().mean()) == pytest.approx(0.4, abs=0.17)


def test_windows_longer_than_all_recordings_are_refused(dataset, config):
    with pytest.raises(CorpusError, match="as long as a window of 999 frames"):
        BatchSource(dataset, config.model_copy(update={"window_frames": 999}))
