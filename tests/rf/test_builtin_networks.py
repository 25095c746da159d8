"""Every network of the library: the calculator agrees with the probe."""

import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from ganblocks import (
    ADVERSARIAL_LOSSES,
    DISCRIMINATORS,
    GENERATORS,
    MultiScaleDiscriminator,
    PatchDiscriminator,
    ResNetGenerator,
    UNetGenerator,
)
from ganblocks.blocks import BLOCKS, DOWNSAMPLERS, NORMS, PADDINGS, UPSAMPLERS
from ganblocks.rf import receptive_field, verify_receptive_field

# n_layers: receptive field, stride, padding, grid on 256²
PATCHGANS = {
    1: (16, 2, 5, 126),
    2: (34, 4, 11, 62),
    3: (70, 8, 23, 30),
    4: (142, 16, 47, 14),
    5: (286, 32, 95, 6),
    6: (574, 64, 191, 2),
}
PLUGIN = Path(__file__).parents[2] / "examples" / "plugin_package" / "src"


def agree(module, shape, **options):
    assert verify_receptive_field(module, shape, **options) == ()


@pytest.mark.parametrize("n_layers", PATCHGANS)
def test_the_table_of_the_patchgans(n_layers):
    size, stride, padding, grid = PATCHGANS[n_layers]
    network = PatchDiscriminator(6, base_channels=2, n_layers=n_layers)
    field = receptive_field(network, (6, 256, 256))
    assert (field.size, field.stride, field.padding) == ((size,) * 2, (stride,) * 2, (padding,) * 2)
    assert field.map_size == (grid, grid)
    assert field.output_size(256, 256) == (grid, grid)
    assert field.output_size(300, 512) == network.output_size(300, 512)
    assert field.uniform
    assert field.aligned
    assert field == network.receptive_field


def test_logit_i_of_the_70_sees_rows_8i_minus_23_up_to_8i_plus_47():
    field = receptive_field(PatchDiscriminator(6, base_channels=2), (256, 256))
    for i in range(30):
        for j in range(30):
            assert field.box(i, j) == (8 * i - 23, 8 * j - 23, 8 * i + 47, 8 * j + 47)
            assert field.center(i, j) == (8 * i + 11.5, 8 * j + 11.5)


@pytest.mark.parametrize("name", sorted({*GENERATORS.names()} - {"latent"}))
def test_each_generator(name):
    agree(GENERATORS.build(name, base_channels=2), (3, 20, 41))


@pytest.mark.parametrize("name", DISCRIMINATORS.names())
def test_each_discriminator(name):
    inner = {"discriminator": {"type": "patch", "base_channels": 2}}
    arguments = inner if name == "multiscale" else {"base_channels": 2}
    network = DISCRIMINATORS.build(name, 6, **arguments)
    height, width = getattr(network, "min_input_size", (1, 1))
    agree(network, (6, height + 9, width + 20))


@pytest.mark.parametrize("n_layers", [1, 2, 3])
@pytest.mark.parametrize(
    "arguments", [{}, {"kernel_size": 3}, {"padding": 2}, {"spectral_norm": True}]
)
def test_patchgans_of_any_kernel(n_layers, arguments):
    network = PatchDiscriminator(2, base_channels=2, n_layers=n_layers, **arguments)
    height, width = network.min_input_size
    agree(network, (2, height + 17, width + 6))
    assert receptive_field(network, (2, height + 17, width + 6)) == network.receptive_field


@pytest.mark.parametrize("num_scales", [1, 2, 3])
def test_each_scale_of_a_multiscale_discriminator(num_scales):
    network = MultiScaleDiscriminator(
        3, {"type": "patch", "n_layers": 1, "base_channels": 2}, num_scales=num_scales
    )
    agree(network, (3, 45, 52))
    fields = receptive_field(network, (3, 64, 64))
    assert fields == network.receptive_field
    assert [field.size for field in fields] == [(16, 16), (33, 33), (67, 67)][:num_scales]


SIZES = [(1, 1), (3, 5), (30, 41)]


@pytest.mark.parametrize("size_policy", ["pad", "match_skip"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("num_downs", [1, 2, 4])
def test_unets_of_any_depth_and_size(num_downs, size, size_policy):
    network = UNetGenerator(base_channels=2, num_downs=num_downs, size_policy=size_policy)
    agree(network, (3, *size))


@pytest.mark.parametrize("num_downs", [1, 3, 5])
def test_strict_unets(num_downs):
    agree(UNetGenerator(base_channels=2, num_downs=num_downs, size_policy="strict"), (3, 32, 64))


UNET_ARGUMENTS = [
    *({"up": name} for name in UPSAMPLERS.names()),
    *({"down": name} for name in DOWNSAMPLERS.names()),
    *({"norm": name} for name in NORMS.names()),
    *({"skip": name} for name in ("concat", "add", "none")),
    {"down": {"type": "pool", "pool": "max"}, "dialect": "lua"},
    {"up": {"type": "nearest", "kernel_size": 5, "padding_mode": "replicate"}},
    {"kernel_size": 6},
    {"dialect": "tutorial"},
    {"attention_levels": [0]},
    {
        "dropout_mode": "always",
        "dialect": {"type": "port", "dropout_levels": [0, 1]},
        "spectral_norm": True,
    },
    {"checkpointing": True},
]


@pytest.mark.parametrize("size_policy", ["pad", "match_skip"])
@pytest.mark.parametrize("arguments", UNET_ARGUMENTS, ids=str)
def test_unets_of_any_argument(arguments, size_policy):
    agree(
        UNetGenerator(base_channels=4, num_downs=3, size_policy=size_policy, **arguments),
        (3, 13, 9),
    )


RESNET_ARGUMENTS = [
    *({"up": name} for name in UPSAMPLERS.names()),
    *({"down": name} for name in DOWNSAMPLERS.names()),
    *({"padding_mode": name} for name in PADDINGS.names()),
    *({"outer_padding_mode": name} for name in PADDINGS.names()),
    *({"n_blocks": n, "num_downs": d} for n in (0, 2) for d in (0, 1, 3)),
    {"norm": "instance", "dropout": 0.5, "dropout_mode": "always"},
]


@pytest.mark.parametrize("arguments", RESNET_ARGUMENTS, ids=str)
def test_resnets_of_any_argument(arguments):
    network = ResNetGenerator(base_channels=2, **{"n_blocks": 1, **arguments})
    agree(network, (3, 19, 14))


@pytest.mark.parametrize("size", SIZES)
def test_resnets_of_any_size(size):
    agree(ResNetGenerator(base_channels=2, n_blocks=2), (3, *size))


class WithCondition(nn.Module):
    """A block with a second input, made of the first."""

    def __init__(self, block, condition):
        super().__init__()
        self.block = block
        self.condition = condition

    def forward(self, x):
        return self.block(x, self.condition(x))


def conditional(name):
    if name == "spade":
        return WithCondition(BLOCKS.build(name, 4, 4), nn.AvgPool2d(2))
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return WithCondition(BLOCKS.build(name, 4, 4), pooled)


# The calculator follows one image, whose deviation from the others is constant.
@pytest.mark.parametrize("name", sorted({*BLOCKS.names()} - {"minibatch_std"}))
def test_each_block(name):
    if name in ("spade", "adain"):
        block = conditional(name)
    else:
        alone = name in ("attention", "bottleneck")
        block = BLOCKS.build(name, 4) if alone else BLOCKS.build(name, 4, 6)
    agree(block, (4, 8, 11))


@pytest.mark.parametrize("statistics", ["ignored", "counted"])
@pytest.mark.parametrize("name", NORMS.names())
def test_each_norm(name, statistics):
    network = nn.Sequential(nn.Conv2d(2, 4, 3), NORMS.build(name, 4), nn.MaxPool2d(2))
    agree(network, (2, 9, 12), statistics=statistics)


@settings(deadline=None, max_examples=25)
@given(
    registry=st.sampled_from([UPSAMPLERS, DOWNSAMPLERS]),
    data=st.data(),
    height=st.integers(4, 12),
    width=st.integers(4, 12),
)
def test_each_sampler_at_any_size(registry, data, height, width):
    name = data.draw(st.sampled_from(registry.names()))
    agree(registry.build(name, 2, 3), (2, height, width))


@pytest.fixture
def plugin(monkeypatch):
    """The example's package; what it registers is forgotten after the test."""
    for registry in (GENERATORS, NORMS, ADVERSARIAL_LOSSES):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    monkeypatch.syspath_prepend(PLUGIN)
    import ganblocks_example_plugin

    yield ganblocks_example_plugin
    for name in [name for name in sys.modules if name.startswith("ganblocks_example_plugin")]:
        del sys.modules[name]


def test_the_generator_of_the_plugin_package(plugin):
    network = plugin.ResidualStackGenerator(base_channels=2, n_blocks=2)
    agree(network, (3, 14, 17), without=(plugin.FilterResponseNorm,))
    agree(network, (3, 14, 17), statistics="counted")
    field = receptive_field(network, (3, 32, 32))
    assert field.size == (13, 13)  # two convolutions outside, two in each block, all 3×3
    assert len(field.ignored) == 4  # a norm after each convolution in the blocks


def test_an_image_of_the_size_that_the_network_is_trained_on():
    with torch.device("meta"):
        network = UNetGenerator(base_channels=2)
    assert receptive_field(network, (3, 256, 256)).map_size == (256, 256)
