import numpy as np
import pytest
import torch

from cleartract.sound.encoders import AudioConfig, AudioEncoder
from cleartract.sound.log_mel import AUDIO_RATE
from tests.sound.speech import encoder_of

SEQUENCES = ("conv", "gru", "transformer", "pretrained")


@pytest.mark.parametrize("encoder", ["pooled", "conv", "gru", "transformer"])
def test_token_times_lie_within_the_sound(encoder):
    torch.manual_seed(0)
    tokens, times = AudioEncoder(AudioConfig(encoder=encoder))(
        torch.randn(2, 5600), torch.tensor([-0.2, 0.0])
    )
    assert tokens.shape[:2] == times.shape
    assert times.shape[1] == (2 if encoder == "pooled" else 18)
    assert float(times[0].min()) >= -0.2
    assert float(times[0].max()) <= -0.2 + 5600 / AUDIO_RATE + 0.01
    torch.testing.assert_close(times[1] - times[0], torch.full_like(times[0], 0.2))


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_click_moves_the_token_at_its_time(name, speech_folder):
    encoder = encoder_of(name, speech_folder)
    rng = np.random.default_rng(0)
    quiet = torch.from_numpy(0.01 * rng.normal(size=(1, 16_000)).astype(np.float32))
    loud = quiet.clone()
    loud[0, 8000:8160] += 0.5 * torch.sin(torch.arange(160) * 0.8)
    start = torch.tensor([-0.5])
    with torch.no_grad():
        before, times = encoder(quiet, start)
        after, _ = encoder(loud, start)
    change = (after - before).norm(dim=-1)[0]
    if name in ("conv", "gru"):  # the others spread it by attention, untrained
        assert float(times[0, change.argmax()]) == pytest.approx(0.005, abs=0.03)
    spacing = times[0].diff()
    torch.testing.assert_close(spacing, torch.full_like(spacing, 0.02), rtol=0, atol=1e-5)
    assert float(times[0, 0]) == pytest.approx(-0.5, abs=0.02)
