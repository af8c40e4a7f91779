import numpy as np
import pytest
import soxr

from cleartract.recordings import sound as sounds
from cleartract.recordings.sound import ArraySound
from cleartract.recordings.waveform import PreparedSound, prepared_audio


def test_quiet_and_loud_sound_are_heard_alike(sound):
    quiet, loud = (prepared_audio(sound[0] * gain, sound[1], 16_000) for gain in (0.01, 1.0))
    np.testing.assert_allclose(quiet, loud, atol=1e-3)
    assert np.isfinite(prepared_audio(np.zeros(1000, np.float32), 20_000, 16_000)).all()


@pytest.mark.parametrize("block", [97, 4_096, 1 << 20])
@pytest.mark.parametrize(("rate", "wanted"), [(22_050, 16_000), (16_000, 16_000), (8_000, 16_000)])
def test_the_block_size_does_not_matter(monkeypatch, block, rate, wanted):
    samples = np.random.default_rng(0).normal(0, 0.1, 31_011).astype(np.float32)
    monkeypatch.setattr(sounds, "_BLOCK", block)
    found = PreparedSound.of(ArraySound(samples, rate), wanted)
    expected = soxr.resample(samples, rate, wanted)
    assert len(found) == len(expected)
    assert found.source_samples == len(samples)
    np.testing.assert_allclose(found.span(0, len(found)) / found.gain, expected, atol=1e-4)


def test_the_gain_does_not_depend_on_the_block_size(monkeypatch):
    samples = np.random.default_rng(1).normal(0, 0.03, 40_001).astype(np.float32)
    gains = []
    for block in (100, 7_777, 1 << 20):
        monkeypatch.setattr(sounds, "_BLOCK", block)
        gains.append(PreparedSound.of(ArraySound(samples, 20_000), 16_000).gain)
    np.testing.assert_allclose(gains, gains[0], rtol=1e-4)


def test_a_late_sound_is_read_earlier():
    samples = np.arange(1, 9, dtype=np.float32)
    late = PreparedSound.of(ArraySound(samples, 1000), 1000).shifted(0.003)
    np.testing.assert_allclose(late.span(0, 3) / late.gain, [4, 5, 6], rtol=1e-5)
    np.testing.assert_allclose(late.span(-4, 3) / late.gain, [0, 1, 2], rtol=1e-5, atol=1e-6)
    assert not late.span(5, 4).any()
