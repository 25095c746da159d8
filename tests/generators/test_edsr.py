import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings, strategies as st

from ganblocks import GENERATORS, EDSRGenerator
from ganblocks.blocks import initialize
from ganblocks.errors import OptionError, ShapeError


def moved(network):
    """Moves all weights away from their start, where the last convolution is 0."""
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return network


def test_the_layers_of_the_paper():
    network = moved(EDSRGenerator(1, scale=4, base_channels=3, n_blocks=2, res_scale=0.3)).double()
    w = dict(network.named_parameters())
    x = torch.randn(2, 1, 4, 5, dtype=torch.float64)

    def conv(maps, name):
        return F.conv2d(maps, w[f"{name}.weight"], w.get(f"{name}.bias"), padding=1)

    maps = first = conv(x, "first")
    for i in range(2):
        inner = conv(maps, f"blocks.{i}.first.conv").clamp(min=0)
        maps = maps + 0.3 * conv(inner, f"blocks.{i}.second.conv")
    maps = first + conv(maps, "joining")
    for i in range(2):
        maps = F.pixel_shuffle(conv(maps, f"up.{i}.conv"), 2)
    expected = conv(maps, "last") + F.interpolate(x, size=(16, 20), mode="bicubic")
    assert torch.allclose(network(x), expected, rtol=1e-10, atol=1e-10)


def test_parameters_of_the_baseline():
    # 16 blocks of two convolutions, five others; the last has no bias
    hidden = 64 * 64 * 9 + 64
    count = (3 * 64 * 9 + 64) + 33 * hidden + 4 * hidden + 64 * 3 * 9
    assert sum(p.numel() for p in EDSRGenerator().parameters()) == count == 1_369_856


@pytest.mark.parametrize("init", ["none", "normal"])
def test_it_starts_as_bicubic_interpolation(init):
    network = EDSRGenerator(base_channels=4, n_blocks=1)
    initialize(network, init)
    x = torch.rand(2, 3, 7, 5)
    assert torch.equal(network(x), F.interpolate(x, scale_factor=2, mode="bicubic"))
    assert network.up[0](torch.randn(1, 4, 3, 3))[0, 0].unfold(0, 2, 2).std(-1).max() < 1e-6


@settings(deadline=None, max_examples=10)
@given(
    scale=st.sampled_from([2, 4, 8]),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    channels=st.integers(1, 4),
)
def test_any_size(scale, height, width, channels):
    network = GENERATORS.build(
        {"type": "edsr", "scale": scale, "base_channels": 2, "n_blocks": 1}, channels
    )
    out = network(torch.zeros(2, channels, height, width))
    assert out.shape == (2, channels, scale * height, scale * width)


@pytest.mark.parametrize("scale", [-2, 0, 1, 3, 6])
def test_other_scales_are_refused(scale):
    with pytest.raises(OptionError, match=f"scale is {scale}: write a power of two, such as 2"):
        EDSRGenerator(scale=scale)


def test_wrong_channels_are_explained():
    with pytest.raises(ShapeError, match="Build it with in_channels=1"):
        EDSRGenerator(base_channels=2, n_blocks=0)(torch.zeros(1, 1, 4, 4))
