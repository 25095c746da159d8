"""Base class of paired datasets: numbered pairs, each with a reproducible random draw."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, TypedDict

import torch
from torch import Tensor

from ganblocks.data.epochs import EpochDataset, Key, plain
from ganblocks.data.seeding import seeded_generator
from ganblocks.errors import DataError, require_one_of

JointTransform = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]
"""Maps uint8 `a` and `b`, (C, H, W), with one random draw for both sides."""

DIRECTIONS = ("a2b", "b2a")
"""The values of `direction`: the source's side, then the target's."""


class Sample(TypedDict):
    """One pair: `source` and `target` are float images in [-1, 1], (C, H, W)."""

    source: Tensor
    target: Tensor
    name: str


def to_unit_range(image: Tensor) -> Tensor:
    """Maps uint8 pixels 0...255 to floats in [-1, 1], bit for bit the same on every device.

    Examples:
        >>> to_unit_range(torch.tensor([0, 255], dtype=torch.uint8))
        tensor([-1.,  1.])
    """
    return unit_range_(image.float())


def unit_range_(pixels: Tensor) -> Tensor:
    """Maps float pixels 0...255 to [-1, 1] in place."""
    # A division would round differently on CUDA than on the CPU.
    return pixels.sub_(127.5).mul_(1 / 127.5)


class PairedDataset(EpochDataset):
    """Pairs (a, b) that are transformed together and read in one direction.

    `dataset[index]` is the pair as drawn in epoch 0, with the keys `source`, `target` and `name`;
    `dataset[epoch, index]` is another epoch's draw. A draw depends on (seed, epoch, index) alone,
    so worker processes, restarts and resumed runs all see the same pixels.

    Args:
        direction: `"a2b"` makes a the source and b the target, `"b2a"` the reverse.
        transform: The joint transform, such as `PairTransform`; None leaves the pair unchanged.
        seed: Seed of all random draws.

    Attributes:
        varies_by_epoch: Whether `read` may return other pixels in another epoch. Pairs of a class
            that sets it to False can be kept in memory, decoded and resized once. A subclass
            that overrides `read` or `__getitem__` has to set it again.

    Raises:
        OptionError: The direction is neither.
    """

    varies_by_epoch = True

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
            epoch: The epoch, from 0, for datasets whose pairs change.
            index: Index of the pair, from 0.

        Returns:
            `a` and `b`, uint8 (C, H, W), and the pair's name.
        """

    def pixels(self, epoch: int, index: int) -> tuple[Tensor, Tensor, str]:
        """Returns one pair as `read` does, and refuses what is not pixels.

        Args:
            epoch: The epoch.
            index: Index of the pair.

        Raises:
            DataError: A side is not a uint8 tensor (C, H, W).

        Examples:
            >>> from ganblocks import SyntheticFacades
            >>> SyntheticFacades(2, 32).pixels(0, 1)[0].dtype
            torch.uint8
        """
        a, b, name = self.read(epoch, index)
        for side, image in (("a", a), ("b", b)):
            if not isinstance(image, Tensor) or image.dtype != torch.uint8 or image.dim() != 3:
                shape = tuple(getattr(image, "shape", ()))
                kind = getattr(image, "dtype", type(image).__name__)
                raise DataError(
                    f"{name}: side {side} is {kind} of shape {shape}: read returns uint8 tensors "
                    "(C, H, W) of pixels from 0 to 255"
                )
        return a, b, name

    def fingerprint(self) -> dict[str, Any]:
        """Returns what identifies the pairs, as plain JSON; a resumed run compares it.

        Returns:
            Type, number of pairs, direction, seed and transform. A class whose pairs can differ
            while these five agree adds what distinguishes them.

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
        }

    def __getitem__(self, key: Key) -> Sample:
        epoch, index = self.position(key)
        a, b, name = self.pixels(epoch, index)
        if self.transform is not None:
            a, b = self.transform(a, b, seeded_generator(self.seed, epoch, index))
        source, target = self.source_and_target(to_unit_range(a), to_unit_range(b))
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
