import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings, strategies as st
from torch import nn

from ganblocks import (
    DISCRIMINATORS,
    MultiScaleDiscriminator,
    PatchDiscriminator,
    PixelDiscriminator,
)
from ganblocks.errors import OptionError, ShapeError


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def test_parameter_counts_of_the_port():
    assert parameters(PixelDiscriminator(6)) == 9_024
    instance = {"type": "instance", "affine": False}
    assert parameters(PixelDiscriminator(6, norm=instance, bias=True, last_bias=True)) == 8_897


def test_a_pixel_is_judged_by_itself():
    network = PixelDiscriminator(6, base_channels=8).eval()
    image = torch.randn(1, 6, 5, 7)
    logits = network(image)
    assert logits.shape == (1, 1, 5, 7)
    image[..., 2, 3] += 1
    changed = (network(image) != logits).nonzero().tolist()
    assert changed == [[0, 0, 2, 3]]


@settings(deadline=None, max_examples=30)
@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    num_scales=st.integers(1, 3),
    n_layers=st.integers(1, 3),
)
def test_sizes_are_foretold(height, width, num_scales, n_layers):
    network = MultiScaleDiscriminator(
        3, {"type": "patch", "n_layers": n_layers, "base_channels": 2}, num_scales=num_scales
    )
    image = torch.randn(2, 3, height, width)
    least = network.min_input_size
    if height < least[0] or width < least[1]:
        with pytest.raises(ShapeError, match=f"at least {least[0]}×{least[1]}"):
            network(image)
        return
    logits = network(image)
    assert tuple(tuple(m.shape[-2:]) for m in logits) == network.output_size(height, width)
    assert all(m.shape[:2] == (2, 1) for m in logits)


def test_the_least_size_is_the_least():
    network = MultiScaleDiscriminator(3, {"type": "patch", "n_layers": 1, "base_channels": 2})
    height, width = network.min_input_size
    assert min(min(size) for size in network.output_size(height, width)) == 1
    assert min(min(size) for size in network.output_size(height - 1, width)) == 0


def test_each_scale_sees_the_pooled_image():
    network = MultiScaleDiscriminator(6, "patch_16", num_scales=2).eval()
    image = torch.randn(1, 6, 33, 40)
    half = F.avg_pool2d(image, 3, 2, 1, count_include_pad=False)
    first, second = network(image)
    assert torch.equal(first, network.scales[0](image))
    assert torch.equal(second, network.scales[1](half))
    assert not torch.equal(network.scales[1](image), network.scales[0](image))  # own weights


def test_receptive_fields_are_what_the_gradient_says():
    network = MultiScaleDiscriminator(
        1, {"type": "patch", "n_layers": 2, "base_channels": 2, "norm": "none"}, num_scales=3
    )
    for parameter in network.parameters():
        nn.init.ones_(parameter)  # nothing cancels
    image = torch.rand(1, 1, 301, 301, requires_grad=True)
    for field, logits in zip(network.receptive_field, network(image), strict=True):
        at = logits.shape[-1] // 2
        (seen,) = torch.autograd.grad(logits[0, 0, at, at], image, retain_graph=True)
        rows = seen[0, 0].abs().sum(1).nonzero().flatten()
        top, _, bottom, _ = field.box(at, at)
        assert (top, bottom) == (rows.min().item(), rows.max().item() + 1)


def test_features_end_with_the_logits():
    network = MultiScaleDiscriminator(6, "patch_16", num_scales=2).eval()
    image = torch.randn(1, 6, 32, 32)
    maps = network.features(image)
    assert [len(scale) for scale in maps] == [3, 3]
    assert all(torch.equal(m[-1], y) for m, y in zip(maps, network(image), strict=True))


def test_it_takes_any_discriminator_of_one_scale():
    assert isinstance(MultiScaleDiscriminator(4, "pixel").scales[0], PixelDiscriminator)
    assert isinstance(MultiScaleDiscriminator(6, PatchDiscriminator).scales[2], PatchDiscriminator)
    with pytest.raises(OptionError, match="single scale"):
        MultiScaleDiscriminator(6, "multiscale")
    with pytest.raises(OptionError, match="num_scales is 0"):
        DISCRIMINATORS.build("multiscale", in_channels=6, num_scales=0)


def test_padding_moves_the_field_and_leaves_its_size():
    one = PatchDiscriminator(6, base_channels=2)
    two = PatchDiscriminator(6, base_channels=2, padding=2)
    assert one.receptive_field.size == two.receptive_field.size == (70, 70)
    assert two.output_size(256, 256) == (35, 35)  # as pix2pixHD has it
    assert two(torch.zeros(1, 6, 256, 256)).shape[-2:] == (35, 35)


def test_spectral_norm_bounds_every_kernel():
    network = PatchDiscriminator(6, base_channels=4, n_layers=1, norm="none", spectral_norm=True)
    for _ in range(20):
        network(torch.randn(1, 6, 32, 32))
    for block in (*network.blocks, network.logits):
        sigma = torch.linalg.svdvals(block.conv.weight.detach().flatten(1))[0]
        assert abs(sigma - 1) < 0.05


def test_what_a_scale_lacks_is_named():
    class Half(nn.Module):
        def __init__(self, in_channels):
            super().__init__()
            self.receptive_field = PatchDiscriminator(6, base_channels=2).receptive_field

    with pytest.raises(OptionError, match="lacks 'features', 'min_input_size', 'output_size'"):
        MultiScaleDiscriminator(6, Half)
    with pytest.raises(OptionError, match="discriminator sets in_channels"):
        MultiScaleDiscriminator(6, {"type": "patch", "in_channels": 4})


def test_the_remedy_for_a_small_image_is_one_that_there_is():
    with pytest.raises(ShapeError, match="fewer n_layers"):
        PatchDiscriminator(6, base_channels=2)(torch.zeros(1, 6, 8, 8))
    with pytest.raises(ShapeError, match=r"Enlarge the image\n"):
        PixelDiscriminator(6, base_channels=2)(torch.zeros(1, 6, 1, 1))


@pytest.mark.parametrize("build", [PatchDiscriminator, PixelDiscriminator])
@pytest.mark.parametrize("norm", ["batch", "none"])
def test_outer_biases_leave_out_the_inner_layers(build, norm):
    network = build(6, base_channels=4, norm=norm, bias="outer", init="kaiming")
    biased = [block.conv.bias is not None for block in network.blocks]
    assert biased == [True] + [False] * (len(network.blocks) - 1)
    with pytest.raises(OptionError, match="unknown bias 'inner'.*'auto', 'outer', True or False"):
        build(6, bias="inner")


@pytest.mark.parametrize("build", [PatchDiscriminator, PixelDiscriminator])
def test_inner_spectral_norm_leaves_out_the_first_and_last(build):
    network = build(6, base_channels=4, spectral_norm="inner")
    layers = [block.conv for block in (*network.blocks, network.logits)]
    normed = [nn.utils.parametrize.is_parametrized(layer) for layer in layers]
    assert normed == [False] + [True] * (len(layers) - 2) + [False]
    with pytest.raises(OptionError, match="unknown spectral_norm 'outer'.*'inner', True or False"):
        build(6, spectral_norm="outer")
