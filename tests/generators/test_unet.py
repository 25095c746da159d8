"""The U-Net's contract: any size, independent channels, and no silent argument."""

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from ganblocks import GENERATORS, UNetGenerator
from ganblocks.errors import OptionError, RegistryError, ShapeError


def small(**options):
    return UNetGenerator(**{"base_channels": 4, "num_downs": 3, **options})


@pytest.mark.filterwarnings("ignore:a transposed convolution")
@settings(deadline=None, max_examples=40)
@given(
    height=st.integers(2, 41),
    width=st.integers(2, 41),
    in_channels=st.integers(1, 5),
    out_channels=st.integers(1, 5),
    num_downs=st.integers(1, 6),
    skip=st.sampled_from(["concat", "add", "none"]),
    kernel_size=st.sampled_from([2, 3, 4, 5]),
    name=st.sampled_from(["unet_256", "unet_256_lua", "unet_256_tutorial"]),
)
def test_any_size_and_any_channels(
    height, width, in_channels, out_channels, num_downs, skip, kernel_size, name
):
    network = GENERATORS.build(
        name,
        in_channels=in_channels,
        out_channels=out_channels,
        num_downs=num_downs,
        skip=skip,
        kernel_size=kernel_size,
        base_channels=2,
    )
    image = torch.randn(2, in_channels, height, width, requires_grad=True)
    output = network(image)
    assert output.shape == (2, out_channels, height, width)
    assert output.abs().max() <= 1
    output.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (255, 257), (300, 200), (512, 512)])
@pytest.mark.parametrize("num_downs", range(1, 9))
def test_sizes_that_break_other_unets(size, num_downs):
    network = UNetGenerator(
        base_channels=2, num_downs=num_downs, dialect={"type": "port", "bias": True}
    )
    image = torch.randn(1, 3, *size, requires_grad=True)
    output = network(image)
    assert output.shape == image.shape
    output.square().mean().backward()
    for tensor in (image, *network.parameters()):
        assert tensor.grad.isfinite().all()


def test_strict_names_the_nearest_valid_sizes():
    network = small(size_policy="strict")
    assert network(torch.zeros(1, 3, 16, 24)).shape == (1, 3, 16, 24)
    with pytest.raises(ShapeError, match=r"Nearest: 24×16 and 32×24"):
        network(torch.zeros(1, 3, 30, 17))


def test_a_multiple_is_not_padded():
    image = torch.randn(1, 3, 16, 24)
    pad, strict = small(), small(size_policy="strict")
    strict.load_state_dict(pad.state_dict())
    assert torch.equal(pad.eval()(image), strict.eval()(image))


def test_padding_repeats_the_border():
    network = small().eval()
    image = torch.randn(1, 3, 13, 22)
    padded = torch.cat((image, image[:, :, -1:].expand(-1, -1, 3, -1)), 2)
    padded = torch.cat((padded, padded[..., -1:].expand(-1, -1, -1, 2)), 3)
    assert torch.allclose(network(image), network(padded)[:, :, :13, :22], atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_downs": 0}, OptionError, "num_downs is 0"),
        ({"base_channels": True}, OptionError, "base_channels is True"),
        ({"kernel_size": 1}, OptionError, "kernel_size is 1"),
        ({"skip": "concatenate"}, OptionError, "did you mean 'concat'"),
        ({"norm": "bach"}, RegistryError, "did you mean 'batch'"),
        ({"activation": "lrelu"}, RegistryError, "leaky_relu"),
        ({"dropout": 1.5}, OptionError, "from 0 to 1"),
        ({"dropout_mode": "alway"}, OptionError, "did you mean 'always'"),
        ({"dialect": {"type": "port", "dropout_levels": [2]}}, OptionError, "0 .innermost. to 1"),
        (
            {"dialect": {"type": "port", "dropout_levels": "Port"}},
            OptionError,
            "did you mean 'port'.*or a list",
        ),
        ({"dialect": {"type": "port", "bias": "aut"}}, OptionError, "did you mean 'auto'"),
        ({"size_policy": "crop"}, OptionError, "'match_skip', 'pad', 'strict'"),
        ({"init": "norma"}, RegistryError, "did you mean 'normal'"),
        (
            {"dialect": {"type": "lua", "decoder_activation": "before_join"}},
            OptionError,
            "without any activation",
        ),
    ],
)
def test_a_wrong_argument_is_explained(arguments, error, message):
    with pytest.raises(error, match=message):
        small(**arguments)


def test_an_image_of_other_channels():
    with pytest.raises(ShapeError, match="Build it with in_channels=1"):
        small()(torch.zeros(1, 1, 8, 8))


def test_a_norm_over_a_single_value_is_our_error():
    image = torch.zeros(1, 3, 8, 8)
    for norm in ("batch", "instance"):
        network = small(dialect={"type": "port", "bottleneck_norm": norm})
        with pytest.raises(ShapeError, match="bottleneck_norm"):
            network(image)
    with pytest.raises(ShapeError):
        network.eval()(image)  # instance norm in eval too


def test_state_dict_keys_are_readable():
    keys = list(small().state_dict())
    assert keys[0] == "down.0.conv.weight"
    assert {"down.1.norm.running_mean", "up.0.conv.weight", "up.2.conv.bias"} <= set(keys)


def test_the_input_is_left_as_it_was():
    for name in ("unet_256", "unet_256_lua", "unet_256_tutorial"):
        image = torch.randn(1, 3, 16, 16)
        before = image.clone()
        GENERATORS.build(name, base_channels=2, num_downs=3)(image)
        assert torch.equal(image, before)


def test_eval_changes_no_buffer_and_is_deterministic():
    network = small(num_downs=6, dialect={"type": "port", "dropout_levels": [0, 1]}).eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    image = torch.randn(2, 3, 64, 64)
    assert torch.equal(network(image), network(image))
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_dropout_mode_always_stays_on_in_eval():
    network = small(
        num_downs=5, dialect={"type": "port", "dropout_levels": [0, 1]}, dropout_mode="always"
    ).eval()
    image = torch.randn(1, 3, 32, 32)
    assert not torch.equal(network(image), network(image))


def test_initial_weights_are_those_of_the_paper():
    network = UNetGenerator(base_channels=32, num_downs=5)
    weights = torch.cat([m.weight.flatten() for m in network.modules() if isinstance(m, nn.Conv2d)])
    scales = torch.cat([m.weight for m in network.modules() if isinstance(m, nn.BatchNorm2d)])
    assert abs(weights.mean()) < 1e-4
    assert abs(weights.std() - 0.02) < 1e-4
    assert abs(scales.mean() - 1) < 5e-3
    assert abs(scales.std() - 0.02) < 2e-3


@pytest.mark.slow
def test_the_full_unet_at_its_own_size():
    network = UNetGenerator()
    assert network(torch.zeros(1, 3, 256, 256)).shape == (1, 3, 256, 256)
