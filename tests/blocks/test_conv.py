import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from ganblocks import ConvBlock, DeconvBlock
from ganblocks.blocks import BLOCKS
from ganblocks.errors import GanBlocksWarning, OptionError, RegistryError


@pytest.mark.filterwarnings("ignore:a transposed convolution")
@settings(deadline=None, max_examples=40)
@given(kernel=st.integers(2, 7), stride=st.integers(1, 3), size=st.integers(1, 9))
def test_deconv_multiplies_the_size_exactly(kernel, stride, size):
    if kernel < stride or (stride == 1 and kernel % 2 == 0):
        with pytest.raises(OptionError, match="kernel_size"):
            DeconvBlock(2, 3, kernel_size=kernel, stride=stride)
        return
    block = DeconvBlock(2, 3, kernel_size=kernel, stride=stride)
    assert block(torch.zeros(1, 2, size, size + 1)).shape == (
        1,
        3,
        stride * size,
        stride * (size + 1),
    )


@settings(deadline=None, max_examples=40)
@given(kernel=st.integers(2, 7), size=st.integers(1, 9))
def test_conv_of_stride_2_halves_the_size_exactly(kernel, size):
    block = ConvBlock(2, 3, kernel_size=kernel, stride=2)
    assert block(torch.zeros(1, 2, 2 * size, 2 * size + 2)).shape == (1, 3, size, size + 1)


@pytest.mark.parametrize("block", [ConvBlock, DeconvBlock])
@pytest.mark.parametrize(
    ("norm", "order", "bias"),
    [
        ("none", "conv norm activation dropout", True),
        ("batch", "conv norm activation dropout", False),
        ("instance", "activation conv norm dropout", False),
        ("batch", "norm activation conv", True),
        ("none", "conv activation", True),
    ],
)
def test_bias_is_there_where_no_norm_follows(block, norm, order, bias):
    made = block(3, 5, norm=norm, order=order)
    assert (made.conv.bias is not None) is bias
    assert made(torch.zeros(1, 3, 4, 4)).shape[1] == 5


@pytest.mark.parametrize(
    "order", ["conv norm activation dropout", "activation conv norm", "norm activation conv"]
)
def test_steps_run_in_their_order(order):
    dropout = 0.3 if "dropout" in order else 0.0
    block = ConvBlock(3, 5, norm="batch", activation="tanh", dropout=dropout, order=order)
    steps = {
        "conv": block.conv,
        "norm": block.norm,
        "activation": nn.Tanh(),
        "dropout": getattr(block, "dropout", None),
    }
    x = torch.randn(2, 3, 6, 6)
    torch.manual_seed(1)
    expected = x
    for step in order.split():
        expected = steps[step](expected)
    torch.manual_seed(1)
    assert torch.allclose(block(x), expected, atol=1e-6)


@pytest.mark.parametrize("order", ["norm activation", "conv conv", "conv bn", ""])
def test_an_order_that_is_none(order):
    with pytest.raises(OptionError, match="once each"):
        ConvBlock(3, 5, order=order)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"padding_mode": "reflected"}, RegistryError),
        ({"padding": "same"}, OptionError),
        ({"bias": "aut"}, OptionError),
        ({"activation": "rel"}, RegistryError),
        ({"norm": "batchnorm"}, RegistryError),
        ({"dropout": 2}, OptionError),
    ],
)
def test_a_wrong_option(arguments, error):
    with pytest.raises(error, match="Allowed|from 0 to 1"):
        ConvBlock(3, 5, **arguments)


@pytest.mark.parametrize("arguments", [{"norm": "batch"}, {"dropout": 0.5}])
def test_a_step_that_the_order_leaves_out(arguments):
    with pytest.raises(OptionError, match=f"{next(iter(arguments))} is missing from order"):
        ConvBlock(3, 5, order="conv activation", **arguments)


@pytest.mark.parametrize("padding", [-1, 1.5])
def test_a_padding_below_zero_or_between(padding):
    with pytest.raises(OptionError, match="padding is"):
        ConvBlock(3, 5, padding=padding)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (4, 3), (5, 2), (5, 4)])
def test_a_kernel_that_makes_checkerboards_is_warned_of(kernel, stride):
    with pytest.warns(GanBlocksWarning, match=f"a multiple of {stride}"):
        DeconvBlock(2, 2, kernel_size=kernel, stride=stride)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_padding_modes_match_padding_by_hand(mode):
    block = ConvBlock(2, 2, padding_mode=mode, activation="none")
    x = torch.randn(1, 2, 5, 6)
    padded = nn.functional.pad(x, (1, 1, 1, 1), mode=mode)
    expected = nn.functional.conv2d(padded, block.conv.weight, block.conv.bias)
    assert torch.allclose(block(x), expected, atol=1e-6)


def test_blocks_are_built_by_name():
    assert isinstance(BLOCKS.build("deconv", 3, 5), DeconvBlock)
    assert isinstance(BLOCKS.build({"type": "conv", "stride": 2}, 3, 5), ConvBlock)


@pytest.mark.parametrize("arguments", [{"norm": nn.BatchNorm2d(5)}, {"activation": nn.Tanh()}])
def test_a_finished_module_is_no_factory(arguments):
    with pytest.raises(OptionError, match="a name, a spec or a callable"):
        ConvBlock(3, 5, **arguments)
