"""Writing the port's layout: what it has, and which argument stands in the way where it has not."""

import inspect

import pytest
import torch
from plain_port import Patch, Pixel, ResNet, UNet, randomized
from torch import nn

from ganblocks import (
    DeconvBlock,
    MultiScaleDiscriminator,
    PatchDiscriminator,
    PixelDiscriminator,
    ResNetGenerator,
    UNetGenerator,
)
from ganblocks.blocks import ACTIVATIONS, NORMS
from ganblocks.errors import OptionError, SpecError
from ganblocks.generators import UNetDialect
from ganblocks.weights import to_reference
from ganblocks.weights.formats import FORMATS
from ganblocks.weights.translation import _DEFAULT_OPTIONS, _arguments_and_defaults

DIALECT = set(inspect.signature(UNetDialect).parameters)
INSTANCE = {"type": "instance", "affine": False}


def nested(options):
    """Moves what belongs to the dialect into its spec."""
    fields = {name: options[name] for name in options if name in DIALECT}
    others = {name: options[name] for name in options if name not in DIALECT}
    return {**others, "dialect": {"type": "port", **fields}}


def unet(**options):
    return UNetGenerator(**{"base_channels": 4, "num_downs": 5, **nested(options)})


def resnet(**options):
    return ResNetGenerator(**{"base_channels": 4, "n_blocks": 2, **options})


def patch(**options):
    return PatchDiscriminator(6, **{"base_channels": 4, **options})


def pixel(**options):
    return PixelDiscriminator(6, **{"base_channels": 4, **options})


@pytest.mark.parametrize(
    ("ours", "plain"),
    [
        (unet(), UNet(base=4, downs=5)),
        (unet(norm=INSTANCE, bias=True), UNet(base=4, downs=5, norm="instance")),
        (unet(norm="none", last_bias=True), UNet(base=4, downs=5, norm="none")),
        (unet(dropout=0.0, size_policy="strict", checkpointing=True), UNet(base=4, downs=5)),
        (unet(norm={"type": "batch", "momentum": 0.01, "eps": 1e-5}), UNet(base=4, downs=5)),
        (unet(activation={"type": "leaky_relu", "negative_slope": 0.2}), UNet(base=4, downs=5)),
        (resnet(), ResNet(base=4, blocks=2)),
        (resnet(bias=False), ResNet(base=4, blocks=2)),
        (resnet(norm=INSTANCE, bias=True), ResNet(base=4, blocks=2, norm="instance")),
        (resnet(norm="none", bias=False), ResNet(base=4, blocks=2, norm="none")),
        (resnet(dropout=0.3), ResNet(base=4, blocks=2, dropout=True)),
        (resnet(padding_mode="zeros"), ResNet(base=4, blocks=2, padding="zeros")),
        (resnet(padding_mode={"type": "zeros"}), ResNet(base=4, blocks=2, padding="zeros")),
        (resnet(padding_mode="replicate"), ResNet(base=4, blocks=2, padding="replicate")),
        (patch(n_layers=1), Patch(base=4, layers=1)),
        (patch(norm=INSTANCE, bias=True), Patch(base=4, norm="instance")),
        (patch(norm="none", bias="outer"), Patch(base=4, norm="none")),
        (patch(padding=1), Patch(base=4)),
        (pixel(), Pixel(base=4)),
        (pixel(norm=INSTANCE, bias=True, last_bias=True), Pixel(base=4, norm="instance")),
        (pixel(norm="none", bias="outer"), Pixel(base=4, norm="none")),
    ],
)
def test_the_port_loads_it_and_computes_the_same(ours, plain):
    plain.load_state_dict(to_reference(ours))
    size = 64 if isinstance(ours, UNetGenerator) else 32
    image = torch.randn(2, ours.in_channels, size, size)
    assert list(to_reference(ours)) == list(plain.state_dict())
    assert (ours.eval()(image) - plain.eval()(image.clone())).abs().max().item() <= 1e-5


@pytest.mark.parametrize(
    ("network", "argument", "value", "has"),
    [
        (unet, "num_downs", 1, "2 to 20"),
        (unet, "kernel_size", 6, "4"),
        (unet, "norm", "instance", "'batch' or {'type': 'instance', 'affine': False} or 'none'"),
        (unet, "norm", {"type": "batch", "eps": 0.1}, "'batch' or"),
        (unet, "norm", {"type": "batch", "affine": False}, "'batch' or"),
        (unet, "norm", "group", "'batch' or"),
        (unet, "bottleneck_norm", "batch", "'none'"),
        (unet, "last_norm", "batch", "'none'"),
        (unet, "bias", True, "bias=False, last_bias='auto' with this norm (down.0.conv.bias"),
        (unet, "bias", "auto", "bias=False, last_bias='auto' with this norm"),
        (unet, "last_bias", False, "bias=False, last_bias='auto' with this norm (up.4.conv.bias"),
        (unet, "activation", {"type": "leaky_relu", "negative_slope": 0.1}, "'leaky_relu'"),
        (unet, "up_activation", "gelu", "'relu'"),
        (unet, "last_activation", "none", "'tanh'"),
        (unet, "down", "pool", "'conv'"),
        (unet, "up", "nearest", "'deconv'"),
        (unet, "skip", "add", "'concat'"),
        (unet, "skip_features", "raw", "'activated'"),
        (unet, "decoder_activation", "before_join", "'after_join'"),
        (unet, "concat_order", "decoder_first", "'skip_first'"),
        (unet, "attention_levels", [1], "[]"),
        (unet, "spectral_norm", True, "False"),
        (resnet, "bias", True, "bias=False with this norm"),
        (resnet, "norm", "instance", "'batch' or"),
        (resnet, "activation", "silu", "'relu'"),
        (resnet, "last_activation", "none", "'tanh'"),
        (resnet, "padding_mode", "circular", "'reflect' or 'replicate' or 'zeros'"),
        (resnet, "outer_padding_mode", "zeros", "'reflect'"),
        (resnet, "up", "nearest", "{'type': 'deconv'"),
        (resnet, "down", {"type": "conv", "kernel_size": 5}, "{'type': 'conv', 'kernel_size': 3}"),
        (resnet, "spectral_norm", True, "False"),
        (patch, "kernel_size", 3, "4"),
        (patch, "padding", 2, "'auto' or 1"),
        (patch, "bias", False, "bias='auto' with this norm (blocks.0.conv.bias"),
        (patch, "n_layers", 21, "1 to 20"),
        (patch, "activation", "relu", "'leaky_relu'"),
        (patch, "spectral_norm", True, "False"),
        (pixel, "bias", True, "bias='auto', last_bias=False with this norm"),
        (pixel, "last_bias", True, "bias='auto', last_bias=False with this norm (logits"),
    ],
)
def test_what_the_port_has_not_is_named(network, argument, value, has):
    with pytest.raises(OptionError) as caught:
        to_reference(network(**{argument: value}))
    message = str(caught.value)
    assert message.startswith(f"{argument} is {value!r}, but the PyTorch port has ")
    assert has in message
    assert message.endswith("Save model.state_dict() instead")


def multiscale(**options):
    return MultiScaleDiscriminator(6, {"type": "patch", "base_channels": 4, **options})


BUILD = {
    "unet": unet,
    "resnet": resnet,
    "patch": patch,
    "pixel": pixel,
    "multiscale": multiscale,
}


@pytest.mark.parametrize("layout", FORMATS, ids=lambda layout: layout.name)
def test_every_argument_that_is_let_through_exists(layout):
    known, _ = _arguments_and_defaults(BUILD[layout.component]())
    assert {*layout.free, *layout.choices, *layout.arguments("batch")} <= {*known, "dialect"}


@pytest.mark.parametrize("layout", FORMATS, ids=lambda layout: layout.name)
def test_every_argument_without_a_default_is_let_through(layout):
    parameters = inspect.signature(type(BUILD[layout.component]())).parameters.values()
    required = {p.name for p in parameters if p.default is p.empty}
    assert required <= {*layout.free, *layout.choices}


def test_instance_norm_needs_its_biases():
    with pytest.raises(OptionError, match=r"^bias is False.*bias=True, last_bias='auto' with this"):
        to_reference(unet(norm=INSTANCE))


@pytest.mark.parametrize("network", [patch, pixel])
def test_without_norm_the_ports_inner_convolutions_have_no_bias(network):
    with pytest.raises(OptionError, match=r"^bias is 'auto'.*bias='outer'.*blocks\.1\.conv\.bias"):
        to_reference(network(norm="none"))


def test_other_components_are_refused():
    with pytest.raises(OptionError, match="no known code base has a 'deconv': .* writes 'unet'"):
        to_reference(DeconvBlock(3, 3))
    with pytest.raises(SpecError, match="has no spec"):
        to_reference(nn.Conv2d(1, 1, 1))


def test_the_tensors_are_the_networks_own():
    network = randomized(patch())
    written = to_reference(network)
    assert written["model.0.weight"].data_ptr() == network.blocks[0].conv.weight.data_ptr()


def test_the_usual_options_are_those_of_the_components():
    for name, usual in _DEFAULT_OPTIONS.items():
        registry = NORMS if name in NORMS else ACTIVATIONS
        component = registry.build(name, *([4] if registry is NORMS else []))
        plain = registry.build({"type": name, **usual}, *([4] if registry is NORMS else []))
        assert repr(component) == repr(plain)


@pytest.mark.parametrize(
    "wrap",
    [
        nn.DataParallel,
        torch.compile,
        lambda network: torch.compile(nn.DataParallel(network)),
    ],
)
def test_wrappers_are_taken_off(wrap):
    network = randomized(patch())
    written, expected = to_reference(wrap(network)), to_reference(network)
    assert list(written) == list(expected)
    assert all(torch.equal(written[key], expected[key]) for key in expected)
