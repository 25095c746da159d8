"""DiffAugment: several variations, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ganblocks.augment.base import AUGMENTATIONS, Augmentation
from ganblocks.errors import OptionError
from ganblocks.registry import ComponentLike


@AUGMENTATIONS.register("diff_augment")
class DiffAugment(Augmentation):
    """Differentiable augmentation for training with few images (Zhao et al., NeurIPS 2020).

    Both players see varied images, T(real) and T(fake), and the generator's gradient passes
    through T: nothing of T then leaks into what is generated. In paired translation the condition
    is given along, so that the pair stays aligned.

    Args:
        policy: Augmentations in their order, as names, specs or objects.

    Raises:
        OptionError: The policy is empty, or no list.

    Examples:
        >>> import torch
        >>> augment = DiffAugment(["color", {"type": "translation", "ratio": 0.25}])
        >>> real, fake, condition = augment(*torch.rand(3, 2, 3, 16, 16))
        >>> tuple(condition.shape)
        (2, 3, 16, 16)
    """

    def __init__(
        self, policy: Sequence[ComponentLike] = ("color", "translation", "cutout")
    ) -> None:
        super().__init__()
        if isinstance(policy, str) or not isinstance(policy, Sequence) or not policy:
            raise OptionError(f'policy is {policy!r}: write a list such as ["color", "cutout"]')
        self.parts = nn.ModuleList(
            part if isinstance(part, Augmentation) else AUGMENTATIONS.build(part) for part in policy
        )

    def _varied(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        for part in self.parts:
            images = part(*images)
        return images
