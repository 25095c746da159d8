"""Self-attention: the formula, the axis of the softmax, sizes, layouts, compilers."""

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from ganblocks import SelfAttention, initialize, spec_of
from ganblocks.blocks import BLOCKS
from ganblocks.errors import OptionError, ShapeError

SIZES = [(1, 1), (1, 5), (4, 3), (8, 8)]


def opened(channels=16, **options):
    """Attention whose gate is open, so that something can be seen."""
    attention = SelfAttention(channels, **options)
    nn.init.constant_(attention.gamma, 0.75)
    return attention


class Given(nn.Module):
    """Stands in for a convolution and gives these maps whatever comes."""

    def __init__(self, maps):
        super().__init__()
        self.maps = maps

    def forward(self, x):
        return self.maps


def matrix(conv):
    return conv.weight[:, :, 0, 0]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_formula_pixel_by_pixel(height, width):
    attention = opened().double()
    x = torch.randn(2, 16, height, width, dtype=torch.float64)
    expected = x.clone()
    for b in range(2):
        pixels = x[b].flatten(1).T
        for j, pixel in enumerate(pixels):
            query = matrix(attention.query) @ pixel
            scores = torch.stack([query @ (matrix(attention.key) @ other) for other in pixels])
            weights = scores.exp() / scores.exp().sum()
            seen = sum(w * (matrix(attention.value) @ other) for w, other in zip(weights, pixels))
            expected[b, :, j // width, j % width] += 0.75 * (matrix(attention.out) @ seen)
    assert torch.allclose(attention(x), expected, rtol=0, atol=1e-12)


def test_the_weights_of_each_pixel_are_a_distribution_over_the_keys():
    height, width = 3, 5
    attention = SelfAttention(30, reduction=2)
    nn.init.ones_(attention.gamma)
    one_hot = torch.eye(15).reshape(1, 15, height, width)  # the value of pixel i is i itself
    attention.value, attention.out = Given(one_hot), nn.Sequential(nn.ZeroPad3d((0,) * 5 + (15,)))
    x = 3 * torch.randn(1, 30, height, width)
    weights = (attention(x) - x)[0, :15]
    assert weights.min() > -1e-6
    assert torch.allclose(weights.sum(0), torch.ones(height, width), atol=1e-5)
    assert weights.std() > 0.01  # not merely uniform


@pytest.mark.parametrize("constant", [1.0, -2.5])
def test_attending_over_a_constant_gives_that_constant(constant):
    attention = SelfAttention(8, reduction=1)
    nn.init.ones_(attention.gamma)
    attention.value = Given(torch.full((2, 8, 4, 6), constant))
    attention.out = nn.Identity()
    x = 3 * torch.randn(2, 8, 4, 6)
    assert torch.allclose(attention(x) - x, torch.tensor(constant), atol=1e-5)


def test_it_begins_as_the_identity_and_can_leave_it():
    attention = SelfAttention(16)
    initialize(attention, "kaiming")
    x = torch.randn(2, 16, 4, 4)
    assert torch.equal(attention(x), x)
    assert torch.equal(SelfAttention(16)(x), x)
    attention(x).square().sum().backward()
    assert attention.gamma.grad.abs() > 0


def test_initializing_closes_the_gate_again():
    attention = opened()
    initialize(attention)
    assert attention.gamma.item() == 0


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_both_layouts_agree_in_values_and_gradients(height, width):
    attention = opened()
    x = torch.randn(2, 16, height, width)
    target = torch.randn_like(x)
    seen = []
    for layout in (torch.contiguous_format, torch.channels_last):
        attention.to(memory_format=layout).zero_grad()
        image = x.clone(memory_format=layout).requires_grad_()
        result = attention(image)
        (result * target).sum().backward()
        grads = [p.grad.clone() for p in attention.parameters()]
        seen.append([result.detach(), image.grad, *grads])
    for a, b in zip(*seen):
        assert torch.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_fused_kernel_takes_it(layout):
    x = torch.randn(2, 16, 4, 6).to(memory_format=layout)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):  # or else it raises
        opened().to(memory_format=layout)(x).sum().backward()


def test_gradients_of_gradients_are_right_where_a_penalty_asks_for_them():
    attention = opened().double()
    x = torch.randn(1, 16, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(attention, x)
    with sdpa_kernel(SDPBackend.MATH):
        assert torch.autograd.gradgradcheck(attention, x)


def test_few_channels_leave_one_between():
    attention = opened(3)
    assert attention.query.out_channels == 1
    assert attention(torch.randn(1, 3, 4, 4)).shape == (1, 3, 4, 4)


def test_it_fits_the_contract_of_blocks():
    assert BLOCKS.build("attention", 8, 8).out_channels == 8
    assert spec_of(SelfAttention(8, reduction=4)) == {
        "type": "attention",
        "in_channels": 8,
        "out_channels": None,
        "reduction": 4,
    }
    with pytest.raises(OptionError, match="out_channels is 16.*Write out_channels=8"):
        SelfAttention(8, 16)
    with pytest.raises(OptionError, match="reduction is 0"):
        SelfAttention(8, reduction=0)
    with pytest.raises(ShapeError, match="expected \\(B, 8, H, W\\)"):
        SelfAttention(8)(torch.zeros(1, 4, 2, 2))


@pytest.mark.slow
def test_it_compiles_as_one_graph():
    attention, x = opened(), torch.randn(2, 16, 5, 7)
    compiled = torch.compile(attention, backend="aot_eager", fullgraph=True)
    assert torch.allclose(compiled(x), attention(x), atol=1e-6)


@pytest.mark.slow
def test_it_is_exported_for_every_size():
    attention = opened().eval()
    sides = {0: torch.export.Dim.AUTO, 2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}
    program = torch.export.export(
        attention, (torch.randn(2, 16, 6, 8),), dynamic_shapes={"x": sides}
    )
    for shape in [(1, 16, 5, 9), (3, 16, 12, 4)]:
        x = torch.randn(shape)
        assert torch.allclose(program.module()(x), attention(x), atol=1e-6)
