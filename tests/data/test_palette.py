import pytest
import torch

from ganblocks.data.palette import CMP_PALETTE, classes_to_rgb, rgb_to_classes
from ganblocks.errors import ShapeError


def test_there_are_twelve_distinct_colors_in_the_archives_order():
    assert list(CMP_PALETTE) == [
        "background", "facade", "window", "door", "cornice", "sill",
        "balcony", "blind", "deco", "molding", "pillar", "shop",
    ]  # fmt: skip
    assert len(set(CMP_PALETTE.values())) == 12


def test_classes_come_back_from_their_colors():
    classes = torch.arange(24).remainder(12).view(2, 3, 4)
    rgb = classes_to_rgb(classes)
    assert rgb.shape == (2, 3, 3, 4)
    assert rgb.dtype == torch.uint8
    assert torch.equal(rgb_to_classes(rgb), classes)


def test_jpeg_noise_does_not_change_the_class():
    classes = torch.arange(12).view(1, 12).repeat(50, 1)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(-20, 21, (3, 50, 12), generator=generator)
    noisy = (classes_to_rgb(classes) + noise).clamp(0, 255).to(torch.uint8)
    assert torch.equal(rgb_to_classes(noisy), classes)


@pytest.mark.parametrize(
    ("name", "measured"),
    [("background", (0, 0, 222)), ("facade", (0, 48, 255)), ("door", (1, 207, 255)),
     ("sill", (112, 254, 142)), ("balcony", (192, 255, 63)), ("shop", (174, 0, 1))],
)  # fmt: skip
def test_colors_are_those_of_the_archives_jpegs(name, measured):
    assert max(abs(a - b) for a, b in zip(CMP_PALETTE[name], measured, strict=True)) <= 2


@pytest.mark.parametrize("rgb", [torch.zeros(3, 2, 2), torch.zeros(1, 2, 2, dtype=torch.uint8)])
def test_a_wrong_picture_is_refused(rgb):
    with pytest.raises(ShapeError):
        rgb_to_classes(rgb)
