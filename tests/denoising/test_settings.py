import pytest

from cleartract.denoising.settings import (
    QUALITIES,
    DenoiseSettings,
    GenerateSettings,
    checked_samples,
    with_quality,
)
from cleartract.errors import UsageError


@pytest.mark.parametrize("rate", ["0", "1e9", "x", "50/0"])
def test_impossible_rates_are_refused(rate):
    with pytest.raises(ValueError, match="rate"):
        GenerateSettings(rate=rate)


@pytest.mark.parametrize("quality", list(QUALITIES))
def test_a_quality_stands_for_its_settings_and_nothing_else(quality):
    plain = DenoiseSettings(window_duration=8, seed=3)
    found = checked_samples(with_quality(plain, quality))
    changed = {k for k, v in found.model_dump().items() if v != plain.model_dump()[k]}
    assert changed <= set(QUALITIES[quality])
    assert all(getattr(found, name) == value for name, value in QUALITIES[quality].items())


def test_a_quality_and_its_settings_contradict_each_other():
    with pytest.raises(UsageError, match="--quality texture means --steps 12; leave out --steps 5"):
        with_quality(DenoiseSettings(steps=5), "texture")
    assert with_quality(DenoiseSettings(steps=5), "fast").steps == 5
