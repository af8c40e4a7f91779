import torch

from cleartract.networks.attention import AudioCrossAttention, TimeBias


def test_equal_tokens_count_once_however_many():
    torch.manual_seed(0)
    layer = AudioCrossAttention(8, 6, 2)
    x, times = torch.randn(3, 8, 4, 4), torch.zeros(1, 3)
    token, unheard = torch.randn(1, 1, 6), torch.zeros(1, 1).bool()
    once = layer(x, times, token, torch.zeros(1, 1), unheard)
    often = layer(x, times, token.expand(1, 9, 6), torch.linspace(-1, 1, 9)[None], unheard)
    torch.testing.assert_close(once, often, rtol=1e-5, atol=1e-5)


def test_time_bias_falls_with_distance():
    bias = TimeBias(3)(torch.zeros(1, 1), torch.tensor([[0.0, 0.02, 0.1, -0.1]]))[0, :, 0]
    assert (bias[:, 0] == 0).all()
    assert (bias[:, 1] > bias[:, 2]).all()
    assert torch.allclose(bias[:, 2], bias[:, 3])
