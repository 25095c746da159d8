"""Tiles agree with the whole picture, or say that they do not."""

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from torch import nn

from ganblocks import ResNetGenerator, UNetGenerator
from ganblocks.errors import GanBlocksWarning, OptionError
from ganblocks.inference import Translator
from ganblocks.inference.tiles import Tiling, spans, tiled


@given(length=st.integers(1, 500), margin=st.integers(0, 5), step=st.integers(1, 30))
def test_spans_cover_an_axis_once_with_margins(length, margin, step):
    tile = step + 2 * margin
    found = list(spans(length, tile, margin))
    assert [span.start for span in found] == [0, *(span.stop for span in found[:-1])]
    assert found[-1].stop == length
    for span in found:
        assert span.read_stop - span.read_start <= tile
        assert span.read_start == (max(0, span.start - margin) if len(found) > 1 else 0)
        assert span.read_stop in (span.stop + margin, length)


@given(
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    margin=st.integers(0, 4),
    step=st.integers(1, 12),
    scale=st.integers(1, 3),
    seamless=st.booleans(),
)
def test_what_each_tile_copies_is_the_whole_picture(size, margin, step, scale, seamless):
    step = step if seamless else step + 2 * margin
    pixels = torch.randint(0, 256, (3, *size), dtype=torch.uint8)

    def enlarge(part):
        return part.movedim(0, -1).numpy().repeat(scale, 0).repeat(scale, 1)

    found = tiled(enlarge, pixels, Tiling(step + 2 * margin, margin, seamless))
    np.testing.assert_array_equal(found, enlarge(pixels))
    assert found.dtype == np.uint8


def running(generator):
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.1, 0.5)
    return generator


@pytest.mark.parametrize(
    ("make", "tile", "size"),
    [
        (lambda: ResNetGenerator(base_channels=4, n_blocks=2, norm="batch"), 256, (300, 410)),
        (lambda: UNetGenerator(base_channels=4, num_downs=4, up="nearest"), 256, (301, 411)),
        pytest.param(
            lambda: UNetGenerator(base_channels=16, num_downs=6, up="nearest"),
            640,
            (768, 1024),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            lambda: ResNetGenerator(base_channels=16, norm="batch"),
            512,
            (768, 1024),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_tiles_are_the_whole_picture(make, tile, size):
    torch.manual_seed(0)
    generator = running(make())
    pixels = torch.randint(0, 256, (3, *size), dtype=torch.uint8)
    whole = Translator(generator, mode="running")
    translator = Translator(generator, mode="running", tile=tile)
    assert translator.tiling.seamless
    found = tiled(
        lambda part: translator._run([part])[0].movedim(0, -1).numpy(), pixels, translator.tiling
    )
    expected = whole._run([pixels])[0].movedim(0, -1).numpy()
    assert expected.std() > 0.01
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
    stored = translator.stored([pixels])[0]
    assert np.abs(stored.astype(int) - whole.stored([pixels])[0]).max() <= 1


def test_tiles_that_will_differ_say_so():
    generator = UNetGenerator(base_channels=4, num_downs=6)
    with pytest.warns(GanBlocksWarning, match="each tile is normalized by its own statistics"):
        Translator(generator, mode="mean", tile=640)
    with pytest.warns(GanBlocksWarning, match="an output sees 318 pixels, too many for tile=256"):
        translator = Translator(generator, mode="running", tile=256)
    pixels = torch.randint(0, 256, (3, 300, 300), dtype=torch.uint8)
    whole = Translator(generator, mode="running").stored([pixels])[0]
    assert np.abs(translator.stored([pixels])[0].astype(int) - whole).mean() < 5
    with pytest.raises(OptionError, match="tile is 100: write at least 256"):
        Translator(generator, tile=100)
