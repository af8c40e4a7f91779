import numpy as np
import pytest
import torch

from cleartract.recordings.spool import Spool
from cleartract.sound.encoders import AudioConfig
from cleartract.sound.inversion import PARAMETERS, ArticulatoryInversion


@pytest.mark.parametrize("seconds", [3.0, 4.0, 4.9, 5.1])
def test_long_sounds_are_read_in_pieces_that_fit(seconds, monkeypatch):
    torch.manual_seed(0)
    reader = ArticulatoryInversion(AudioConfig(encoder="conv", channels=8)).eval()
    sound = np.random.default_rng(0).normal(size=round(seconds * 16_000)).astype(np.float32)
    times = np.arange(0.005, seconds, 0.004)
    whole = reader.at(sound, times)
    monkeypatch.setattr("cleartract.sound.inversion._PIECE", 2)
    np.testing.assert_allclose(reader.at(sound, times), whole, atol=0.05 * whole.std())


def test_inversion_reads_at_any_time():
    torch.manual_seed(0)
    reader = ArticulatoryInversion(AudioConfig(encoder="gru", channels=8)).eval()
    sound = np.random.default_rng(0).normal(size=16_000).astype(np.float32)
    found = reader.at(sound, np.array([0.005, 0.015, 0.025, 5.0]))
    assert found.shape == (4, PARAMETERS)
    np.testing.assert_allclose(found[1], (found[0] + found[2]) / 2, atol=1e-5)  # between tokens
    values = torch.randn(3, PARAMETERS)
    reader.mean += 2.0
    reader.deviation *= 3.0
    torch.testing.assert_close(reader.standard(reader.physical(values)), values)


def test_parts_of_a_spooled_sound_are_the_whole(monkeypatch):
    monkeypatch.setattr("cleartract.sound.inversion._PIECE", 2)
    torch.manual_seed(0)
    reader = ArticulatoryInversion(AudioConfig(encoder="conv", channels=8)).eval()
    sound = np.random.default_rng(0).normal(size=7 * 16_000).astype(np.float32)
    spool = Spool()
    spool.append(sound)
    times = np.arange(0.005, 7.5, 0.01)
    parts = list(reader.parts_at(spool, times))
    assert len(parts) > 2
    np.testing.assert_array_equal(np.concatenate(parts), reader.at(sound, times))
