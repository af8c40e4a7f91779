import pytest

from cleartract.denoising.settings import GenerateSettings, checked_settings
from cleartract.errors import UsageError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0),
        ("window_duration", -1),
        ("blend", "cosine"),
        ("sampler", "euler"),
        ("wndow", 3),
        ("samples", 2),
        ("guidance", float("nan")),
    ],
)
def test_wrong_settings_name_the_option(name, value):
    with pytest.raises(UsageError, match=name):
        checked_settings({name: value})


@pytest.mark.parametrize("rate", ["0", "1e9", "x", "50/0"])
def test_impossible_rates_are_refused(rate):
    with pytest.raises(ValueError, match="rate"):
        GenerateSettings(rate=rate)
