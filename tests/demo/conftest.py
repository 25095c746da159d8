"""Runs whose generators have not learned anything, which a page runs as well."""

import pytest
import torch

from ganblocks import RunFolder, UNetGenerator, spec_of
from ganblocks.data import ImageFormat
from ganblocks.data.picture_map import PictureMap
from ganblocks.data.resizing import Fit


@pytest.fixture(scope="session")
def written_run(tmp_path_factory):
    def write(source, *, size=(64, 64), name="run", target=None, colors=(), **options):
        torch.manual_seed(0)
        target = target or ImageFormat(3, dtype="uint8")
        defaults = {"base_channels": 4, "num_downs": 3, "init": "kaiming"}
        generator = UNetGenerator(source.channels, **{**defaults, **options})
        pictures = PictureMap(source, target, size and Fit(size, "stretch"), colors)
        spec = {
            "networks": {"generator": spec_of(generator)},
            "pictures": {"generator": pictures.spec},
        }
        run = RunFolder.create(tmp_path_factory.mktemp("runs") / name, spec)
        run.save_weights("generator", generator)
        return run.path

    return write
