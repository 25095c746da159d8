"""R3GAN's block and minibatch standard deviation, against their formulas."""

from math import gcd

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings, strategies as st

from ganblocks import initialize
from ganblocks.blocks import BLOCKS, BottleneckBlock, MinibatchStdDev, ResidualBlock
from ganblocks.blocks.bottleneck import bottleneck_stages
from ganblocks.errors import OptionError, ShapeError

DOUBLE = {"dtype": torch.float64}


@settings(deadline=None, max_examples=15)
@given(
    channels=st.sampled_from([1, 4, 6]),
    expansion=st.integers(1, 3),
    group_channels=st.sampled_from([1, 2, 64]),
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
)
def test_the_formula_of_the_block(channels, expansion, group_channels, size):
    inner = expansion * channels
    block = BottleneckBlock(channels, expansion=expansion, group_channels=group_channels).double()
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.randn(2, channels, *size, **DOUBLE)

    maps = torch.einsum("oi,bihw->bohw", block.expand.weight[..., 0, 0], x)
    maps = maps + block.expand.bias[:, None, None]
    maps = torch.where(maps > 0, maps, 0.2 * maps)
    per_group = gcd(group_channels, inner)
    mixed = [  # each group is a convolution of its own
        F.conv2d(maps[:, i : i + per_group], block.mix.weight[i : i + per_group], padding=1)
        for i in range(0, inner, per_group)
    ]
    maps = torch.cat(mixed, 1) + block.mix.bias[:, None, None]
    maps = torch.where(maps > 0, maps, 0.2 * maps)
    expected = x + torch.einsum("oi,bihw->bohw", block.project.weight[..., 0, 0], maps)
    assert torch.allclose(block(x), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("depth", [1, 16])
def test_it_starts_as_the_identity_with_weights_scaled_by_depth(depth):
    block = BottleneckBlock(128, depth=depth)
    x = torch.randn(1, 128, 3, 4)
    for init in (None, "normal", "orthogonal", "none"):
        if init:
            initialize(block, init)
        assert torch.equal(block(x), x)
        for conv, fan_in in ((block.expand, 128), (block.mix, 16 * 9)):
            expected = (2 / (1 + 0.2**2) / fan_in) ** 0.5 / depth**0.25
            assert conv.weight.std().item() == pytest.approx(expected, rel=0.05)
            assert not conv.bias.any()


def test_stages_halve_or_double_and_preserve_the_mean_square():
    widths = [8, 16, 16]
    down = bottleneck_stages(widths, "down", n_blocks=2, group_channels=4)
    up = bottleneck_stages(widths[::-1], "up", n_blocks=1, group_channels=4)
    assert {block.depth for block in down.modules() if isinstance(block, BottleneckBlock)} == {6}
    assert [hasattr(stage, "conv") for stage in down] == [False, True, False]
    x = torch.randn(1, 8, 12, 20)
    for stage in down:
        x = stage(x)
    assert x.shape == (1, 16, 3, 5)
    for stage in up:
        x = stage(x)
    assert x.shape == (1, 8, 12, 20)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out_channels": 8}, "keeps the channels"),
        ({"group_channels": 0}, "group_channels is 0"),
        ({"depth": 0}, "depth is 0"),
        ({"expansion": 0}, "expansion is 0"),
    ],
)
def test_wrong_options_of_the_block(options, message):
    with pytest.raises(OptionError, match=message):
        BLOCKS.build("bottleneck", 6, **options)


@settings(deadline=None, max_examples=25)
@given(batch=st.integers(1, 9), group_size=st.integers(2, 5), side=st.integers(1, 3))
def test_the_formula_of_minibatch_std(batch, group_size, side):
    x = torch.randn(batch, 2, side, 2, **DOUBLE)
    out = MinibatchStdDev(2, group_size=group_size)(x)
    assert torch.equal(out[:, :2], x)
    count = -(-batch // group_size)
    sizes = [batch // count + (i < batch % count) for i in range(count)]
    assert sum(sizes) == batch
    assert max(sizes) <= group_size
    start = 0
    for size in sizes:
        rows = x[start : start + size].flatten(1).t().tolist()
        deviations = []
        for values in rows:
            mean = sum(values) / size
            deviations.append((sum((v - mean) ** 2 for v in values) / size + 1e-8) ** 0.5)
        expected = sum(deviations) / len(deviations)
        assert torch.allclose(out[start : start + size, 2], torch.tensor(expected, **DOUBLE))
        start += size


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_equal_images_have_a_finite_gradient(dtype):
    x = torch.ones(4, 3, 2, 2, dtype=dtype, requires_grad=True)
    MinibatchStdDev(3)(x).square().sum().backward()
    assert x.grad.isfinite().all()


def test_wrong_options_of_minibatch_std():
    with pytest.raises(OptionError, match="group_size is 1: write a whole number that is at least"):
        MinibatchStdDev(3, group_size=1)
    with pytest.raises(OptionError, match="write 4 or None"):
        MinibatchStdDev(3, 8)
    with pytest.raises(ShapeError, match="expected"):
        MinibatchStdDev(3)(torch.zeros(2, 4, 5, 5))


def test_res_scale_scales_what_a_residual_block_adds():
    plain, scaled = ResidualBlock(4, 4), ResidualBlock(4, 4, res_scale=0.1)
    scaled.load_state_dict(plain.state_dict())
    x = torch.randn(1, 4, 5, 6)
    assert torch.allclose(scaled(x) - x, 0.1 * (plain(x) - x), atol=1e-6)
    with pytest.raises(OptionError, match="res_scale is -1"):
        ResidualBlock(4, 4, res_scale=-1)
