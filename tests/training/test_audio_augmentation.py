import numpy as np
import pytest

from cleartract.training.audio_augmentation import (
    AudioAugmentation,
    band_limited,
    cancellation_residue,
    codec_loss,
    gradient_noise,
    reverberate,
)

RATE = 16_000


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_gradient_noise_has_lines_at_its_repetition(rng):
    repetition = 0.006004
    noise = gradient_noise(20 * RATE, RATE, repetition, rng)
    assert noise.std() == pytest.approx(1, abs=1e-3)
    power = np.abs(np.fft.rfft(noise)) ** 2
    strongest = np.argsort(power)[-20:] / 20  # [Hz]
    cycles = strongest * 13 * repetition  # in units of 1 / (13 TR)
    assert np.abs(cycles - np.round(cycles)).max() < 0.05


def test_band_limit_removes_only_what_is_above(rng):
    sound = rng.normal(size=RATE).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(band_limited(sound, RATE, 4000)))
    assert spectrum[4010:].max() < 1e-3
    np.testing.assert_allclose(spectrum[:3990], np.abs(np.fft.rfft(sound))[:3990], rtol=1e-3)


def test_codec_and_cancellation_change_nothing_where_nothing_is_removed(rng):
    sound = rng.normal(size=5000).astype(np.float32)
    np.testing.assert_allclose(codec_loss(sound, 200.0), sound, atol=1e-4)
    np.testing.assert_allclose(cancellation_residue(sound, 0.0, rng), sound, atol=1e-4)
    assert (codec_loss(sound, 3.0) ** 2).sum() < (sound**2).sum()
    assert (cancellation_residue(sound, 0.5, rng) ** 2).sum() < (sound**2).sum()


def test_echo_comes_after_the_sound(rng):
    click = np.zeros(4000, np.float32)
    click[1000] = 1
    echoed = reverberate(click, RATE, 0.1, rng)
    assert not np.abs(echoed[:1000]).max() > 1e-5
    assert echoed[1000] == pytest.approx(1, abs=0.1)
    assert 0 < (echoed[1001:] ** 2).sum() < 1


@pytest.mark.parametrize("samples", [400, 9_000])
def test_every_effect_together_keeps_length_and_is_repeatable(samples):
    sound = np.random.default_rng(1).normal(size=samples).astype(np.float32)
    augment = AudioAugmentation(1, 1, 3, 1, 1, 1)
    first, second = (augment(sound, RATE, 83.28, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == sound.shape
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    assert not np.allclose(first, sound)
    quiet = augment(np.zeros(samples, np.float32), RATE, 23.18, np.random.default_rng(0))
    assert np.isfinite(quiet).all()


def test_without_effects_nothing_changes():
    sound = np.random.default_rng(1).normal(size=800).astype(np.float32)
    augment = AudioAugmentation(0, 0, 0, 0, 0, 0)
    np.testing.assert_array_equal(augment(sound, RATE, 83.28, np.random.default_rng(0)), sound)
