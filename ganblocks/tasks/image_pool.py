"""A pool of previously generated images for the discriminator."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.arguments import checked
from ganblocks.data.seeding import seeded_generator
from ganblocks.errors import RunError, require_count

Images = tuple[Tensor, ...]
"""Images that belong together, each (B, C, H, W): the condition and the generated image."""


@checked
class ImagePool(nn.Module):
    """A history of generated images, each stored with its condition.

    Until the pool is full, images are stored and returned. After that, each image is either
    returned unchanged or, with probability ½, replaces a stored one, which is returned instead
    (Shrivastava et al., CVPR 2017, section 2.3, as in CycleGAN's code). The pool has no parameters;
    the stored images are part of the state dict. A copy of the pool starts empty.

    Args:
        size: Maximum number of images, at least 1; the published code uses 50.
        seed: Seed of the pool's own random generator.

    Raises:
        OptionError: `size` is not a positive whole number.

    Examples:
        >>> pool = ImagePool(2, seed=0)
        >>> labels, fake = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)
        >>> [tuple(x.shape) for x in pool.exchange(labels, fake)], len(pool)
        ([(1, 3, 8, 8), (1, 3, 8, 8)], 1)
    """

    def __init__(self, size: int, *, seed: int = 0) -> None:
        super().__init__()
        require_count("size of the image pool", size, 1)
        require_count("seed", seed, 0)
        self.size = size
        self.seed = seed
        self.stored: list[Images] = []
        self._random = seeded_generator(seed)

    def __len__(self) -> int:
        return len(self.stored)

    def __bool__(self) -> bool:
        return True  # even if it is empty

    def __deepcopy__(self, memo: dict[int, Any]) -> ImagePool:
        return ImagePool(self.size, seed=self.seed)

    def reseed(self, seed: int) -> None:
        """Reseeds the random generator.

        Args:
            seed: The new seed.
        """
        self._random = seeded_generator(seed)

    def exchange(self, *batch: Tensor) -> Images:
        """Stores some images of a batch, and returns older ones in their place.

        Args:
            *batch: Images that belong together, each (B, C, H, W), without gradients; non-finite
                values are stored as 0.

        Returns:
            The same number of batches of the same shapes; stored images of other sizes are not
            returned.
        """
        rows = [self._exchange_row(row) for row in zip(*(x.split(1) for x in batch), strict=True)]
        return tuple(torch.cat(column) for column in zip(*rows, strict=True))

    def _exchange_row(self, row: Images) -> Images:
        if len(self.stored) < self.size:
            self.stored.append(_clean_copy(row))
            return row
        swap, place = torch.rand(2, generator=self._random, dtype=torch.float64).tolist()
        index = int(place * self.size)
        older = tuple(x.to(new.device) for x, new in zip(self.stored[index], row, strict=True))
        if swap >= 0.5 or [x.shape for x in older] != [x.shape for x in row]:
            return row
        self.stored[index] = _clean_copy(row)
        return older

    def get_extra_state(self) -> dict[str, Any]:
        """Returns the stored images and the random state, for a state dict."""
        return {"stored": [list(row) for row in self.stored], "draws": self._random.get_state()}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restores the extra state.

        Args:
            state: The result of `get_extra_state`.

        Raises:
            RunError: The state is invalid, or has more images than the pool.
        """
        try:
            stored = [tuple(row) for row in state["stored"]]
            fits = len(stored) <= self.size and all(map(_is_row, stored))
            torch.Generator().set_state(state["draws"].cpu())
        except Exception:  # depends on what is there in its place
            fits = False
        if not fits:
            raise RunError(
                f"this is not the state of a pool of {self.size} images: restore the checkpoint",
                see="resume",
            )
        self.stored = stored
        self._random.set_state(state["draws"].cpu())


def _clean_copy(row: Images) -> Images:
    return tuple(x.detach().nan_to_num(0.0, 0.0, 0.0).clone() for x in row)


def _is_row(row: Images) -> bool:
    images = [x.dim() == 4 and len(x) == 1 and x.is_floating_point() for x in row]
    return bool(images) and all(images) and not any(x.is_meta for x in row)
