"""Consistency regularization: logits should not change under augmentation."""

from __future__ import annotations

import torch
from torch import Tensor

from ganblocks.augment import AUGMENTATIONS, Augmentation
from ganblocks.errors import require_one_of
from ganblocks.losses.logits import pairs_of
from ganblocks.losses.penalties.base import PENALTIES, Discriminator, Penalty
from ganblocks.registry import ComponentLike


@PENALTIES.register("consistency")
class ConsistencyPenalty(Penalty):
    r"""Consistency regularization: CR on real images, bCR on real and fake ones.

    $$\overline{(D(x) - D(T(x)))^2}, \quad
    \text{bCR: } + \overline{(D(\tilde x) - D(T(\tilde x)))^2}$$

    (Zhang et al., 2020, equation 3; bCR: Zhao et al., 2021, section 3.1). A condition is augmented
    together with its image. Patch logits are compared position by position, so T should not move
    the contents of the image.

    Args:
        augmentation: T: a name, a spec or an object.
        sides: `"real"` (CR) or `"both"` (bCR).
        interval: Lazy regularization, see `Penalty`.

    Raises:
        OptionError: An argument has an invalid value.

    Examples:
        >>> real, fake = torch.rand(2, 4, 3, 8, 8)
        >>> same = {"type": "translation", "ratio": 0.0}
        >>> ConsistencyPenalty(augmentation=same)(lambda x: x[:, 0], real, fake).item()
        0.0
    """

    def __init__(
        self, *, augmentation: ComponentLike = "color", sides: str = "real", interval: int = 1
    ) -> None:
        super().__init__(interval=interval)
        require_one_of("sides", sides, ("real", "both"))
        self.sides = sides
        self.augmentation = (
            augmentation
            if isinstance(augmentation, Augmentation)
            else AUGMENTATIONS.build(augmentation)
        )

    def _penalty(
        self, discriminator: Discriminator, real: Tensor, fake: Tensor, condition: Tensor | None
    ) -> Tensor:
        total = real.new_zeros(())
        for image in (real, fake) if self.sides == "both" else (real,):
            inputs = (image,) if condition is None else (image, condition)
            augmented = discriminator(*self.augmentation(*inputs))
            pairs = pairs_of(discriminator(image), augmented)
            total = total + torch.stack([(a - b).square().mean() for a, b in pairs]).mean()
        return total
