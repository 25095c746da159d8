"""Coverage, boxes over photos and logits as heat: what the pixels are."""

import numpy as np
import pytest
import torch
from torch import nn

from ganblocks import (
    MultiScaleDiscriminator,
    PatchDiscriminator,
    draw_receptive_field,
    explain_logits,
    receptive_field,
)
from ganblocks.errors import OptionError, ShapeError
from ganblocks.pictures import heat
from ganblocks.rf import (
    ReceptiveField,
    coverage,
    draw_coverage,
    effective_receptive_field,
)

PATCH = PatchDiscriminator(in_channels=3, base_channels=2)


def test_coverage_is_the_count_of_supports_that_hold_a_pixel():
    field = receptive_field(nn.Sequential(nn.Conv2d(1, 1, 5, 2, 2), nn.MaxPool2d(2)), (1, 19, 23))
    counts = np.zeros((19, 23), int)
    for i in range(field.map_size[0]):
        for j in range(field.map_size[1]):
            top, left, bottom, right = field.support(i, j)
            counts[top:bottom, left:right] += 1
    assert np.array_equal(coverage(field).numpy(), counts)


def test_a_field_by_hand_or_of_one_axis_has_no_coverage():
    with pytest.raises(OptionError, match="constructed directly"):
        coverage(ReceptiveField((3, 3), (1, 1), (1, 1)))
    with pytest.raises(OptionError, match="1 axes cannot be drawn"):
        coverage(receptive_field(nn.Conv1d(1, 1, 3), (1, 9)))


@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_the_photo_is_left_alone_and_the_padding_hatched(channels):
    field = receptive_field(PATCH, (3, 512, 512))
    image = torch.full((channels, 512, 512), 0.25)
    picture = np.array(draw_receptive_field(image, field, [(0, 10)]))
    _, left, bottom, right = field.box(0, 10)
    above = 23 + 6
    assert picture.shape[:2] == (512 + above + 6, 512 + 12)
    inside = picture[above + 1 : above + bottom - 3, 6 + left + 3 : 6 + right - 3]
    gray = (inside == inside[-1, 0]).all(-1)
    assert (~gray).sum() < 100  # the mark of the center and nothing else
    outside = picture[6 + 3 : above - 1, 6 + left + 3 : 6 + right - 3]
    hatched = (outside == [213, 94, 0]).all(-1).mean()
    assert 0.2 < hatched < 0.6


def test_small_images_are_enlarged():
    picture = draw_receptive_field(torch.zeros(3, 40, 60), receptive_field(PATCH, (3, 40, 60)), [])
    assert picture.size == (60 * 8 + 12, 40 * 8 + 12)


def test_coverage_is_drawn_over_an_image_of_the_same_size_alone():
    field = receptive_field(PATCH, (3, 96, 120))
    assert draw_coverage(field, torch.zeros(3, 96, 120)).size == (480, 384 + 40)
    with pytest.raises(ShapeError, match=r"image of 90×90: the field was traced at 96×120"):
        draw_coverage(field, torch.zeros(3, 90, 90))


class Halves(nn.Module):
    """Finds the left half real and the right half fake."""

    def forward(self, x):
        return x.mean(1, keepdim=True)[:, :, ::4, ::4]


def test_real_is_blue_and_fake_is_orange_and_the_unseen_gray():
    image = torch.ones(3, 480, 480)
    image[..., 240:] = -1
    picture = np.array(explain_logits(Halves(), image).convert("RGB")).astype(int)
    tile = picture[:480, 486:]
    real, fake, unseen = tile[4, 4], tile[4, 400], tile[5, 401]
    assert real[2] > real[0]
    assert fake[0] > fake[2]
    assert len(set(unseen)) == 1


def test_condition_scales_and_wrong_shapes():
    network = MultiScaleDiscriminator(6, {"type": "patch_16", "base_channels": 2}, num_scales=2)
    image = torch.zeros(3, 64, 64)
    width, height = explain_logits(network, image, image).size
    assert (width, height) == (512 * 3 + 12, 512 + 40)
    with pytest.raises(ShapeError, match=r"pass one \(C, H, W\)"):
        explain_logits(network, image[None])
    with pytest.raises(ShapeError, match="expected \\(B, 6"):
        explain_logits(network, image)


def test_a_discriminator_is_left_as_it_is():
    network = PatchDiscriminator(in_channels=3, base_channels=2)
    before = [buffer.clone() for buffer in network.buffers()]
    explain_logits(network, torch.rand(3, 64, 64))
    effective_receptive_field(network, (64, 64), samples=2)
    assert network.training
    assert all(map(torch.equal, before, network.buffers()))
    assert all(p.grad is None and p.requires_grad for p in network.parameters())


def test_heat_is_ever_lighter_and_two_sided_heat_white_in_the_middle():
    ramp = heat(torch.linspace(0, 1, 50)).float()
    light = 0.2126 * ramp[0] + 0.7152 * ramp[1] + 0.0722 * ramp[2]
    assert (light.diff() > 0).all()
    assert heat(torch.tensor([-3.0, 0.0, 3.0]), two_sided=True).T.tolist() == [
        [178, 88, 6],
        [247, 247, 247],
        [30, 80, 150],
    ]
