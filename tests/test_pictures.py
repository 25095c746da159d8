import numpy as np
import pytest
import torch

from ganblocks.errors import ShapeError
from ganblocks.pictures import as_rgb, grid, to_bytes, to_picture


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_there_and_back(channels):
    pixels = torch.randint(0, 256, (channels, 5, 7), dtype=torch.uint8)
    array = np.asarray(to_picture(pixels)).reshape(5, 7, channels)
    np.testing.assert_array_equal(array, pixels.permute(1, 2, 0))
    assert torch.equal(to_bytes(pixels.float() / 127.5 - 1), pixels)


def test_what_is_no_picture():
    with pytest.raises(ShapeError, match=r"image\[:1\]"):
        to_picture(torch.zeros(2, 4, 4))


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_any_image_can_be_shown(channels):
    image = torch.rand(channels, 4, 4)
    shown = as_rgb(image)
    assert shown.shape == (3, 4, 4)
    assert torch.equal(shown[0], image[0])


def test_a_grid_has_its_images_in_their_places():
    images = [[torch.full((3, 2, 3), v / 10) for v in row] for row in [(0, 1), (2, 3), (4, 5)]]
    sheet = grid(images, gap=1)
    assert sheet.shape == (3, 10, 9)
    assert (sheet[:, 0] == 255).all()
    for r, row in enumerate(images):
        for c, image in enumerate(row):
            cell = sheet[:, 1 + 3 * r : 3 + 3 * r, 1 + 4 * c : 4 + 4 * c]
            assert torch.equal(cell, to_bytes(image))
