"""Datasets built from images: unpaired sets, and pairs for super-resolution."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from ganblocks.data.base import PairedDataset
from ganblocks.data.epochs import DATASETS, EpochDataset, Key, built
from ganblocks.data.seeding import seeded_generator
from ganblocks.errors import DataError, OptionError, require_count
from ganblocks.registry import ComponentLike


@DATASETS.register("unpaired_images")
class UnpairedImageDataset(EpochDataset):
    """Two unpaired sets of images (CycleGAN, Zhu et al., 2017); a sample has `a` and `b`.

    An epoch has the length of the longer set. The shorter one repeats, with new draws each time.

    Args:
        a: The images of side a: a dataset whose samples have `image`, or its name or spec.
        b: The images of side b.
        shuffle: Whether `b` is drawn at random; False, for held-out images, keeps the order.
        seed: Seed of these draws, at least 0.

    Raises:
        OptionError: The seed is negative, or the samples of a side are pairs.

    Examples:
        >>> from ganblocks import SyntheticFacades
        >>> from ganblocks.data import ImagesOfPairs
        >>> labels = ImagesOfPairs(SyntheticFacades(3, 32), "source")
        >>> photos = ImagesOfPairs(SyntheticFacades(5, 32, seed=1), "target")
        >>> dataset = UnpairedImageDataset(labels, photos)
        >>> len(dataset), sorted(dataset[2, 4])
        (5, ['a', 'b', 'name'])
    """

    identity = ("a", "b", "shuffle", "seed")

    def __init__(
        self,
        a: EpochDataset | ComponentLike,
        b: EpochDataset | ComponentLike,
        *,
        shuffle: bool = True,
        seed: int = 0,
    ) -> None:
        require_count("seed", seed, 0)
        self.a, self.b = _built_images("a", a), _built_images("b", b)
        self.shuffle = shuffle
        self.seed = seed
        sides = (("a", self.a), ("b", self.b))
        self.formats = {key: f for key, side in sides for f in side.formats.values()}
        self.fit = self.a.fit

    def __len__(self) -> int:
        return max(len(self.a), len(self.b))

    def __getitem__(self, key: Key) -> dict[str, Any]:
        epoch, index = self.position(key)
        at = index
        if self.shuffle:
            generator = seeded_generator(self.seed, epoch, index)
            at += int(torch.randint(len(self.b), (), generator=generator)) - index % len(self.b)
        a, b = self._nth(self.a, epoch, index), self._nth(self.b, epoch, at)
        return {"a": a["image"], "b": b["image"], "name": f"{a['name']}, {b['name']}"}

    def _nth(self, images: EpochDataset, epoch: int, index: int) -> Any:
        # A set that repeats within an epoch counts its own epochs.
        rounds, at = divmod(index, len(images))
        return images[epoch * -(-len(self) // len(images)) + rounds, at]


@DATASETS.register("downscaled_pairs")
class DownscaledPairs(EpochDataset):
    """Pairs for super-resolution: the target is an image, the source a smaller copy of it.

    Uses antialiased bicubic interpolation (Keys, 1981), after cropping the target at the bottom and
    right to a multiple of the scale.

    Args:
        images: A dataset whose samples have `image`, or its name or spec.
        scale: Factor from source to target, at least 2.

    Raises:
        OptionError: The scale is too small, or the samples are pairs.
        DataError: When a sample is read: an image is smaller than the scale.

    Examples:
        >>> from ganblocks import SyntheticFacades
        >>> from ganblocks.data import ImagesOfPairs
        >>> pair = DownscaledPairs(ImagesOfPairs(SyntheticFacades(2, 32)), scale=4)[0]
        >>> pair["source"].shape, pair["target"].shape
        (torch.Size([3, 8, 8]), torch.Size([3, 32, 32]))
    """

    identity = ("images", "scale")

    def __init__(self, images: EpochDataset | ComponentLike, scale: int = 4) -> None:
        require_count("scale", scale, 2)
        self.images = _built_images("images", images)
        self.scale = scale
        self.formats = {
            key: f for key in ("source", "target") for f in self.images.formats.values()
        }

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, key: Key) -> dict[str, Any]:
        sample = self.images[self.position(key)]
        image, name = sample["image"], sample["name"]
        height, width = (side // self.scale for side in image.shape[-2:])
        if not height or not width:
            raise DataError(
                f"{name}: is {image.shape[-1]}x{image.shape[-2]}, smaller than the scale "
                f"{self.scale}: use larger images, or a smaller scale"
            )
        target = image[:, : self.scale * height, : self.scale * width]
        source = F.interpolate(target[None], (height, width), mode="bicubic", antialias=True)[0]
        return {"source": source.clamp(-1, 1), "target": target, "name": name}


def _built_images(what: str, dataset: EpochDataset | ComponentLike) -> EpochDataset:
    images = built(dataset)
    if isinstance(images, PairedDataset | DownscaledPairs | UnpairedImageDataset):
        kind = type(images).__name__
        raise OptionError(f"{what} is {kind}, with pairs as samples: write ImagesOfPairs({what})")
    return images
