import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from ganblocks import GENERATORS, ResNetGenerator
from ganblocks.errors import OptionError, RegistryError, ShapeError


class PlainResNet(nn.Module):
    """The port's ResNet as one flat list of plain layers."""

    def __init__(self, base=64, blocks=9, dropout=0.0):
        super().__init__()
        layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, base, 7, bias=False)]
        layers += [nn.BatchNorm2d(base), nn.ReLU(True)]
        for width in (base, 2 * base):
            layers += [nn.Conv2d(width, 2 * width, 3, 2, 1, bias=False)]
            layers += [nn.BatchNorm2d(2 * width), nn.ReLU(True)]
        layers += [PlainBlock(4 * base, dropout) for _ in range(blocks)]
        for width in (4 * base, 2 * base):
            layers += [nn.ConvTranspose2d(width, width // 2, 3, 2, 1, 1, bias=False)]
            layers += [nn.BatchNorm2d(width // 2), nn.ReLU(True)]
        self.model = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(base, 3, 7), nn.Tanh())

    def forward(self, x):
        return self.model(x)


class PlainBlock(nn.Module):
    def __init__(self, width, dropout):
        super().__init__()
        layers = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=False)]
        layers += [nn.BatchNorm2d(width), nn.ReLU(True), nn.Dropout(dropout)]
        layers += [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=False)]
        self.layers = nn.Sequential(*layers, nn.BatchNorm2d(width))

    def forward(self, x):
        return x + self.layers(x)


def filled(ours, plain):
    for kind in (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d):
        pairs = [[m for m in net.modules() if isinstance(m, kind)] for net in (ours, plain)]
        for a, b in zip(*pairs, strict=True):
            b.load_state_dict(a.state_dict())
    return plain


@pytest.mark.parametrize(
    ("name", "count"), [("resnet_6blocks", 7_841_411), ("resnet_9blocks", 11_383_427)]
)
def test_parameter_counts_of_the_port(name, count):
    with torch.device("meta"):
        network = GENERATORS.build(name)
    assert sum(p.numel() for p in network.parameters()) == count
    assert f"{count:,}" in GENERATORS.describe(name).summary


@pytest.mark.parametrize(("base", "blocks"), [(4, 6), (6, 2)])
def test_outputs_equal_the_plain_version(base, blocks):
    ours = ResNetGenerator(base_channels=base, n_blocks=blocks)
    plain = filled(ours, PlainResNet(base, blocks))
    image = torch.randn(2, 3, 32, 24)
    for mode in (True, False):
        difference = ours.train(mode)(image) - plain.train(mode)(image)
        assert difference.abs().max() <= 1e-5


def test_dropout_is_between_the_two_convolutions():
    ours = ResNetGenerator(base_channels=4, n_blocks=2, dropout=0.5)
    plain = filled(ours, PlainResNet(4, 2, dropout=0.5))
    image = torch.randn(1, 3, 16, 16)
    torch.manual_seed(3)
    expected = plain(image)
    torch.manual_seed(3)
    assert torch.allclose(ours(image), expected, atol=1e-5)


@settings(deadline=None, max_examples=30)
@given(
    height=st.integers(1, 41),
    width=st.integers(1, 41),
    in_channels=st.integers(1, 5),
    out_channels=st.integers(1, 5),
    num_downs=st.integers(0, 4),
    padding_mode=st.sampled_from(["zeros", "reflect", "replicate"]),
    up=st.sampled_from(["deconv", "nearest", "bilinear", "pixelshuffle"]),
)
def test_any_size_and_any_channels(
    height, width, in_channels, out_channels, num_downs, padding_mode, up
):
    network = ResNetGenerator(
        in_channels,
        out_channels,
        base_channels=2,
        n_blocks=1,
        num_downs=num_downs,
        padding_mode=padding_mode,
        outer_padding_mode=padding_mode,
        up=up,
    )
    output = network(torch.randn(1, in_channels, height, width))
    assert output.shape == (1, out_channels, height, width)
    output.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_the_last_layer_receives_a_gradient_under_spectral_norm():
    network = ResNetGenerator(base_channels=2, n_blocks=1, spectral_norm=True)
    image = network(torch.randn(1, 3, 8, 8))
    (gradient,) = torch.autograd.grad(image.sum(), network.last_layer)
    assert gradient.shape == (3, 2, 7, 7)


def test_strict_names_the_nearest_valid_sizes():
    network = ResNetGenerator(base_channels=2, n_blocks=1, size_policy="strict")
    assert network(torch.zeros(1, 3, 16, 24)).shape == (1, 3, 16, 24)
    with pytest.raises(ShapeError, match="Nearest: 28×16 and 32×20"):
        network(torch.zeros(1, 3, 30, 17))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_blocks": -1}, OptionError, "n_blocks is -1"),
        ({"num_downs": 1.0}, OptionError, "whole number"),
        ({"padding_mode": "mirror"}, RegistryError, "'reflect'"),
        ({"size_policy": "match_skip"}, OptionError, "'pad', 'strict'"),
        ({"up": "neares"}, RegistryError, "did you mean 'nearest'"),
        ({"blocks": 9}, OptionError, "did you mean 'n_blocks'"),
    ],
)
def test_a_wrong_argument_is_explained(arguments, error, message):
    with pytest.raises(error, match=message):
        ResNetGenerator(**arguments)
