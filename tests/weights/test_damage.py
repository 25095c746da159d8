"""State dicts that are cut, renamed, reshaped or of something else: the error says which key."""

import functools

import pytest
import torch
from hypothesis import example, given, settings, strategies as st
from plain_port import Patch, Pixel, ResNet, Tutorial, UNet

from ganblocks import PatchDiscriminator, PixelDiscriminator, ResNetGenerator, UNetGenerator
from ganblocks.errors import WeightsError
from ganblocks.weights import port_patch, port_unet, tutorial_unet
from ganblocks.weights.translation import from_reference

unet_from_reference = functools.partial(from_reference, "unet")
resnet_from_reference = functools.partial(from_reference, "resnet")
patch_from_reference = functools.partial(from_reference, "patch")
pixel_from_reference = functools.partial(from_reference, "pixel")
READ = {
    UNet: unet_from_reference,
    Tutorial: unet_from_reference,
    ResNet: resnet_from_reference,
    Patch: patch_from_reference,
    Pixel: pixel_from_reference,
}
READERS = list(dict.fromkeys(READ.values()))
NORM = st.sampled_from(["batch", "instance", "none"])
WIDTH = st.integers(2, 5)
CHANNELS = st.integers(1, 4)
U_NET = {"base": WIDTH, "inputs": CHANNELS, "outputs": CHANNELS, "most": st.sampled_from([2, 4, 8])}
STATES = st.one_of(
    st.tuples(
        st.just(UNet), st.fixed_dictionaries({**U_NET, "downs": st.integers(5, 8), "norm": NORM})
    ),
    st.tuples(st.just(Tutorial), st.fixed_dictionaries({**U_NET, "downs": st.integers(4, 8)})),
    st.tuples(
        st.just(ResNet),
        st.fixed_dictionaries(
            {
                "base": WIDTH,
                "blocks": st.integers(2, 4),
                "norm": NORM,
                "dropout": st.booleans(),
                "padding": st.sampled_from(["reflect", "zeros"]),
            }
        ),
    ),
    st.tuples(
        st.just(Patch),
        st.fixed_dictionaries({"base": WIDTH, "layers": st.integers(2, 6), "norm": NORM}),
    ),
    st.tuples(st.just(Pixel), st.fixed_dictionaries({"base": WIDTH, "norm": NORM})),
)


@functools.cache
def built(cls, arguments):
    with torch.device("meta"):
        network = cls(**dict(arguments))
    return {key: torch.zeros(value.shape) for key, value in network.state_dict().items()}


def state_of(cls, arguments):
    return dict(built(cls, tuple(arguments.items())))


def without(state, key, shape):
    del state[key]


def renamed(state, key, name):
    value = state.pop(key)
    state[name(key)] = value


def reshaped(state, key, shape):
    state[key] = torch.zeros(shape(tuple(state[key].shape)))


DAMAGES = [
    (without, None),
    (renamed, lambda key: f"{key}_old"),
    (renamed, lambda key: f"x.{key}"),
    (renamed, lambda key: key.rpartition(".")[0] + ".scale"),
    (reshaped, lambda shape: (*shape, 2)),
    (reshaped, lambda shape: (shape[0] + 1, *shape[1:]) if shape else (1,)),
    (reshaped, lambda shape: (0, *shape[1:]) if shape else (1,)),
    (reshaped, lambda shape: (int(torch.Size(shape).numel()) + 1,)),
]


@given(state=STATES, place=st.integers(0, 10**6), damage=st.sampled_from(DAMAGES))
@example(state=(Pixel, {"base": 2, "norm": "batch"}), place=5, damage=DAMAGES[2])
@example(state=(Patch, {"base": 2, "layers": 2, "norm": "batch"}), place=0, damage=DAMAGES[6])
@settings(max_examples=300, deadline=None)
def test_one_damaged_key_is_named(state, place, damage):
    (cls, arguments), (harm, how) = state, damage
    weights = state_of(cls, arguments)
    keys = list(weights)
    counts = [key for key in keys if key.endswith("num_batches_tracked")]
    if len(counts) == 1:  # without its only one it is a file of old, and whole
        keys.remove(counts[0])
    key = keys[place % len(keys)]
    harm(weights, key, how)
    with pytest.raises(WeightsError) as caught:
        READ[cls](weights)
    named = {key}
    if cls is ResNet and key == keys[-2]:  # only its bias says as well how many channels there are
        named.add(keys[-1])
    assert any(f" the first: {key} is " in str(caught.value) for key in named)


@given(state=STATES, name=st.sampled_from(["model.99.weight", "extra", "net.9.bias"]))
@settings(max_examples=60, deadline=None)
def test_a_key_left_over_is_named(state, name):
    weights = {**state_of(*state), name: torch.zeros(1)}
    with pytest.raises(WeightsError, match=r"should be|no key"):
        READ[state[0]](weights)


@given(state=STATES, keep=st.floats(0.5, 0.99))
@settings(max_examples=100, deadline=None)
def test_a_file_that_is_cut_short_is_refused(state, keep):
    weights = state_of(*state)
    cut = dict(list(weights.items())[: int(len(weights) * keep)])
    with pytest.raises(WeightsError, match="Check that the file is complete"):
        READ[state[0]](cut)


@pytest.mark.parametrize(
    ("cls", "arguments", "key", "shape", "words"),
    [
        (UNet, {"base": 4, "downs": 5}, "model.model.3.bias", (4,), "is (4,), and should be (3,)"),
        (UNet, {"base": 4, "downs": 5}, "model.model.3.bias", None, "missing, and should be (3,)"),
        (Patch, {"base": 4}, "model.12.bias", (1,), "is (1,), and should be absent"),
        (Tutorial, {"base": 4, "downs": 4}, "conv2.1.bias", (7,), "is (7,), and should be (8,)"),
    ],
)
def test_both_shapes_are_said(cls, arguments, key, shape, words):
    weights = state_of(cls, arguments)
    weights.pop(key, None)
    if shape is not None:
        weights[key] = torch.zeros(shape)
    with pytest.raises(WeightsError) as caught:
        READ[cls](weights)
    assert f"{key} is " in str(caught.value)
    assert words in str(caught.value)
    assert ") 1 key differs (the network has " in str(caught.value)


def test_several_keys_of_a_layer_are_counted_and_the_first_is_named():
    weights = state_of(ResNet, {"base": 4, "blocks": 2})
    for name in ("running_var", "weight", "bias"):
        del weights[f"model.11.conv_block.6.{name}"]
    with pytest.raises(
        WeightsError,
        match=r"3 keys differ \(the network has \d+\).*model\.11\.conv_block\.6\.weight is mi",
    ):
        resnet_from_reference(weights)


ARCHITECTURES = [
    (UNet, "a U-Net of the PyTorch port", "UNetGenerator.from_reference"),
    (Tutorial, "a U-Net of the pix2pix tutorial", "UNetGenerator.from_reference"),
    (ResNet, "a ResNet of the PyTorch port", "ResNetGenerator.from_reference"),
    (Patch, "a PatchGAN of the PyTorch port", "PatchDiscriminator.from_reference"),
    (Pixel, "a PixelGAN of the PyTorch port", "PixelDiscriminator.from_reference"),
]


@pytest.mark.parametrize(
    ("cls", "what", "reader", "read"),
    [(*row, read) for row in ARCHITECTURES for read in READERS if READ[row[0]] is not read],
)
def test_another_architecture_is_recognized(cls, what, reader, read):
    norm = {} if cls is Tutorial else {"norm": "instance"}
    for arguments in ({"base": 4}, {"base": 4, **norm}):
        with pytest.raises(WeightsError) as caught:
            read(state_of(cls, arguments))
        assert f"this state dict is {what}" in str(caught.value)
        assert f"use {reader}" in str(caught.value)


@pytest.mark.parametrize(
    "network",
    [
        lambda: UNetGenerator(base_channels=4, num_downs=5),
        lambda: ResNetGenerator(base_channels=4, n_blocks=1),
        lambda: PatchDiscriminator(6, base_channels=4),
        lambda: PixelDiscriminator(6, base_channels=4),
    ],
)
def test_our_own_layout_is_recognized(network):
    network = network()
    with pytest.raises(WeightsError, match="ganblocks' own layout: use load_state_dict"):
        type(network).from_reference(network.state_dict())


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("weights", [{}, {"layer4.0.conv1.weight": torch.zeros(3)}])
def test_what_is_none_of_them_is_refused(read, weights):
    with pytest.raises(WeightsError, match="no key looks like"):
        read(weights)


@pytest.mark.parametrize(
    ("read", "keys"),
    [
        (patch_from_reference, ["model.999999999.weight"]),
        (resnet_from_reference, ["model.999999999.conv_block.1.weight"]),
        (resnet_from_reference, [f"model.{i}.conv_block.1.weight" for i in (10, 999999999)]),
        (unet_from_reference, ["conv999999999.0.weight"]),
        (unet_from_reference, ["model." * 50_000 + "1.weight"]),
        (patch_from_reference, [f"model.{'9' * 5000}.weight"]),
        (resnet_from_reference, [f"model.{'9' * 5000}.conv_block.1.weight"]),
        (unet_from_reference, [f"conv{'9' * 5000}.0.weight"]),
    ],
)
def test_a_huge_number_in_a_key_costs_nothing(read, keys):
    with pytest.raises(WeightsError, match="is missing"):
        read({key: torch.zeros(4, 4, 4, 4) for key in keys})


@pytest.mark.parametrize(
    ("layout", "keys", "argument", "deepest"),
    [
        (
            port_unet.UNET,
            ["model.model.1.model." + "3.model." * i for i in range(400)],
            "num_downs",
            20,
        ),
        (tutorial_unet.UNET, [f"conv{i}.0." for i in range(400)], "num_downs", 20),
        (port_patch.PATCH, [f"model.{i}." for i in range(400)], "n_layers", 20),
    ],
)
def test_no_depth_is_tried_that_no_image_has(layout, keys, argument, deepest):
    tried = layout.candidates({f"{key}1.weight": torch.zeros(4, 4, 4, 4) for key in keys})
    assert max(spec[argument] for spec, _ in tried) == deepest


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
def test_a_patch_gan_without_its_last_convolution_is_told_so(norm):
    weights = state_of(Patch, {"base": 4, "norm": norm})
    del weights["model.11.weight"], weights["model.11.bias"]
    with pytest.raises(
        WeightsError, match=r"n_layers=3.*\) 2 keys differ .*: model\.11\.weight is missing"
    ):
        patch_from_reference(weights)
