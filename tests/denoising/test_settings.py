import pytest

from cleartract.denoising.settings import GenerateSettings


@pytest.mark.parametrize("rate", ["0", "1e9", "x", "50/0"])
def test_impossible_rates_are_refused(rate):
    with pytest.raises(ValueError, match="rate"):
        GenerateSettings(rate=rate)
