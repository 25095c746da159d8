import pytest
import torch
from torch import nn

from ganblocks.blocks import NORMS, BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from ganblocks.errors import OptionError, ShapeError


def test_instance_norm_is_the_formula():
    norm = InstanceNorm(3)
    nn.init.uniform_(norm.weight)
    nn.init.uniform_(norm.bias)
    x = torch.randn(2, 3, 5, 7)
    mean = x.mean((2, 3), keepdim=True)
    spread = (x.var((2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
    expected = (x - mean) / spread * norm.weight[:, None, None] + norm.bias[:, None, None]
    assert torch.allclose(norm(x), expected, atol=1e-5)
    assert torch.equal(norm.eval()(x), norm.train()(x))


def test_batch_norm_at_batch_1_equals_instance_norm():
    batch, instance = BatchNorm(4), InstanceNorm(4)
    x = torch.randn(1, 4, 6, 6)
    assert torch.allclose(batch(x), instance(x), atol=1e-5)


@pytest.mark.parametrize("name", [n for n in NORMS.names() if n not in ("none", "pixel")])
@pytest.mark.parametrize("batch", [1, 2])
def test_gradients_agree_in_both_memory_formats(name, batch):
    """torch's own instance norm gives wrong gradients in channels_last on the CPU."""
    norm = NORMS.build(name, 8)
    x, weight = torch.randn(2, batch, 8, 16, 16)
    grads = []
    for layout in (torch.contiguous_format, torch.channels_last):
        leaf = x.clone().to(memory_format=layout).requires_grad_()
        norm.zero_grad()
        (norm(leaf) * weight).sum().backward()
        grads.append((leaf.grad, norm.weight.grad.clone()))
    for plain, last in zip(*grads, strict=True):
        assert torch.allclose(plain, last, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "training"),
    [("batch", True), ("instance", True), ("instance", False), ("group", True), ("group", False)],
)
def test_a_single_value_cannot_be_normalized(name, training):
    with pytest.raises(ShapeError, match="each mean is over one value"):
        NORMS.build(name, 4).train(training)(torch.zeros(1, 4, 1, 1))


def test_batch_norm_takes_1x1_maps_of_a_batch_and_in_eval():
    norm = BatchNorm(4)
    assert norm(torch.randn(2, 4, 1, 1)).shape == (2, 4, 1, 1)
    assert norm.eval()(torch.randn(1, 4, 1, 1)).shape == (1, 4, 1, 1)


def test_no_norm_is_the_identity():
    x = torch.randn(1, 2, 3, 3)
    assert NORMS.build("none", 2)(x) is x


def test_group_norm_is_the_formula():
    norm = GroupNorm(6, groups=2)
    nn.init.uniform_(norm.weight)
    nn.init.uniform_(norm.bias)
    x = torch.randn(2, 6, 3, 5)
    for image in range(2):
        for group in range(2):
            channels = slice(3 * group, 3 * group + 3)
            part = x[image, channels]
            expected = (part - part.mean()) / (part.var(unbiased=False) + 1e-5).sqrt()
            expected = expected * norm.weight[channels, None, None]
            expected = expected + norm.bias[channels, None, None]
            assert torch.allclose(norm(x)[image, channels], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("channels", "groups", "made"), [(64, 32, 32), (48, 32, 24), (7, 4, 1), (3, 32, 3), (10, 4, 2)]
)
def test_group_norm_takes_the_most_groups_that_divide(channels, groups, made):
    assert GroupNorm(channels, groups=groups).num_groups == made


def test_group_norm_of_one_group_takes_a_single_pixel():
    assert GroupNorm(4, groups=1)(torch.randn(1, 4, 1, 1)).abs().max() > 0


def test_layer_norm_is_over_the_channels_of_each_pixel():
    norm = LayerNorm(5)
    nn.init.uniform_(norm.weight)
    nn.init.uniform_(norm.bias)
    x = torch.randn(2, 5, 3, 4)  # an implementation for (B, ..., C) would normalize the rows
    expected = torch.empty_like(x)
    for b in range(2):
        for i in range(3):
            for j in range(4):
                v = x[b, :, i, j]
                v = (v - v.mean()) / (v.var(unbiased=False) + 1e-5).sqrt()
                expected[b, :, i, j] = v * norm.weight + norm.bias
    assert torch.allclose(norm(x), expected, atol=1e-5)


def test_pixel_norm_gives_every_pixel_unit_length():
    y = NORMS.build("pixel", 6)(5 * torch.randn(2, 6, 3, 4))
    assert torch.allclose(y.square().mean(1), torch.ones(2, 3, 4), atol=1e-5)


@pytest.mark.parametrize("name", ["layer", "pixel"])
def test_norms_over_channels_need_several(name):
    with pytest.raises(OptionError, match="two or more"):
        NORMS.build(name, 1)


def test_group_norm_needs_a_group():
    with pytest.raises(OptionError, match="groups is 0"):
        GroupNorm(4, groups=0)


@pytest.mark.parametrize("name", [n for n in NORMS.names() if n != "none"])
@pytest.mark.parametrize("shape", [(2, 8, 3, 3), (2, 4, 9), (4, 3, 3)])
def test_a_map_of_another_shape_is_our_error(name, shape):
    norm = NORMS.build(name, 4)
    with pytest.raises(ShapeError, match=f"{name} norm got a tensor of shape"):
        norm(torch.zeros(shape))
    with pytest.raises(OptionError, match="channels is 0"):
        NORMS.build(name, 0)
