"""SPADE and AdaIN: the formulas, the resized condition, statistics, layouts, mistakes."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ganblocks import spec_of
from ganblocks.blocks import BLOCKS, NORMS, SPADE, AdaIN, adaptive_instance_norm, with_statistics
from ganblocks.errors import OptionError, RegistryError, ShapeError


def normalized(x):
    mean = x.mean((2, 3), keepdim=True)
    return (x - mean) / ((x - mean).square().mean((2, 3), keepdim=True) + 1e-5).sqrt()


def test_spade_is_its_formula():
    spade = SPADE(4, 3, norm="instance", hidden_channels=5).double()
    x = torch.randn(2, 4, 6, 7, dtype=torch.float64)
    condition = torch.randn(2, 3, 6, 7, dtype=torch.float64)
    hidden = F.conv2d(condition, spade.embedding.weight, spade.embedding.bias, padding=1)
    weight, bias = spade.modulation.weight, spade.modulation.bias
    gamma = F.conv2d(hidden.clamp(min=0), weight[:4], bias[:4], padding=1)
    beta = F.conv2d(hidden.clamp(min=0), weight[4:], bias[4:], padding=1)
    expected = normalized(x) * (1 + gamma) + beta
    assert torch.allclose(spade(x, condition), expected, rtol=0, atol=1e-12)


def test_spade_takes_the_middle_of_each_patch_of_the_condition():
    spade = SPADE(4, 3)
    x, condition = torch.randn(2, 4, 5, 6), torch.randn(2, 3, 15, 18)
    middle = condition[..., 1::3, 1::3].contiguous()
    assert torch.equal(spade(x, condition), spade(x, middle))


def test_spade_enlarges_the_condition_pixel_by_pixel():
    spade = SPADE(4, 3)
    x, condition = torch.randn(2, 4, 6, 6), torch.randn(2, 3, 3, 2)
    larger = condition.repeat_interleave(2, 2).repeat_interleave(3, 3)
    assert torch.equal(spade(x, condition), spade(x, larger))


@pytest.mark.parametrize("norm", [*NORMS.names(), nn.BatchNorm2d, lambda channels: nn.Identity()])
def test_spade_takes_every_norm_and_leaves_its_scale_and_shift_out(norm):
    spade = SPADE(4, 3, norm=norm)
    assert list(spade.norm.parameters()) == []
    assert spade(torch.randn(2, 4, 6, 6), torch.randn(2, 3, 6, 6)).shape == (2, 4, 6, 6)


def test_spade_follows_the_statistics_of_the_image():
    spade = SPADE(4, 3)
    x, condition = torch.randn(1, 4, 6, 6), torch.randn(1, 3, 6, 6)
    twin = with_statistics(spade, "image")
    assert torch.allclose(twin(x, condition), spade(x, condition), atol=1e-5)


def test_adain_is_its_formula():
    adain = AdaIN(4, 3).double()
    x, style = (torch.randn(s, dtype=torch.float64) for s in [(2, 4, 6, 7), (2, 3)])
    made = style @ adain.modulation.weight.T + adain.modulation.bias
    expected = torch.empty_like(x)
    for b in range(2):
        for c in range(4):
            gamma, beta = made[b, c], made[b, 4 + c]
            expected[b, c] = normalized(x)[b, c] * (1 + gamma) + beta
    assert torch.allclose(adain(x, style), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("kind", ["adain", "spade"])
def test_gradients_are_right_in_both_layouts(kind, batch):
    block = AdaIN(8, 5) if kind == "adain" else SPADE(8, 5, norm="instance", hidden_channels=8)
    x, target = torch.randn(batch, 8, 6, 5), torch.randn(batch, 8, 6, 5)
    second = torch.randn(batch, 5) if kind == "adain" else torch.randn(batch, 5, 6, 5)

    def gradients(dtype, layout):
        copy = BLOCKS.build(spec_of(block)).to(dtype)
        copy.load_state_dict(block.state_dict())
        copy.to(memory_format=layout)
        image = x.to(dtype).clone(memory_format=layout).requires_grad_()
        told = second.to(dtype).clone().requires_grad_()
        (copy(image, told) * target).sum().backward()
        return [image.grad, told.grad, *(p.grad for p in copy.parameters())]

    exact = gradients(torch.float64, torch.contiguous_format)
    for layout in (torch.contiguous_format, torch.channels_last):
        for ours, right in zip(gradients(torch.float32, layout), exact):
            assert torch.allclose(ours.double(), right, atol=1e-3, rtol=1e-4)


def test_aligned_maps_have_the_statistics_of_the_style():
    content, style = torch.randn(2, 3, 16, 16), 4 - 3 * torch.randn(2, 3, 8, 5)
    aligned = adaptive_instance_norm(content, style)
    assert torch.allclose(aligned.mean((2, 3)), style.mean((2, 3)), atol=1e-4)
    ours, theirs = (torch.std(m, (2, 3), correction=0) for m in (aligned, style))
    assert torch.allclose(ours, theirs, rtol=1e-4)
    # The pattern stays: each channel is an increasing function of what it was.
    assert torch.equal(aligned.flatten(2).argsort(-1), content.flatten(2).argsort(-1))


def test_a_map_aligned_to_itself_stays_even_where_it_is_nearly_flat():
    nearly_flat = 0.3 + 0.001 * torch.randn(1, 2, 4, 4)
    assert torch.allclose(adaptive_instance_norm(nearly_flat, nearly_flat), nearly_flat, atol=1e-6)
    flat = torch.full((1, 2, 4, 4), 0.3, requires_grad=True)
    adaptive_instance_norm(flat, flat).square().sum().backward()
    assert flat.grad.isfinite().all()


@pytest.mark.parametrize(
    ("x", "condition", "said"),
    [
        ((2, 4, 6, 6), (2, 5, 6, 6), "expected \\(2, 3, 'H', 'W'\\)"),
        ((2, 4, 6, 6), (1, 3, 6, 6), "expected \\(2, 3, 'H', 'W'\\)"),
        ((2, 4, 6, 6), (2, 3), "expected \\(2, 3, 'H', 'W'\\)"),
        ((2, 5, 6, 6), (2, 3, 6, 6), "expected \\(B, 4, H, W\\)"),
    ],
)
def test_spade_names_what_does_not_fit(x, condition, said):
    with pytest.raises(ShapeError, match=said):
        SPADE(4, 3)(torch.zeros(x), torch.zeros(condition))


@pytest.mark.parametrize(
    ("x", "style", "said"),
    [
        ((2, 4, 6, 6), (2, 5), "expected one vector per image, \\(2, 3\\)"),
        ((2, 4, 6, 6), (1, 3), "expected one vector per image, \\(2, 3\\)"),
        ((2, 4, 6, 6), (2, 3, 1, 1), "expected one vector per image, \\(2, 3\\)"),
        ((2, 5, 6, 6), (2, 3), "expected \\(B, 4, H, W\\)"),
        ((2, 4, 1, 1), (2, 3), "instance norm got a map"),
    ],
)
def test_adain_names_what_does_not_fit(x, style, said):
    with pytest.raises(ShapeError, match=said):
        AdaIN(4, 3)(torch.zeros(x), torch.zeros(style))


@pytest.mark.parametrize(
    ("content", "style"),
    [
        ((2, 3, 6, 6), (2, 4, 6, 6)),
        ((2, 3, 6, 6), (1, 3, 6, 6)),
        ((2, 3, 6, 6), (2, 3)),
        ((2, 3), (2, 3, 6, 6)),
        ((2, 3, 1, 1), (2, 3, 6, 6)),
    ],
)
def test_aligning_names_what_does_not_fit(content, style):
    with pytest.raises(ShapeError, match="the same B and C, and the content larger than 1×1"):
        adaptive_instance_norm(torch.zeros(content), torch.zeros(style))


def test_wrong_options_are_named():
    with pytest.raises(OptionError, match="use an odd one"):
        SPADE(4, 3, kernel_size=4)
    with pytest.raises(RegistryError, match="did you mean 'batch'"):
        SPADE(4, 3, norm="bath")
    with pytest.raises(OptionError, match="unknown option 'momentun'"):
        SPADE(4, 3, norm={"type": "batch", "momentun": 0.5})
    with pytest.raises(OptionError, match="style_channels is 0"):
        AdaIN(4, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("block", "second"),
    [
        (SPADE(8, 3, hidden_channels=4), (2, 3, 12, 12)),
        (AdaIN(8, 3), (2, 3)),
        (adaptive_instance_norm, (2, 8, 5, 5)),
    ],
)
def test_they_compile_as_one_graph(block, second):
    x, told = torch.randn(2, 8, 6, 6), torch.randn(second)
    compiled = torch.compile(block, backend="aot_eager", fullgraph=True)
    assert torch.allclose(compiled(x, told), block(x, told), atol=1e-5)


def test_both_are_built_by_name():
    assert isinstance(BLOCKS.build("spade", 4, 3), SPADE)
    assert isinstance(BLOCKS.build("adain", 4, 3), AdaIN)


def test_half_precision_neither_overflows_nor_loses_eps():
    flat = torch.full((1, 4, 8, 8), 0.3).half()
    large = (400 * torch.randn(1, 4, 8, 8)).half()
    aligned = adaptive_instance_norm(flat, large)
    assert aligned.dtype == torch.float16
    assert aligned.isfinite().all()
    assert adaptive_instance_norm(large, flat).isfinite().all()


def test_eps_is_used():
    content, style = torch.randn(1, 2, 4, 4), torch.zeros(1, 2, 4, 4)
    assert adaptive_instance_norm(content, style, eps=1.0).std() > 0.5
    block = AdaIN(2, 3, eps=100.0)
    assert block(content, torch.zeros(1, 3)).sub(block.modulation.bias[2:, None, None]).std() < 0.3


def test_a_norm_with_weights_of_its_own_is_refused_by_spade():
    with pytest.raises(OptionError, match="its own weights"):
        SPADE(4, 3, norm=lambda channels: torch.nn.BatchNorm2d(channels))
