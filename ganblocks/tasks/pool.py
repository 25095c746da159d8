"""The image pool: a discriminator that also sees what the generator made some steps ago."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.data.seeding import seeded_generator
from ganblocks.errors import require_count

Shown = tuple[Tensor, ...]
"""What belongs together, each (B, C, H, W): the condition and the image made of it."""


class ImagePool(nn.Module):
    """A history of generated images, each kept with its condition.

    Until it is full, images are stored and given back. Then each image is given back itself, or,
    with probability ½, takes the place of a stored one, which is given back instead (Shrivastava
    et al., CVPR 2017, section 2.3, in the form that CycleGAN's code uses). It has no parameters;
    what it holds is part of the state dict of the module it is set on. A copy begins empty.

    Args:
        size: Images that it holds, at least 1; the published code takes 50.
        seed: Seed of its draws, which are its own.

    Raises:
        OptionError: `size` is not a whole number above 0.

    Examples:
        >>> pool = ImagePool(2, seed=0)
        >>> labels, fake = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)
        >>> [tuple(x.shape) for x in pool.exchange(labels, fake)], len(pool)
        ([(1, 3, 8, 8), (1, 3, 8, 8)], 1)
    """

    def __init__(self, size: int, *, seed: int = 0) -> None:
        super().__init__()
        require_count("size of the image pool", size, 1)
        self.size = size
        self.seed = seed
        self.stored: list[Shown] = []
        self._draws = seeded_generator(seed)

    def __len__(self) -> int:
        return len(self.stored)

    def __bool__(self) -> bool:
        return True  # an empty pool is one

    def __deepcopy__(self, memo: dict[int, Any]) -> ImagePool:
        return ImagePool(self.size, seed=self.seed)

    def reseed(self, seed: int) -> None:
        """Begins the draws anew.

        Args:
            seed: Their seed.
        """
        self._draws = seeded_generator(seed)

    def exchange(self, *batch: Tensor) -> Shown:
        """Stores some images of a batch, and returns older ones in their place.

        Args:
            *batch: What belongs together, each (B, C, H, W), without gradients; whatever is not
                finite is stored as 0.

        Returns:
            As many batches of the same shapes: one of another size is not exchanged.
        """
        rows = [self._exchanged(row) for row in zip(*(x.split(1) for x in batch), strict=True)]
        return tuple(torch.cat(column) for column in zip(*rows, strict=True))

    def _exchanged(self, row: Shown) -> Shown:
        if len(self.stored) < self.size:
            self.stored.append(_kept(row))
            return row
        swap, place = torch.rand(2, generator=self._draws, dtype=torch.float64).tolist()
        index = int(place * self.size)
        older = tuple(x.to(new.device) for x, new in zip(self.stored[index], row, strict=True))
        if swap >= 0.5 or [x.shape for x in older] != [x.shape for x in row]:
            return row
        self.stored[index] = _kept(row)
        return older

    def get_extra_state(self) -> dict[str, Any]:
        """Returns the stored images and the state of the draws, for a state dict."""
        return {"stored": [list(row) for row in self.stored], "draws": self._draws.get_state()}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Puts back what `get_extra_state` returned.

        Args:
            state: The extra state.
        """
        self.stored = [tuple(row) for row in state["stored"]]
        self._draws.set_state(state["draws"].cpu())


def _kept(row: Shown) -> Shown:
    return tuple(x.detach().nan_to_num(0.0, 0.0, 0.0).clone() for x in row)
