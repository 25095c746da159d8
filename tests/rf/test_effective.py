"""The effective field against closed forms."""

import numpy as np
import pytest
import torch
from torch import nn

from ganblocks import MultiScaleDiscriminator
from ganblocks.errors import OptionError
from ganblocks.rf import effective_receptive_field


def ones(count, kernel=3):
    convs = [nn.Conv2d(1, 1, kernel, padding=kernel // 2, bias=False) for _ in range(count)]
    for conv in convs:
        nn.init.ones_(conv.weight)
    return nn.Sequential(*convs)


def test_one_convolution_of_ones_is_a_square():
    field = effective_receptive_field(ones(1, 5), (1, 21, 31))
    assert field.index == (10, 15)
    assert field.box == (8, 13, 13, 18)
    expected = torch.zeros(21, 31, dtype=torch.float64)
    expected[8:13, 13:18] = 1 / 25
    torch.testing.assert_close(field.map, expected)
    assert field.half_mass_radius == pytest.approx(2)  # 1 + 4 + 4 + 4 of 25 pixels lie within 2


@pytest.mark.parametrize("count", [2, 6, 12])
def test_a_stack_of_ones_is_the_kernels_convolved(count):
    field = effective_receptive_field(ones(count), (1, 41, 41))
    row = np.ones(1)
    for _ in range(count):
        row = np.convolve(row, np.ones(3) / 3)
    wide = np.zeros(41)
    wide[20 - count : 21 + count] = row
    np.testing.assert_allclose(field.map.numpy(), np.outer(wide, wide), atol=1e-7)
    place = np.arange(41) - 20
    variance = (field.map.numpy().sum(1) * place**2).sum()
    assert variance == pytest.approx(count * 2 / 3, rel=1e-5)
    # A bell: half of the mass lies within σ √(2 ln 2), to the width of a ring of pixels.
    assert field.half_mass_radius == pytest.approx(np.sqrt(variance * 2 * np.log(2)), abs=0.8)


def test_nothing_counts_outside_the_theoretical_field():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 1, 4, 2, 1))
    field = effective_receptive_field(network, (3, 40, 40), (4, 6), samples=4)
    top, left, bottom, right = field.box
    inside = field.map[top:bottom, left:right].sum().item()
    assert inside == pytest.approx(field.map.sum().item())
    assert field.map.sum().item() == pytest.approx(1)
    assert all(p.grad is None for p in network.parameters())


def test_the_mean_is_over_the_images_given():
    class Square(nn.Module):
        def forward(self, x):
            return x[:, :, 1:2] ** 2

    images = torch.zeros(2, 1, 3, 4)
    images[0, 0, 1, 2], images[1, 0, 1, 2] = 1.0, 3.0
    field = effective_receptive_field(Square(), index=(0, 2), inputs=images)
    assert field.map[1, 2] == 1
    assert field.half_mass_radius == 0
    with pytest.raises(OptionError, match="no pixel of these images reaches"):
        effective_receptive_field(Square(), index=(0, 1), inputs=images)


def test_scales_and_mistakes():
    network = MultiScaleDiscriminator(6, {"type": "patch_16", "base_channels": 2}, num_scales=2)
    near, far = (effective_receptive_field(network, (64, 64), output=n, samples=2) for n in (0, 1))
    assert near.half_mass_radius < far.half_mass_radius
    with pytest.raises(OptionError, match="output is 2"):
        effective_receptive_field(network, (64, 64), output=2)
    with pytest.raises(OptionError, match=r"index \(99, 0\)"):
        effective_receptive_field(network, (64, 64), (99, 0))
