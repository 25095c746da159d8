"""Consistency: a discriminator judges an image and its variation alike."""

from __future__ import annotations

import torch
from torch import Tensor

from ganblocks.augment import AUGMENTATIONS, Augmentation
from ganblocks.errors import require_one_of
from ganblocks.losses.logits import pairs_of
from ganblocks.losses.penalties.base import PENALTIES, Judge, Penalty
from ganblocks.registry import ComponentLike


@PENALTIES.register("consistency")
class ConsistencyPenalty(Penalty):
    r"""Consistency regularization of logits: CR on real images, bCR on both sides.

    $$\overline{(D(x) - D(T(x)))^2}, \quad
    \text{bCR: } + \overline{(D(\tilde x) - D(T(\tilde x)))^2}$$

    (Zhang et al., 2020, equation 3; bCR: Zhao et al., 2021, section 3.1). A condition is varied
    with its image. The logits of a patch map are compared place by place: T should leave things
    where they are.

    Args:
        augmentation: T, as a name, a spec or an object.
        sides: `"real"` (CR) or `"both"` (bCR).
        interval: Lazy application, see `Penalty`.

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
        self, judge: Judge, real: Tensor, fake: Tensor, condition: Tensor | None
    ) -> Tensor:
        total = real.new_zeros(())
        for image in (real, fake) if self.sides == "both" else (real,):
            given = (image,) if condition is None else (image, condition)
            varied = judge(*self.augmentation(*given))
            off = [(a - b).square().mean() for a, b in pairs_of(judge(image), varied)]
            total = total + torch.stack(off).mean()
        return total
