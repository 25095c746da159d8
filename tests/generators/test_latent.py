"""R3GAN's generator and discriminator."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings, strategies as st
from torch.export import Dim, export

from ganblocks import LatentGenerator, ResidualDiscriminator, spec_of
from ganblocks.blocks import BottleneckBlock
from ganblocks.errors import OptionError, ShapeError

SMALL = {"image_size": 16, "base_channels": 4, "max_multiplier": 2, "n_blocks": 1}
IMAGES = torch.randn(5, 3, 16, 16)


def moved(network):
    """Moves all weights away from their start, where every block is the identity."""
    for parameter in network.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    return network.double()


def test_the_layers_of_the_generator():
    network = moved(LatentGenerator(5, **SMALL, num_classes=3))
    latent, labels = torch.randn(2, 5, dtype=torch.float64), torch.tensor([2, 0])
    code = torch.cat((latent, network.embed.weight[labels]), 1) @ network.mapping.weight.t()
    maps = torch.einsum("bc,chw->bchw", code, network.basis)
    for i, stage in enumerate(network.stages):
        if i:
            maps = F.interpolate(maps, scale_factor=2, mode="bilinear")
        if i == 2:  # from 8 to 4 channels; the order of both is the same
            maps = torch.einsum("oi,bihw->bohw", stage.conv.weight[..., 0, 0], maps)
        maps = stage.block0(maps)
    expected = torch.einsum("oi,bihw->bohw", network.last.weight[..., 0, 0], maps)
    assert torch.allclose(network(latent, labels), expected, rtol=1e-10, atol=1e-10)


def test_the_layers_of_the_discriminator():
    network = moved(ResidualDiscriminator(3, **SMALL, num_classes=3, minibatch_std=True))
    x, labels = torch.randn(2, 3, 24, 16, dtype=torch.float64), torch.tensor([2, 0])
    maps = torch.einsum("oi,bihw->bohw", network.first.weight[..., 0, 0], x)
    for i, stage in enumerate(network.stages):
        if i == 1:  # from 4 to 8 channels
            maps = torch.einsum("oi,bihw->bohw", stage.conv.weight[..., 0, 0], maps)
        maps = stage.block0(F.avg_pool2d(maps, 2) if i else maps)
    std = (maps.var(0, correction=0) + 1e-8).sqrt().mean().expand(2, 1, 6, 4)
    maps = torch.cat((maps, std), 1)
    windows = maps.unfold(2, 4, 1).unfold(3, 4, 1)
    features = torch.einsum("bchwij,cij->bchw", windows, network.reduce.weight[:, 0])
    logits = torch.einsum("c,bchw->bhw", network.logits.weight[0, :, 0, 0], features)
    vectors = network.embed.weight[labels] / 9**0.5
    expected = logits + network.logits.bias + torch.einsum("bc,bchw->bhw", vectors, features)
    assert torch.allclose(network(x, labels)[:, 0], expected, rtol=1e-10, atol=1e-10)


def test_both_start_with_the_variance_of_the_input():
    latent = torch.randn(64, 64)
    images = LatentGenerator(image_size=32, base_channels=16)(latent)
    # bilinear enlargement of noise reduces its variance
    assert 0.1 < images.var() < 1.5
    discriminator = ResidualDiscriminator(3, image_size=32, base_channels=16)
    assert discriminator(torch.randn(64, 3, 32, 32)).abs().max() < 3
    assert {b.depth for b in discriminator.modules() if isinstance(b, BottleneckBlock)} == {8}


@settings(deadline=None, max_examples=12)
@given(
    power=st.integers(2, 5),
    base=st.integers(1, 5),
    maximum=st.integers(1, 4),
    n_blocks=st.integers(0, 2),
    larger=st.tuples(st.integers(0, 20), st.integers(0, 20)),
    num_classes=st.integers(0, 2),
)
def test_shapes(power, base, maximum, n_blocks, larger, num_classes):
    options = {
        "image_size": 2**power,
        "base_channels": base,
        "max_multiplier": maximum,
        "n_blocks": n_blocks,
        "group_channels": 1,
        "num_classes": num_classes,
    }
    labels = (torch.zeros(2, dtype=torch.int64),) if num_classes else ()
    images = LatentGenerator(3, 2, **options)(torch.randn(2, 3), *labels)
    assert images.shape == (2, 2, 2**power, 2**power)
    network = ResidualDiscriminator(2, **options)
    height, width = (2**power + n for n in larger)
    logits = network(F.pad(images, (0, larger[1], 0, larger[0])), *labels)
    assert logits.shape == (2, 1, *network.output_size(height, width))
    assert network.output_size(*network.min_input_size) == (1, 1)
    assert spec_of(network)["image_size"] == 2**power


def test_a_logit_sees_an_image_and_the_borders_of_its_blocks():
    options = {"image_size": 16, "base_channels": 2}
    assert ResidualDiscriminator(3, **options, n_blocks=0).receptive_field.size == (16, 16)
    field = ResidualDiscriminator(3, **options, n_blocks=1, minibatch_std=True).receptive_field
    assert field.size == (30, 30)  # 16 + 2 · (1 + 2 + 4)
    assert field.stride == (4, 4)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (None, OptionError, "has num_classes=3: pass a label for each image"),
        (torch.tensor([1]), ShapeError, r"labels of shape \(1,\) and torch.int64"),
        (torch.zeros(2), ShapeError, r"shape \(2,\) and torch.float32"),
        (torch.zeros(2, 3), ShapeError, "pass a tensor of shape"),
        (torch.tensor([0, 3]), OptionError, r"labels \[0, 3\]: with num_classes=3 they are 0 to 2"),
        (torch.tensor([-1, 0]), OptionError, r"labels \[-1, 0\]"),
    ],
)
def test_wrong_labels_are_explained(labels, error, message):
    generator = LatentGenerator(5, **SMALL, num_classes=3)
    with pytest.raises(error, match=f"LatentGenerator.*{message}"):
        generator(torch.randn(2, 5), labels)
    discriminator = ResidualDiscriminator(3, **SMALL, num_classes=3)
    with pytest.raises(error, match=f"ResidualDiscriminator.*{message}"):
        discriminator(torch.randn(2, 3, 16, 16), labels)


@pytest.mark.parametrize("num_classes", [0, 3])
def test_the_batch_of_an_export_is_free(num_classes):
    labels = (torch.tensor([0, 1, 2, 0, 1]),) if num_classes else ()
    for network, inputs in (
        (LatentGenerator(5, **SMALL, num_classes=num_classes), (torch.randn(5, 5), *labels)),
        (ResidualDiscriminator(3, **SMALL, num_classes=num_classes), (IMAGES, *labels)),
    ):
        few, free = [x[:3] for x in inputs], [{0: Dim("batch")} for _ in inputs]
        program = export(network, tuple(few), dynamic_shapes=tuple(free)).module()
        assert torch.allclose(program(*inputs), network(*inputs), atol=1e-5)


def test_labels_without_classes_are_refused():
    with pytest.raises(OptionError, match="num_classes=0: leave labels out"):
        LatentGenerator(5, **SMALL)(torch.randn(1, 5), torch.tensor([0]))


@pytest.mark.parametrize("size", [0, 2, 12, 63])
def test_sizes_that_are_no_power_of_two_are_refused(size):
    for build in (LatentGenerator, lambda **options: ResidualDiscriminator(3, **options)):
        with pytest.raises(OptionError, match="write 4 times a power of two, such as 64"):
            build(image_size=size)


def test_wrong_latents_and_small_images_are_explained():
    with pytest.raises(ShapeError, match=r"pass latents \(B, 5\), such as torch.randn\(1, 5\)"):
        LatentGenerator(5, **SMALL)(torch.randn(2, 6))
    with pytest.raises(ShapeError, match="needs at least 16×16 to give a logit"):
        ResidualDiscriminator(3, **SMALL)(torch.zeros(1, 3, 16, 15))
    assert ResidualDiscriminator(3, **SMALL).output_size(16, 4) == (1, 0)
