"""Any legal combination of arguments builds, runs and round-trips; any illegal one is explained."""

import json

import pytest
import torch
from hypothesis import assume, given, settings, strategies as st

from ganblocks import DISCRIMINATORS, GENERATORS, GanBlocksError, spec_of
from ganblocks.blocks import (
    ACTIVATIONS,
    BLOCKS,
    DOWNSAMPLERS,
    INITIALIZERS,
    NORMS,
    PADDINGS,
    UPSAMPLERS,
)

norms = st.sampled_from(
    [*NORMS.names(), {"type": "instance", "affine": False}, {"type": "group", "groups": 2}]
)
activations = st.sampled_from([*ACTIVATIONS.names(), {"type": "leaky_relu", "negative_slope": 0.1}])
biases = st.sampled_from(["auto", True, False])
ups = st.sampled_from([*UPSAMPLERS.names(), {"type": "nearest", "kernel_size": 5}])
downs = st.sampled_from([*DOWNSAMPLERS.names(), {"type": "pool", "pool": "max"}])
paddings = st.sampled_from(PADDINGS.names())
inits = st.sampled_from(INITIALIZERS.names())
channels = st.integers(2, 4)  # norms over channels need two
dropouts = st.sampled_from([0.0, 0.5])
modes = st.sampled_from(["train", "always"])


@st.composite
def dialects(draw, levels):
    fields = {
        "skip_features": st.sampled_from(["activated", "raw"]),
        "decoder_activation": st.sampled_from(["after_join", "before_join"]),
        "concat_order": st.sampled_from(["skip_first", "decoder_first"]),
        "dropout_levels": st.one_of(st.sampled_from(["port", "paper"]), levels),
        "bottleneck_norm": st.sampled_from(["none", "batch", "layer", "pixel"]),
        "last_norm": norms,
        "bias": biases,
        "last_bias": biases,
    }
    dialect = draw(st.fixed_dictionaries({"type": st.just("port"), **fields}))
    assume((dialect["skip_features"], dialect["decoder_activation"]) != ("raw", "before_join"))
    return draw(st.sampled_from([dialect, "port", "lua", "tutorial"]))


@st.composite
def unets(draw):
    num_downs = draw(st.integers(1, 4))
    levels = st.lists(st.integers(0, num_downs - 2), unique=True) if num_downs > 1 else st.just([])
    arguments = {
        "type": "unet",
        "in_channels": draw(channels),
        "out_channels": draw(channels),
        "base_channels": draw(channels),
        "max_multiplier": draw(st.integers(1, 8)),
        "num_downs": num_downs,
        "kernel_size": draw(st.sampled_from([2, 4, 6])),
        "norm": draw(norms),
        "activation": draw(activations),
        "up_activation": draw(activations),
        "last_activation": draw(activations),
        "down": draw(downs),
        "up": draw(ups),
        "skip": draw(st.sampled_from(["concat", "add", "none"])),
        "dialect": draw(dialects(levels)),
        "dropout": draw(dropouts),
        "dropout_mode": draw(modes),
        "attention_levels": draw(levels),
        "spectral_norm": draw(st.booleans()),
        "checkpointing": draw(st.booleans()),
        "size_policy": draw(st.sampled_from(["pad", "match_skip"])),
        "init": draw(inits),
    }
    if arguments["down"] != "conv" and arguments["up"] != "deconv":
        arguments["kernel_size"] = 4
    return arguments


resnets = st.fixed_dictionaries(
    {
        "type": st.just("resnet"),
        "in_channels": channels,
        "out_channels": channels,
        "base_channels": channels,
        "n_blocks": st.integers(0, 2),
        "num_downs": st.integers(0, 2),
        "norm": norms,
        "bias": biases,
        "activation": activations,
        "last_activation": activations,
        "padding_mode": paddings,
        "outer_padding_mode": paddings,
        "down": downs,
        "up": ups,
        "dropout": dropouts,
        "dropout_mode": modes,
        "spectral_norm": st.booleans(),
        "checkpointing": st.booleans(),
        "init": inits,
    }
)
patches = st.fixed_dictionaries(
    {
        "type": st.just("patch"),
        "in_channels": channels,
        "base_channels": channels,
        "n_layers": st.integers(1, 3),
        "max_multiplier": st.integers(1, 8),
        "kernel_size": st.integers(2, 5),
        "padding": st.sampled_from(["auto", 1, 2]),
        "norm": norms,
        "bias": biases,
        "activation": activations,
        "spectral_norm": st.booleans(),
        "checkpointing": st.booleans(),
        "init": inits,
    }
)
pixels = st.fixed_dictionaries(
    {
        "type": st.just("pixel"),
        "in_channels": channels,
        "base_channels": channels,
        "norm": norms,
        "bias": biases,
        "last_bias": st.booleans(),
        "activation": activations,
        "spectral_norm": st.booleans(),
        "init": inits,
    }
)
multiscales = st.builds(
    lambda inner, in_channels, num_scales: {
        "type": "multiscale",
        "in_channels": in_channels,
        "discriminator": {k: v for k, v in inner.items() if k != "in_channels"},
        "num_scales": num_scales,
    },
    st.one_of(patches, pixels),
    channels,
    st.integers(1, 2),
)
block_arguments = {
    "norm": norms,
    "bias": biases,
    "activation": activations,
    "dropout": dropouts,
    "dropout_mode": modes,
    "spectral_norm": st.booleans(),
}
orders = st.sampled_from(
    [
        "conv norm activation dropout",
        "activation conv norm dropout",
        "norm activation dropout conv",
        "dropout conv norm",
    ]
)
blocks = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("conv"), "padding_mode": paddings, "order": orders, **block_arguments}
    ),
    st.fixed_dictionaries({"type": st.just("deconv"), "order": orders, **block_arguments}),
    st.fixed_dictionaries({"type": st.just("up"), "up": ups, "order": orders, **block_arguments}),
    st.fixed_dictionaries(
        {"type": st.just("down"), "down": downs, "order": orders, **block_arguments}
    ),
    st.fixed_dictionaries(
        {"type": st.just("residual"), "padding_mode": paddings, **block_arguments}
    ),
)


def built_again(registry, network, *args):
    """The network that its spec describes, once that has been through JSON."""
    spec = json.loads(json.dumps(spec_of(network)))
    again = registry.build(spec, *args)
    assert spec_of(again) == spec_of(network)
    shapes = [{k: v.shape for k, v in n.state_dict().items()} for n in (network, again)]
    assert shapes[0] == shapes[1]
    again.load_state_dict(network.state_dict())
    return again


def runs_both_ways(network, image):
    output = network(image)
    maps = output if isinstance(output, list) else [output]
    sum(m.square().sum() for m in maps).backward()
    assert all(m.isfinite().all() for m in maps)
    gradients = [p.grad for p in network.parameters()]
    assert all(g is None or g.isfinite().all() for g in gradients)
    assert any(g is not None for g in gradients)
    return output


@settings(deadline=None, max_examples=80)
@given(arguments=unets(), height=st.integers(1, 24), width=st.integers(1, 24))
def test_any_unet(arguments, height, width):
    network = GENERATORS.build(arguments)
    image = torch.randn(2, arguments["in_channels"], height, width)
    output = runs_both_ways(network, image)
    assert output.shape == (2, arguments["out_channels"], height, width)
    again = built_again(GENERATORS, network)
    torch.manual_seed(1)
    expected = network.eval()(image)
    torch.manual_seed(1)
    assert torch.equal(again.eval()(image), expected)


@settings(deadline=None, max_examples=40)
@given(arguments=resnets, height=st.integers(1, 24), width=st.integers(1, 24))
def test_any_resnet(arguments, height, width):
    network = GENERATORS.build(arguments)
    output = runs_both_ways(network, torch.randn(2, arguments["in_channels"], height, width))
    assert output.shape == (2, arguments["out_channels"], height, width)
    built_again(GENERATORS, network)


@settings(deadline=None, max_examples=60)
@given(arguments=st.one_of(patches, pixels, multiscales), more=st.integers(0, 9))
def test_any_discriminator(arguments, more):
    network = DISCRIMINATORS.build(arguments)
    height, width = (n + more for n in network.min_input_size)
    output = runs_both_ways(network, torch.randn(2, arguments["in_channels"], height, width))
    size = network.output_size(height, width)
    if arguments["type"] == "multiscale":
        assert tuple(tuple(m.shape) for m in output) == tuple((2, 1, *s) for s in size)
    else:
        assert output.shape == (2, 1, *size)
    built_again(DISCRIMINATORS, network)


@settings(deadline=None, max_examples=60)
@given(arguments=blocks, in_channels=channels, out_channels=channels)
def test_any_block(arguments, in_channels, out_channels):
    block = BLOCKS.build(arguments, in_channels, out_channels)
    output = runs_both_ways(block, torch.randn(2, in_channels, 6, 8))
    size = {"deconv": (12, 16), "up": (12, 16), "down": (3, 4)}.get(arguments["type"], (6, 8))
    assert output.shape == (2, out_channels, *size)
    built_again(BLOCKS, block)


count = [0, -3, 1.5, True, "4", None]
word = ["", "cat", "NONE", 7, None]
component = ["nothing", {"type": "nothing"}, {}, {"kernel": 3}, 3, None]
levels = [[9], [-1], [0.5], "all", None, 1]
ILLEGAL = {
    **dict.fromkeys(["in_channels", "out_channels", "base_channels", "max_multiplier"], count),
    **dict.fromkeys(["num_downs", "n_blocks"], (-1, 1.5, True, "4", None)),
    **dict.fromkeys(["n_layers", "num_scales", "kernel_size"], count),
    "padding": [-1, 0.5, "same", None],
    **dict.fromkeys(["bias", "last_bias"], ("maybe", "", 2, None)),
    **dict.fromkeys(["norm", "down", "up"], component),
    "dialect": [
        *component,
        *({"type": "port", "bias": value} for value in ("maybe", "", 2, None)),
        *({"type": "port", "last_bias": value} for value in ("maybe", "", 2, None)),
        *({"type": "port", "bottleneck_norm": value} for value in component),
        *({"type": "port", "last_norm": value} for value in component),
        *({"type": "port", "skip_features": value} for value in word),
        *({"type": "port", "decoder_activation": value} for value in word),
        *({"type": "port", "concat_order": value} for value in word),
        *({"type": "port", "dropout_levels": value} for value in levels),
        {"type": "lua", "decoder_activation": "before_join"},
        {"type": "lua", "no_such_field": 1},
    ],
    **dict.fromkeys(["activation", "up_activation", "last_activation"], component),
    **dict.fromkeys(["padding_mode", "outer_padding_mode", "init", "discriminator"], component),
    **dict.fromkeys(["skip", "dropout_mode", "size_policy"], word),
    "dropout": [-0.1, 1.1, "half", True, None],
    "attention_levels": levels,
    "order": ["", "norm", "conv conv", "conv bn", None],
    **dict.fromkeys(["spectral_norm", "checkpointing"], ("yes", 1, None)),
}


@pytest.mark.filterwarnings("ignore:a transposed convolution")
@settings(deadline=None, max_examples=300)
@given(
    kind=st.sampled_from(["unet", "resnet", "discriminator", "block"]),
    data=st.data(),
)
def test_any_illegal_argument_is_one_of_our_errors(kind, data):
    registry, strategy = {
        "unet": (GENERATORS, unets()),
        "resnet": (GENERATORS, resnets),
        "discriminator": (DISCRIMINATORS, st.one_of(patches, pixels, multiscales)),
        "block": (BLOCKS, blocks),
    }[kind]
    args = (2, 3) if kind == "block" else ()
    arguments = data.draw(strategy)
    if "n_blocks" in arguments:
        arguments["n_blocks"] += 1  # else the blocks' padding is never built
        arguments["num_downs"] += 1
    if data.draw(st.booleans()):
        argument = data.draw(st.sampled_from([k for k in arguments if k != "type"]))
        arguments[argument] = data.draw(st.sampled_from(ILLEGAL[argument]))
    else:
        arguments["no_such_argument"] = 1
    with pytest.raises(GanBlocksError):
        registry.build(arguments, *args)
