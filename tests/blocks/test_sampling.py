"""Padding, what halves, what doubles, and the residual block."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings, strategies as st
from torch import nn

from ganblocks import ConvBlock, DownBlock, ResidualBlock, UpBlock, initialize
from ganblocks.blocks import DOWNSAMPLERS, PADDINGS, UPSAMPLERS
from ganblocks.blocks.up import PixelShuffleConv, ResizeConv
from ganblocks.errors import GanBlocksWarning, OptionError, ShapeError


@settings(deadline=None, max_examples=60)
@given(
    name=st.sampled_from(UPSAMPLERS.names()),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    bias=st.booleans(),
)
def test_every_up_sampler_doubles(name, height, width, bias):
    up = UPSAMPLERS.build(name, 2, 3, bias=bias)
    assert up(torch.zeros(1, 2, height, width)).shape == (1, 3, 2 * height, 2 * width)
    assert any(key.endswith("bias") for key in up.state_dict()) is bias


@settings(deadline=None, max_examples=60)
@given(
    name=st.sampled_from(DOWNSAMPLERS.names()),
    height=st.integers(2, 17),
    width=st.integers(2, 17),
    bias=st.booleans(),
)
def test_every_down_sampler_halves(name, height, width, bias):
    down = DOWNSAMPLERS.build(name, 2, 3, bias=bias)
    assert down(torch.zeros(1, 2, height, width)).shape == (1, 3, height // 2, width // 2)
    assert any(key.endswith("bias") for key in down.state_dict()) is bias


def test_blur_is_the_binomial_kernel_over_a_mirrored_border():
    down = DOWNSAMPLERS.build("blur", 2, 3)
    x = torch.randn(1, 2, 8, 10)
    row = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    kernel = torch.outer(row, row).expand(3, 1, 4, 4)
    expected = F.conv2d(F.pad(down.conv(x), (1, 1, 1, 1), "reflect"), kernel, stride=2, groups=3)
    assert torch.allclose(down(x), expected, atol=1e-6)


@pytest.mark.parametrize(("pool", "by_hand"), [("average", F.avg_pool2d), ("max", F.max_pool2d)])
def test_pool_takes_the_mean_or_the_largest(pool, by_hand):
    down = DOWNSAMPLERS.build("pool", 2, 3, pool=pool)
    x = torch.randn(1, 2, 6, 6)
    assert torch.equal(down(x), by_hand(down.conv(x), 2))


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_resize_convolution_enlarges_first(mode):
    up = ResizeConv(2, 3, mode=mode)
    x = torch.randn(1, 2, 4, 5)
    large = F.interpolate(x, scale_factor=2, mode=mode)
    assert torch.allclose(up(x), F.conv2d(large, up.conv.weight, up.conv.bias, padding=1))


def test_nearest_leaves_no_checkerboard_and_a_deconv_of_kernel_3_does():
    flat = torch.ones(1, 1, 8, 8)
    with pytest.warns(GanBlocksWarning, match="checkerboard"):
        deconv = UPSAMPLERS.build("deconv", 1, 1, kernel_size=3)
    for up, spread in [(deconv, True), (UPSAMPLERS.build("nearest", 1, 1), False)]:
        for parameter in up.parameters():
            nn.init.ones_(parameter)
        inner = up(flat)[..., 3:-3, 3:-3]
        assert (inner.max() - inner.min() > 0.5).item() is spread


def test_pixel_shuffle_begins_as_an_enlargement_whatever_the_initializer():
    for init in ("normal", "xavier", "orthogonal", "kaiming"):
        up = PixelShuffleConv(4, 3)
        initialize(up, init)
        y = up(torch.randn(1, 4, 5, 6))
        assert torch.equal(y, F.interpolate(y[..., ::2, ::2], scale_factor=2, mode="nearest"))
        assert y.std() > 0


def test_checkerboard_can_be_accepted():
    assert UPSAMPLERS.build("deconv", 1, 1, kernel_size=3, checkerboard="accept")
    with pytest.raises(OptionError, match="'accept', 'warn'"):
        UPSAMPLERS.build("deconv", 1, 1, kernel_size=3, checkerboard="no")


@pytest.mark.parametrize(
    ("registry", "name", "arguments"),
    [
        (UPSAMPLERS, "nearest", {"kernel_size": 4}),
        (UPSAMPLERS, "pixelshuffle", {"kernel_size": 2}),
        (UPSAMPLERS, "deconv", {"kernel_size": 1}),
        (DOWNSAMPLERS, "pool", {"kernel_size": 2}),
        (DOWNSAMPLERS, "blur", {"kernel_size": 4}),
        (DOWNSAMPLERS, "conv", {"kernel_size": 1}),
        (DOWNSAMPLERS, "pool", {"pool": "median"}),
    ],
)
def test_a_sampler_that_cannot_be(registry, name, arguments):
    with pytest.raises(OptionError, match="odd|at least|Allowed"):
        registry.build(name, 2, 3, **arguments)


@pytest.mark.parametrize(
    ("name", "mode"),
    [("zeros", "constant"), ("reflect", "reflect"), ("replicate", "replicate")],
)
def test_padding_by_name(name, mode):
    x = torch.randn(1, 2, 4, 5)
    assert torch.equal(PADDINGS.build(name, 2)(x), F.pad(x, (2, 2, 2, 2), mode=mode))


@pytest.mark.parametrize(("name", "size"), [("reflect", 2), ("circular", 1)])
def test_a_map_too_small_to_be_padded(name, size):
    with pytest.raises(ShapeError, match=f"at least {size + 1}.*replicate"):
        PADDINGS.build(name, 2)(torch.zeros(1, 1, size, 8))
    assert PADDINGS.build(name, 2)(torch.zeros(1, 1, size + 1, 8)).shape[2] == size + 5


def test_zeros_are_padded_by_the_convolution_itself():
    assert "pad" not in dict(ConvBlock(2, 2).named_children())
    assert "pad" in dict(ConvBlock(2, 2, padding_mode="reflect").named_children())


@pytest.mark.parametrize(("channels", "shortcut"), [(4, False), (6, True)])
def test_a_residual_block_is_the_sum(channels, shortcut):
    block = ResidualBlock(4, channels, norm="instance", padding_mode="reflect")
    x = torch.randn(1, 4, 5, 6)
    assert (len(list(block.shortcut.parameters())) > 0) is shortcut
    aside = F.conv2d(x, block.shortcut.conv.weight, block.shortcut.conv.bias) if shortcut else x
    assert torch.allclose(block(x) - aside, block.second(block.first(x)), atol=1e-6)


def test_blocks_hand_the_sampler_on():
    assert "nearest" in repr(UpBlock(2, 3, up={"type": "nearest", "kernel_size": 5}))
    assert DownBlock(2, 3, down={"type": "conv", "kernel_size": 6}).conv.kernel_size == (6, 6)
    with pytest.raises(OptionError, match="odd"):
        ResidualBlock(2, 2, kernel_size=4)


@pytest.mark.parametrize("block", [UpBlock, DownBlock, ConvBlock, ResidualBlock])
def test_dropout_that_is_always_on_reaches_the_block(block):
    made = block(4, 4, dropout=0.5, dropout_mode="always").eval()
    image = torch.randn(1, 4, 8, 8)
    assert not torch.equal(made(image), made(image))
    quiet = block(4, 4, dropout=0.5).eval()
    assert torch.equal(quiet(image), quiet(image))


def test_a_sampler_of_ones_own_is_told_how_it_is_called():
    with pytest.raises(OptionError, match="called with \\(.*bias="):
        DownBlock(2, 3, down=lambda i, o: nn.Conv2d(i, o, 4, 2, 1))
    with pytest.raises(OptionError, match="sets its own bias"):
        UpBlock(2, 3, up={"type": "deconv", "bias": True})


@pytest.mark.parametrize("down", DOWNSAMPLERS.names())
def test_a_side_of_one_pixel_cannot_be_halved(down):
    with pytest.raises(ShapeError, match="cannot be halved"):
        DownBlock(2, 3, down=down)(torch.zeros(1, 2, 1, 8))


def test_blocks_name_the_channels_they_take():
    with pytest.raises(
        ShapeError, match=r"ConvBlock got .* expected \(B, 3, H, W\).*in_channels=4"
    ):
        ConvBlock(3, 5)(torch.zeros(1, 4, 8, 8))
    with pytest.raises(ShapeError, match=r"unsqueeze\(0\)"):
        ConvBlock(3, 5)(torch.zeros(3, 8, 8))


def test_the_shortcut_follows_bias_and_spectral_norm():
    block = ResidualBlock(2, 3, bias=False, spectral_norm=True)
    assert not [name for name, _ in block.named_parameters() if name.endswith("bias")]
    assert hasattr(block.shortcut.conv, "parametrizations")
    assert hasattr(block.first.conv, "parametrizations")


def test_a_pixel_shuffle_begins_alike_with_spectral_norm():
    plain = UpBlock(4, 4, up="pixelshuffle")
    spectral = UpBlock(4, 4, up="pixelshuffle", spectral_norm=True)
    for block in (plain, spectral):
        torch.manual_seed(1)
        initialize(block)
    original = spectral.conv.conv.parametrizations.weight.original
    assert torch.equal(original, plain.conv.conv.weight)
