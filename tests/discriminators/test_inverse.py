"""From a wanted receptive field to a PatchGAN, and what `repr` says of one."""

from functools import partial

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from ganblocks import (
    DISCRIMINATORS,
    MultiScaleDiscriminator,
    PatchDiscriminator,
    PixelDiscriminator,
    suggest_patch_discriminator,
)
from ganblocks.errors import OptionError


@pytest.mark.parametrize(("size", "layers"), [(16, 1), (34, 2), (70, 3), (142, 4), (286, 5)])
def test_each_size_of_the_paper_is_found(size, layers):
    network = PatchDiscriminator.from_receptive_field(size, in_channels=5, base_channels=2)
    assert network.n_layers == layers
    assert network.in_channels == 5
    assert network.receptive_field.size == (size, size)


@pytest.mark.parametrize("kernel_size", [2, 3, 5])
@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_the_closed_form_is_what_the_calculator_finds(kernel_size, n_layers):
    network = PatchDiscriminator(6, base_channels=2, kernel_size=kernel_size, n_layers=n_layers)
    side = network.receptive_field.size[0]
    again = PatchDiscriminator.from_receptive_field(
        side, 6, kernel_size=kernel_size, base_channels=2
    )
    assert again.n_layers == n_layers


def test_a_size_between_names_the_nearest_two():
    with pytest.raises(OptionError, match=r"is 64.*34 \(n_layers=2\) and 70 \(n_layers=3\)"):
        PatchDiscriminator.from_receptive_field(64, 6)
    with pytest.raises(OptionError, match=r"is 3.*16 \(n_layers=1\)\. Write"):
        PatchDiscriminator.from_receptive_field(3, 6)


@pytest.mark.parametrize(("wish", "got"), [(64, 70), (52, 34), (53, 70), (1, 16)])
def test_nearest_takes_the_nearest_and_the_smaller_of_two(wish, got):
    network = PatchDiscriminator.from_receptive_field(wish, 6, nearest=True, base_channels=2)
    assert network.receptive_field.size == (got, got)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"receptive_field": 0}, "receptive_field is 0"),
        ({"receptive_field": 70, "n_layers": 3}, "determines n_layers"),
        ({"receptive_field": 70, "nearest": 1}, "nearest is 1"),
        ({"receptive_field": 70, "kernel_size": 1}, "kernel_size is 1"),
    ],
)
def test_wrong_wishes_are_explained(words, message):
    with pytest.raises(OptionError, match=message):
        PatchDiscriminator.from_receptive_field(in_channels=6, **words)


@pytest.mark.parametrize("size", [256, (96, 200)])
def test_suggestions_are_what_they_say(size):
    height, width = (size, size) if isinstance(size, int) else size
    found = suggest_patch_discriminator(receptive_field=70, image_size=size, in_channels=6, count=6)
    off = [abs(one.receptive_field - 70) for one in found]
    assert off == sorted(off)
    assert off[0] == 0
    for one in found:
        with torch.device("meta"):
            network = one.build()
        field = network.receptive_field
        assert field.size == (one.receptive_field,) * 2
        assert field.stride == (one.stride,) * 2
        assert sum(p.numel() for p in network.parameters()) == one.parameters
        with FlopCounterMode(display=False) as counter:
            logits = network(torch.empty(1, 6, height, width, device="meta"))
        assert tuple(logits.shape[2:]) == one.grid
        assert counter.get_total_flops() == 2 * one.multiply_adds
        boxes = [field.box(i, j) for i in range(one.grid[0]) for j in range(one.grid[1])]
        inside = [t >= 0 and le >= 0 and b <= height and r <= width for t, le, b, r in boxes]
        assert sum(inside) == one.clear
        assert DISCRIMINATORS.build(one.spec, base_channels=2).n_layers == one.n_layers


def test_no_patchgan_judges_a_tiny_image():
    with pytest.raises(OptionError, match="too small for any PatchDiscriminator"):
        suggest_patch_discriminator(receptive_field=70, image_size=1, in_channels=6)
    with pytest.raises(OptionError, match="image_size is"):
        suggest_patch_discriminator(receptive_field=70, image_size=(1, 2, 3), in_channels=6)


@pytest.mark.parametrize(
    ("network", "end"),
    [
        (
            partial(PatchDiscriminator, 6),
            "70×70 receptive field, stride 8, 30×30 logits on 256×256",
        ),
        (
            partial(PixelDiscriminator, 6),
            "1×1 receptive field, stride 1, 256×256 logits on 256×256",
        ),
        (
            lambda **k: PatchDiscriminator(6, n_layers=5, **k),
            "286×286 receptive field, stride 32, 6×6 logits on 256×256, every one looks at padding",
        ),
        (
            lambda **k: PatchDiscriminator(6, n_layers=7, **k),
            "1150×1150 receptive field, stride 128, no logit on 256×256: it is too small",
        ),
        (
            lambda **k: MultiScaleDiscriminator(6, {"type": "patch_34", **k}, num_scales=2),
            "34×34 receptive field, stride 4, 62×62 logits on 256×256; "
            "69×69 receptive field, stride 8, 30×30 logits on 256×256",
        ),
    ],
)
def test_repr_ends_with_what_a_logit_sees(network, end):
    assert repr(network(base_channels=2)).endswith(f"  # {end}")
