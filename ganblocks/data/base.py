"""Base class of paired datasets, whose random draws are reproducible."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, TypedDict

import torch
from torch import Tensor

from ganblocks.data.epochs import EpochDataset, Key, plain
from ganblocks.data.formats import ImageFormat, SideFormat
from ganblocks.data.resizing import Fit
from ganblocks.data.seeding import seeded_generator
from ganblocks.data.transforms import PairTransform
from ganblocks.errors import DataError, require_one_of

JointTransform = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]
"""Maps the pixels `a` and `b`, (C, H, W), with one random draw for both sides."""

DIRECTIONS = ("a2b", "b2a")
"""The values of `direction`: the source's side, then the target's."""


class Sample(TypedDict):
    """One pair: `source` and `target` are float images in [-1, 1], (C, H, W)."""

    source: Tensor
    target: Tensor
    name: str


class PairedDataset(EpochDataset):
    """Base class: pairs (a, b), transformed together and read in one direction.

    `dataset[index]` is the pair as drawn in epoch 0, with the keys `source`, `target` and `name`;
    `dataset[epoch, index]` is the draw of another epoch. A draw depends only on (seed, epoch,
    index), so worker processes and resumed runs see the same pixels.

    Args:
        direction: `"a2b"` makes a the source and b the target, `"b2a"` the reverse.
        transform: The joint transform, such as `PairTransform`; None leaves the pair unchanged.
        seed: Seed of all random draws.

    Attributes:
        a_format: Converts the pixels of side a to network inputs. Set it in a subclass for label
            maps by class or another range of values.
        b_format: The same for side b.
        varies_by_epoch: Whether `read` may return different pixels in each epoch. If a class sets
            it to False, its pairs can be cached. A subclass that overrides `read` or `__getitem__`
            must set it again.

    Raises:
        OptionError: The direction is invalid.
    """

    varies_by_epoch = True
    a_format: SideFormat = ImageFormat()
    b_format: SideFormat = ImageFormat()

    def __init__(
        self,
        *,
        direction: str = "a2b",
        transform: JointTransform | None = None,
        seed: int = 0,
    ) -> None:
        require_one_of("direction", direction, DIRECTIONS, see="wrong-direction")
        self.direction = direction
        self.transform = transform
        self.seed = seed

    @abstractmethod
    def __len__(self) -> int:
        """Returns the number of pairs in an epoch."""

    @abstractmethod
    def read(self, epoch: int, index: int) -> tuple[Tensor, Tensor, str]:
        """Returns one pair, before the transform.

        Args:
            epoch: The epoch, from 0; matters only if `varies_by_epoch`.
            index: Index of the pair, from 0.

        Returns:
            `a` and `b`, (C, H, W), and the pair's name: uint8 from 0 to 255, or float32 in
            [0, 1]. Label maps that resizing must not mix are a `tv_tensors.Mask`.
        """

    def pixels(self, epoch: int, index: int) -> tuple[Tensor, Tensor, str]:
        """Returns the result of `read`, after checking that both sides are pixels.

        Args:
            epoch: The epoch.
            index: Index of the pair.

        Raises:
            DataError: A side is not a tensor of pixels (C, H, W).

        Examples:
            >>> from ganblocks import SyntheticFacades
            >>> SyntheticFacades(2, 32).pixels(0, 1)[0].dtype
            torch.uint8
        """
        a, b, name = self.read(epoch, index)
        for side, image in (("a", a), ("b", b)):
            types = (torch.uint8, torch.float32)
            if not isinstance(image, Tensor) or image.dtype not in types or image.dim() != 3:
                shape = tuple(getattr(image, "shape", ()))
                kind = getattr(image, "dtype", type(image).__name__)
                raise DataError(
                    f"{name}: side {side} is {kind} of shape {shape}: read returns tensors "
                    "(C, H, W), uint8 from 0 to 255 or float32 in [0, 1]"
                )
            if image.dtype == torch.float32 and not 0 <= image.min() <= image.max() <= 1:
                raise DataError(
                    f"{name}: side {side} has floats from {image.min():g} to {image.max():g}: read "
                    "returns floats in [0, 1]"
                )
        return a, b, name

    def fingerprint(self) -> dict[str, Any]:
        """Returns what identifies the pairs, as JSON; a resumed run compares it.

        Returns:
            Type, number of pairs, direction, seed, transform and formats. Subclasses add whatever
            else can change the pairs.

        Examples:
            >>> from ganblocks import SyntheticFacades
            >>> SyntheticFacades(2, 32).fingerprint()["pairs"]
            2
        """
        return {
            "type": type(self).__name__,
            "pairs": len(self),
            "direction": self.direction,
            "seed": self.seed,
            "transform": plain(self.transform),
            "formats": [plain(self.a_format), plain(self.b_format)],
        }

    @property
    def formats(self) -> dict[str, SideFormat]:  # type: ignore[override]
        """The formats of `source` and `target`."""
        source, target = self.source_and_target(self.a_format, self.b_format)
        return {"source": source, "target": target}

    @property
    def fit(self) -> Fit | None:  # type: ignore[override]
        """How a `PairTransform` resizes images for validation."""
        return self.transform.fit if isinstance(self.transform, PairTransform) else None

    def __getitem__(self, key: Key) -> Sample:
        epoch, index = self.position(key)
        a, b, name = self.pixels(epoch, index)
        if self.transform is not None:
            a, b = self.transform(a, b, seeded_generator(self.seed, epoch, index))
        encoded = self.a_format.encode(a), self.b_format.encode(b)
        source, target = self.source_and_target(*encoded)
        return {"source": source, "target": target, "name": name}

    def source_and_target(self, a: Any, b: Any) -> tuple[Any, Any]:
        """Returns (a, b) or (b, a), depending on the direction.

        Args:
            a: Side a.
            b: Side b.

        Examples:
            >>> from ganblocks import SyntheticFacades
            >>> SyntheticFacades(2, 32, direction="b2a").source_and_target("photo", "labels")
            ('labels', 'photo')
        """
        return (a, b) if self.direction == "a2b" else (b, a)
