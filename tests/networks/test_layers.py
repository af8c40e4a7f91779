import torch

from cleartract.networks.layers import TemporalConv


def test_temporal_convolution_against_conv3d():
    torch.manual_seed(0)
    layer = TemporalConv(8)
    torch.nn.init.normal_(layer.weight)
    x = torch.randn(2 * 6, 8, 5, 4)
    hidden = torch.nn.functional.silu(layer.norm(x)).reshape(2, 6, 8, 5, 4).transpose(1, 2)
    kernel = layer.weight.permute(1, 2, 0)[..., None, None]
    expected = torch.nn.functional.conv3d(hidden, kernel, padding=(1, 0, 0))
    expected = expected.transpose(1, 2).reshape(x.shape)
    torch.testing.assert_close(layer(x, 6), expected, rtol=1e-4, atol=1e-5)
