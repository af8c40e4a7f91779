import pytest
from pydantic import ValidationError

from cleartract.model.config import ModelConfig
from cleartract.networks.video_unet import UNetConfig
from cleartract.sound.encoders import AudioConfig


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"audio": AudioConfig(channels=64)}, "token_channels"),
        ({"unett": {}}, "extra"),
        ({"unet": UNetConfig(prediction=True)}, "belong together"),
        ({"inversion": AudioConfig()}, "belong together"),
        ({"default_speaker": 84}, "needs inversion"),
    ],
)
def test_contradicting_configs_are_refused(values, words):
    with pytest.raises(ValidationError, match=words):
        ModelConfig(**values)
