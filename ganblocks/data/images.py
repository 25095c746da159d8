"""Datasets of single images: files of a folder, or one side of pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganblocks.data.base import JointTransform
from ganblocks.data.epochs import DATASETS, EpochDataset, Key, built
from ganblocks.data.formats import FormatLike, SideFormat, built_format
from ganblocks.data.reading import decode, digest, peeked, read_side
from ganblocks.data.resizing import Fit
from ganblocks.data.scan import scan_images
from ganblocks.data.seeding import seeded_generator
from ganblocks.data.transforms import PairTransform
from ganblocks.errors import DataError, require_one_of
from ganblocks.registry import ComponentLike


@DATASETS.register("images")
class ImageDataset(EpochDataset):
    """The images of a folder and its subfolders; a sample has `image`.

    The files are `root/train/1.jpg`, …, or `root/1.jpg`, … without splits.

    Args:
        root: The folder.
        split: Name of the split's folder. A root without split folders has only the split
            `"train"`, and `"val"` if `held_out` is not 0; None reads all of `root`.
        files: Pattern of the files, such as `"*_HE.png"`, where `*` is the name; a list for several
            files, whose channels are concatenated.
        image_format: The format, or its name or spec; unset options are taken from the files.
        held_out: Fraction of the images in `"val"` if the root has no held-out split.
        transform: A transform such as `PairTransform`, called with the image as both sides, of
            which a is used; None leaves the image unchanged.
        seed: Seed of all random draws.

    Raises:
        DataError: The folder or split is missing, has no images or two of the same name; or, when a
            sample is read, a file cannot be decoded.
        OptionError: An option has an invalid value.

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

    identity = ("split", "image_format", "seed", "transform", "files")

    def __init__(
        self,
        root: str | Path,
        *,
        split: str | None = "train",
        files: str | Sequence[str] | None = None,
        image_format: FormatLike = "image",
        held_out: float = 0.0,
        transform: JointTransform | None = None,
        seed: int = 0,
    ) -> None:
        scan = scan_images(root, split, files=files, held_out=held_out)
        if scan.problems:
            raise DataError("\n".join(scan.problems))
        self.images = scan.pairs
        self.split = split
        self.transform = transform
        self.seed = seed
        (self.image_format,) = peeked(
            [built_format(image_format)],
            len(self.images),
            lambda index: [read_side(self.images[index].a)],
        )

    @property
    def files(self) -> str:
        """Digest of the files' names and sizes, independent of the folder's location."""
        return digest((image.name, image.a) for image in self.images)

    @property
    def formats(self) -> Mapping[str, SideFormat]:  # type: ignore[override]
        """The format of `image`."""
        return {"image": self.image_format}

    @property
    def fit(self) -> Fit | None:  # type: ignore[override]
        """How a `PairTransform` resizes images for validation."""
        return self.transform.fit if isinstance(self.transform, PairTransform) else None

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, key: Key) -> dict[str, Any]:
        epoch, index = self.position(key)
        name, files = self.images[index].name, self.images[index].a
        image = decode(self.image_format, read_side(files), files)
        if self.transform is not None:
            image, _ = self.transform(image, image, seeded_generator(self.seed, epoch, index))
        return {"image": self.image_format.encode(image), "name": name}


@DATASETS.register("images_of_pairs")
class ImagesOfPairs(EpochDataset):
    """One side of a paired dataset, as a dataset of images.

    Args:
        pairs: The pairs: a dataset, or its name or spec.
        side: `"source"` or `"target"`.

    Raises:
        OptionError: The side is invalid.

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
        self.formats = {"image": self.pairs.formats[side]} if self.pairs.formats else {}
        self.fit = self.pairs.fit

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, key: Key) -> dict[str, Any]:
        pair = self.pairs[self.position(key)]
        return {"image": pair[self.side], "name": pair["name"]}
