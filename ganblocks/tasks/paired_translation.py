"""Paired image-to-image translation: pix2pix, its variants, and super-resolution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import override

from ganblocks.errors import ShapeError, require_count, require_flag
from ganblocks.losses import LossTerms, Objective
from ganblocks.losses.functional import full_precision
from ganblocks.registry import ComponentLike
from ganblocks.tasks.adversarial import ADAM, AdversarialTask
from ganblocks.tasks.base import TASKS, Batch, Comparison, last_layer
from ganblocks.tasks.image_pool import ImagePool
from ganblocks.tasks.metrics import enlarged, mean_l1_error


@TASKS.register("paired_translation")
class PairedTranslation(AdversarialTask):
    """pix2pix: a generator learns source → target from pairs (Isola et al., CVPR 2017).

    A batch has `source` and `target`, (B, C, H, W) in [-1, 1]. The discriminator is updated first,
    on the target and the detached `fake`. The generator is updated next, on the logits of the
    updated discriminator. The discriminator sees each image with its source unless `conditional` is
    False.

    With a generator that enlarges images and `conditional=False`, this is super-resolution (SRGAN,
    Ledig et al., CVPR 2017).

    Args:
        generator: The generator, from `GENERATORS`.
        discriminator: The discriminator, from `DISCRIMINATORS`; if conditional, its input channels
            are the sum of the source's and the target's.
        objective: The losses of both players, or their spec.
        conditional: Whether the discriminator's input is the source concatenated with the image;
            both must then have the same height and width.
        augment: Augmentation of the discriminator's inputs. Source, target and fake of a pair get
            the same augmentation, with new draws for each player; reconstruction and feature losses
            see the originals.
        pool_size: Size of the pool of previously generated images; see `ImagePool`.
        optimizer: The generator's optimizer, from `OPTIMIZERS`.
        discriminator_optimizer: The discriminator's optimizer; if None, the same as the
            generator's. Using two learning rates is the two time-scale update rule (Heusel et al.,
            NeurIPS 2017).
        seed: Seed of the image pool.

    Raises:
        OptionError: A component or a number has an invalid value.
        ShapeError: In `loss`, if the shapes of the images do not match.

    Examples:
        >>> task = PairedTranslation(
        ...     {"type": "unet", "base_channels": 4, "num_downs": 3},
        ...     {"type": "patch", "in_channels": 6, "base_channels": 4, "n_layers": 1},
        ...     Objective({"adversarial": "vanilla", "l1": {"type": "l1", "weight": 100}}),
        ... )
        >>> batch = {"source": torch.zeros(1, 3, 16, 16), "target": torch.zeros(1, 3, 16, 16)}
        >>> generated = task.generate(batch)
        >>> sorted(task.loss("generator", batch, generated).raw)
        ['adversarial', 'l1']
    """

    probed = ("generator", "source")
    translates: Mapping[str, tuple[str, str]] = {"generator": ("source", "target")}
    images = ("source", "target")

    def __init__(
        self,
        generator: ComponentLike | nn.Module,
        discriminator: ComponentLike | nn.Module,
        objective: Objective | Mapping[str, Any],
        *,
        conditional: bool = True,
        augment: ComponentLike | nn.Module | None = None,
        pool_size: int = 0,
        optimizer: ComponentLike = ADAM,
        discriminator_optimizer: ComponentLike | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(
            generator,
            discriminator,
            objective,
            augment=augment,
            optimizer=optimizer,
            discriminator_optimizer=discriminator_optimizer,
        )
        require_flag("conditional", conditional)
        require_count("pool_size", pool_size, 0)
        self.conditional = conditional
        self.pool = ImagePool(pool_size, seed=seed) if pool_size else None

    def generate(self, batch: Batch) -> dict[str, Any]:
        """Returns `fake`, the generator's output for `source`, in full precision.

        Args:
            batch: `source` and `target`.

        Raises:
            ShapeError: The output and the target differ in shape.
        """
        source, target = batch["source"], batch["target"]
        fake = full_precision(self.generator(source))
        if fake.shape != target.shape:
            raise ShapeError(
                f"the generator returned {tuple(fake.shape)} for {tuple(source.shape)}, but the "
                f"target is {tuple(target.shape)}: {_remedy(fake, target)}"
            )
        return {"fake": fake}

    def loss(self, player: str, batch: Batch, generated: dict[str, Any]) -> LossTerms:
        """Returns the discriminator's or the generator's terms.

        Args:
            player: `"discriminator"` or `"generator"`.
            batch: `source` and `target`.
            generated: `fake`.
        """
        target, fake = batch["target"], generated["fake"]
        condition = batch["source"] if self.conditional else None
        adversary = self._adversary(pool=self.pool)
        if player == "discriminator":
            return adversary.discriminator_terms(target, fake, condition)
        return adversary.generator_terms(
            fake, target, condition, target, last_layer=last_layer(self.generator)
        )

    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """Returns `source`, `target` and `fake`; enlarges a smaller source to their size.

        Args:
            batch: A batch.
        """
        images = super().preview(batch)
        size = images["fake"].shape[2:]
        if images["source"].shape[2:] != size:
            images["source"] = F.interpolate(images["source"], size)
        return images

    @override
    def comparison(self, batch: Batch) -> Comparison:
        return Comparison(self.generate(batch)["fake"], batch["target"], batch["source"])

    def baseline(self, batches: Iterator[Batch]) -> dict[str, float]:
        """Returns the L1 error of a prediction without learning.

        For sources of the targets' size, it predicts the mean of all other held-out targets: pixel
        by pixel, their mean color if sizes differ, mid-gray if there are none. For smaller sources,
        it predicts the bicubically enlarged source.

        Args:
            batches: The held-out batches, with one sample each.
        """
        pairs = [(batch["source"], batch["target"]) for batch in batches]
        targets = [target for _, target in pairs]
        if any(source.shape[2:] != target.shape[2:] for source, target in pairs):
            predictions = [enlarged(source, target.shape[2:]) for source, target in pairs]
        else:
            same = len({x.shape for x in targets}) == 1
            known = targets if same else [x.mean((2, 3), keepdim=True) for x in targets]
            total, others = torch.stack(known).sum(0), max(len(known) - 1, 1)
            predictions = [
                ((total - own) / others).expand_as(x) for own, x in zip(known, targets, strict=True)
            ]
        return {"l1": fmean(map(mean_l1_error, predictions, targets))}


def _remedy(fake: Tensor, target: Tensor) -> str:
    remedies = []
    if fake.shape[1:2] != target.shape[1:2]:
        remedies.append(f"build the generator with out_channels={target.shape[1]}")
    if fake.shape[2:] != target.shape[2:]:
        remedies.append(
            "make both images of a pair the same size, or choose a generator that scales by that "
            "factor"
        )
    return ", and ".join(remedies) or "pass as many targets as sources"
