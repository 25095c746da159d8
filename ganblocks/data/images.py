"""Datasets of single images: the pictures of a folder, or one side of pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ganblocks.data.base import JointTransform, to_unit_range
from ganblocks.data.epochs import DATASETS, EpochDataset, Key, built
from ganblocks.data.reading import digest, read_picture, require_channels
from ganblocks.data.scan import scan_pairs
from ganblocks.data.seeding import seeded_generator
from ganblocks.errors import DataError, require_one_of
from ganblocks.registry import ComponentLike


@DATASETS.register("images")
class ImageDataset(EpochDataset):
    """The pictures of one folder, `root/train/1.jpg` or `root/1.jpg`; a sample has `image`.

    Args:
        root: The folder.
        split: Name of the split's folder. A root without split folders has the split `"train"`
            alone; None reads `root` as it is.
        channels: 1 (gray), 3 (RGB) or 4 (RGBA); pictures are converted to it.
        transform: The transform, such as `PairTransform`, which gets the image as side a and b and
            returns it as side a; None leaves the image unchanged.
        seed: Seed of all random draws.

    Raises:
        DataError: The folder or split is missing, holds no pictures or two of one name; or, when a
            sample is read, a picture cannot be decoded.
        OptionError: The number of channels is not allowed.

    Examples:
        >>> import tempfile
        >>> from ganblocks.data import PairTransform
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (64, 32)).save(Path(folder) / "1.png")
        ...     dataset = ImageDataset(folder, transform=PairTransform(20, 16))
        ...     dataset[7, 0]["image"].shape, dataset[0]["name"]
        (torch.Size([3, 16, 16]), '1')
    """

    identity = ("split", "channels", "seed", "transform", "files")

    def __init__(
        self,
        root: str | Path,
        *,
        split: str | None = "train",
        channels: int = 3,
        transform: JointTransform | None = None,
        seed: int = 0,
    ) -> None:
        require_channels(channels)
        scan = scan_pairs(root, split)  # a flat folder
        if scan.problems or any(pair.b for pair in scan.pairs):
            problems = scan.problems or (f"{root} has pairs: give one of its folders a/ and b/",)
            raise DataError("\n".join(problems))
        self.paths = [pair.a for pair in scan.pairs]
        self.split = split
        self.channels = channels
        self.transform = transform
        self.seed = seed

    @property
    def files(self) -> str:
        """A digest of the files' names and sizes in bytes; the folder may move."""
        return digest((path.stem, [path]) for path in self.paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, key: Key) -> dict[str, Any]:
        epoch, index = self.position(key)
        path = self.paths[index]
        image = read_picture(path, self.channels)
        if self.transform is not None:
            image, _ = self.transform(image, image, seeded_generator(self.seed, epoch, index))
        return {"image": to_unit_range(image), "name": path.stem}


@DATASETS.register("images_of_pairs")
class ImagesOfPairs(EpochDataset):
    """One side of paired images, as images.

    Args:
        pairs: The pairs: a dataset, or its name or spec.
        side: `"source"` or `"target"`.

    Raises:
        OptionError: The side is neither.

    Examples:
        >>> from ganblocks import SyntheticFacades
        >>> sorted(ImagesOfPairs(SyntheticFacades(2, 32), "target")[0])
        ['image', 'name']
    """

    identity = ("pairs", "side")

    def __init__(self, pairs: EpochDataset | ComponentLike, side: str = "target") -> None:
        require_one_of("side", side, ("source", "target"))
        self.pairs = built(pairs)
        self.side = side

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, key: Key) -> dict[str, Any]:
        pair = self.pairs[self.position(key)]
        return {"image": pair[self.side], "name": pair["name"]}
