"""The dataset of synthetic facades."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganblocks.data.base import JointTransform, PairedDataset
from ganblocks.data.epochs import DATASETS
from ganblocks.data.formats import ImageFormat
from ganblocks.data.palette import classes_to_rgb
from ganblocks.data.resizing import as_mask
from ganblocks.data.synthetic.layout import plan_building
from ganblocks.data.synthetic.render import render
from ganblocks.data.writers import write_beside
from ganblocks.errors import OptionError, require_at_least, require_one_of

_SPLITS = ("train", "val")


@DATASETS.register("synthetic_facades")
class SyntheticFacades(PairedDataset):
    """Endless synthetic facades: `a` is the photo, `b` its CMP label map.

    The label map has the classes and colors of the CMP facades (Tyleček and Šára, 2013). Every
    (epoch, index) is a new building, determined by (seed, split, epoch, index). Colors depend on
    the building's style, which its labels reveal, so a network can learn them; a color per class is
    not enough.

    Args:
        length: Number of buildings in an epoch.
        size: Side of the square images in pixels.
        split: `"train"` or `"val"`, which have no building in common.
        direction: `"b2a"`, labels to photo, or `"a2b"`.
        transform: The joint transform, such as `PairTransform`; None leaves the pair unchanged.
        seed: Seed of all random draws, at least 0.

    Raises:
        OptionError: An argument has an invalid value.

    Examples:
        >>> dataset = SyntheticFacades(length=10, size=64)
        >>> sample = dataset[1_000_000, 3]
        >>> sample["target"].shape, sample["name"]
        (torch.Size([3, 64, 64]), 'train-1000000-3')
        >>> dataset.read(1_000_000, 3)[1].dtype
        torch.uint8
    """

    a_format = ImageFormat(channels=3, dtype="uint8", labels=False)
    b_format = ImageFormat(channels=3, dtype="uint8", labels=True)

    def __init__(
        self,
        length: int = 400,
        size: int = 128,
        *,
        split: str = "train",
        direction: str = "b2a",
        transform: JointTransform | None = None,
        seed: int = 0,
    ) -> None:
        for name, value, least in (("length", length, 1), ("size", size, 32), ("seed", seed, 0)):
            require_at_least(name, value, least)
            if not isinstance(value, int):
                raise OptionError(f"{name} is {value!r}: write a whole number")
        require_one_of("split", split, _SPLITS)
        super().__init__(direction=direction, transform=transform, seed=seed)
        self.length = length
        self.size = size
        self.split = split

    def __len__(self) -> int:
        return self.length

    def read(self, epoch: int, index: int) -> tuple[Tensor, Tensor, str]:
        """Draws one pair.

        Args:
            epoch: The epoch, from 0.
            index: Index of the pair, from 0.

        Returns:
            uint8 photo and uint8 label map, each (3, size, size), and the building's name.
        """
        rng = np.random.default_rng((self.seed, _SPLITS.index(self.split), epoch, index))
        canvas = render(plan_building(rng), self.size, rng)
        photo = torch.from_numpy((canvas.photo * 255).round().astype(np.uint8))
        labels = classes_to_rgb(torch.from_numpy(canvas.classes))
        return (
            photo.movedim(-1, 0).contiguous(),
            as_mask(labels.contiguous()),
            f"{self.split}-{epoch}-{index}",
        )

    def save(self, folder: str | Path) -> None:
        """Writes the pairs of epoch 0 as files that `PairedImageDataset` reads.

        They are `folder/train/a/000.png`, `folder/train/b/000.png`, and so on.

        Args:
            folder: The folder; it is created if necessary.

        Raises:
            RunError: A file cannot be written.

        Examples:
            >>> import tempfile
            >>> from ganblocks import PairedImageDataset
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     SyntheticFacades(2, 32).save(folder)
            ...     PairedImageDataset(folder).layout
            'folders a/ and b/'
        """
        for index in range(self.length):
            for side, pixels in zip("ab", self.read(0, index)[:2], strict=True):
                path = Path(folder, self.split, side, f"{index:03}")
                write_beside(path, ".png", pixels.movedim(0, -1).numpy())
