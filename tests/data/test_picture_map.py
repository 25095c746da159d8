"""What a run records of its pictures: formats, size, and the colors of its label maps."""

import numpy as np
import pytest
from PIL import Image

from ganblocks.data import PairedImageDataset, SyntheticFacades
from ganblocks.data.palette import CMP_PALETTE
from ganblocks.data.picture_map import PictureMap
from ganblocks.errors import OptionError

COLORS = ((128, 64, 128), (0, 0, 0), (70, 130, 180))


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_the_colors_of_label_maps_are_recorded(tmp_path, suffix):
    stripes = np.repeat(np.array(COLORS, np.uint8), (16, 8, 8), axis=0)
    labels = np.broadcast_to(stripes[:, None], (32, 32, 3))
    photo = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    for number in range(2):
        pair = Image.fromarray(np.concatenate((photo, labels), 1))
        pair.save(tmp_path / f"{number}.{suffix}", quality=95)
    data = PairedImageDataset(tmp_path, direction="b2a")
    pictures = PictureMap.of_data(data, "source", "target")
    most = 4 if suffix == "jpg" else 0
    np.testing.assert_allclose(pictures.colors[0], COLORS[0], rtol=0, atol=most)
    np.testing.assert_allclose(sorted(pictures.colors), sorted(COLORS), rtol=0, atol=most)
    assert PictureMap.of_spec(pictures.spec) == pictures


def test_drawn_facades_have_the_colors_of_the_palette():
    pictures = PictureMap.of_data(SyntheticFacades(20, 64), "source", "target")
    assert len(pictures.colors) > 5
    assert set(pictures.colors) <= set(CMP_PALETTE.values())
    assert PictureMap.of_data(SyntheticFacades(2, 32), "target", "source").colors == ()


@pytest.mark.parametrize("colors", [None, "red", [1, 2, 3], [[1, 2]], [[0, 0, 256]], [[0, 0, "9"]]])
def test_colors_that_are_none_are_refused(colors):
    spec = PictureMap.of_data(None, "source", "target").spec
    with pytest.raises(OptionError, match="colors of the pictures are"):
        PictureMap.of_spec({**spec, "colors": colors})
