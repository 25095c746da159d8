"""Paired image-to-image translation: pix2pix and its variants."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.augment import AUGMENTATIONS
from ganblocks.discriminators import DISCRIMINATORS
from ganblocks.errors import DataError, OptionError, ShapeError, require_count, require_flag
from ganblocks.generators import GENERATORS
from ganblocks.losses import LossTerms, Objective
from ganblocks.losses.functional import full_precision
from ganblocks.losses.logits import Logits
from ganblocks.registry import ComponentLike
from ganblocks.tasks.base import TASKS, Batch, Player, Task, built
from ganblocks.tasks.image_pool import ImagePool
from ganblocks.tasks.metrics import logit_metrics

LARGEST = 1.001  # of an image in [-1, 1], after rounding
ADAM = {"type": "adam", "lr": 2e-4, "betas": [0.5, 0.999]}


@TASKS.register("paired_translation")
class PairedTranslation(Task):
    """pix2pix: a generator learns source → target from pairs (Isola et al., CVPR 2017).

    A batch has `source` and `target`, (B, C, H, W) in [-1, 1]. The discriminator is updated first,
    on the target and the detached `fake`. The generator is updated next, on the logits of the
    updated discriminator. The discriminator sees each image with its source unless `conditional` is
    False.

    Args:
        generator: The generator, from `GENERATORS`.
        discriminator: The discriminator, from `DISCRIMINATORS`; a conditional one needs as many
            input channels as source and target have together.
        objective: The losses of both players, or their spec.
        conditional: Whether the discriminator's input is the source concatenated with the image;
            both must then have the same height and width.
        augment: Augmentation of the discriminator's inputs. Source, target and fake of a pair are
            augmented in the same way, drawn anew for each player; reconstruction and feature losses
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

    averaged = ("generator",)
    sharded = ("generator",)
    probed = ("generator", "source")

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
        super().__init__()
        require_flag("conditional", conditional)
        require_count("pool_size", pool_size, 0)
        self.generator = built(generator, GENERATORS)
        self.discriminator = built(discriminator, DISCRIMINATORS)
        self.objective = Objective.of(objective)
        self.conditional = conditional
        self.augment = None if augment is None else built(augment, AUGMENTATIONS)
        self.pool = ImagePool(pool_size, seed=seed) if pool_size else None
        self.players = {
            "discriminator": Player(
                "discriminator",
                optimizer=optimizer if discriminator_optimizer is None else discriminator_optimizer,
            ),
            "generator": Player("generator", optimizer=optimizer),
        }

    def check(self, batch: Batch) -> None:
        """Checks that `source` and `target` are floats in [-1, 1].

        Args:
            batch: A batch.

        Raises:
            DataError: One of them is missing, of another dtype, or has other values.
        """
        for key in ("source", "target"):
            image = batch.get(key)
            if not isinstance(image, Tensor) or not image.is_floating_point():
                kind = image.dtype if isinstance(image, Tensor) else type(image).__name__
                raise DataError(f"batch[{key!r}] is {kind}: pass floats in [-1, 1]")
            values = image[~image.isnan()]  # find_nonfinite names NaN where it begins
            if not values.numel():
                continue
            low, high = values.min().item(), values.max().item()
            if not -LARGEST <= low <= high <= LARGEST:
                raise DataError(
                    f"batch[{key!r}] has values from {low:.4g} to {high:.4g}: scale images to "
                    "[-1, 1], such as pixels / 127.5 - 1"
                )

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
        loss = self._discriminator_loss if player == "discriminator" else self._generator_loss
        return loss(batch["source"], batch["target"], generated["fake"])

    def score(self, batch: Batch) -> dict[str, float]:
        """Returns the L1 error of the generator's output, for images in [-1, 1].

        Args:
            batch: A batch with one sample.
        """
        return {"l1": _l1(self.generate(batch)["fake"], batch["target"])}

    def baseline(self, batches: Iterator[Batch]) -> dict[str, float]:
        """Returns the L1 error of always predicting the mean of all held-out targets.

        Args:
            batches: The held-out batches, with one sample each.
        """
        targets = [batch["target"] for batch in batches]
        if len({x.shape for x in targets}) == 1:
            mean = torch.stack(targets).mean(0)  # pixel by pixel
        else:
            mean = torch.stack([x.mean((2, 3), keepdim=True) for x in targets]).mean(0)
        return {"l1": sum(_l1(mean.expand_as(x), x) for x in targets) / len(targets)}

    def _discriminator_loss(self, source: Tensor, target: Tensor, fake: Tensor) -> LossTerms:
        if not self.objective.needs_discriminator:
            return LossTerms()
        older = () if self.pool is None else self.pool.exchange(source, fake)
        images = self._augmented(source, target, fake, *older)
        condition, real, fake = images[:3]
        # Penalties need real and fake images with the same condition; pooled images have others.
        fake_logits = self._logits(*(images[3:] or (condition, fake)))
        real_logits = self._logits(condition, real)
        terms = self.objective.discriminator(
            real_logits,
            fake_logits,
            step=self.step,
            discriminator=self.discriminator,
            real=real,
            fake=fake,
            condition=condition if self.conditional else None,
        )
        terms.metrics = logit_metrics(real_logits, fake_logits)
        return terms

    def _generator_loss(self, source: Tensor, target: Tensor, fake: Tensor) -> LossTerms:
        seen = fake.view_as(fake)  # a separate node: its gradient comes from D alone
        fake_logits: Logits = []
        real_logits = None
        if self.objective.needs_logits(self.step):
            condition, real, augmented = self._augmented(source, target, seen)
            fake_logits = self._logits(condition, augmented)
            if self.objective.needs_real_logits:
                real_logits = self._logits(condition, real)

        def features(image: Tensor) -> Any:
            return self._features(source, seen if image is fake else image)

        terms = self.objective.generator(
            fake_logits, real_logits, fake=fake, target=target, features=features, step=self.step
        )
        terms.gradients["grad_image"] = fake
        if self.objective.needs_discriminator:
            terms.gradients["grad_image_d"] = seen
        return terms

    def _logits(self, condition: Tensor, image: Tensor) -> Logits:
        logits: Logits = self.discriminator(self._input(condition, image))
        return logits

    def _features(self, source: Tensor, image: Tensor) -> Any:
        maps: Callable[[Tensor], Any] | None = getattr(self.discriminator, "features", None)
        if maps is None:
            raise OptionError(
                f"a feature loss compares feature maps of the discriminator, but "
                f"{type(self.discriminator).__name__} has no method `features`: add one "
                "that maps (B, C, H, W) to a tuple of feature maps, with the logits last"
            )
        return maps(self._input(source, image))

    def _input(self, condition: Tensor, image: Tensor) -> Tensor:
        if not self.conditional:
            return image
        if condition.shape[2:] != image.shape[2:]:
            raise ShapeError(
                f"a conditional discriminator concatenates source {tuple(condition.shape)} and "
                f"image {tuple(image.shape)}: give both the same height and width, or write "
                "conditional=False"
            )
        return torch.cat((condition, image), 1)

    def _augmented(self, *images: Tensor) -> tuple[Tensor, ...]:
        return images if self.augment is None else self.augment(*images)


def _l1(fake: Tensor, target: Tensor) -> float:
    return (fake - target).abs().mean().item()


def _remedy(fake: Tensor, target: Tensor) -> str:
    remedies = []
    if fake.shape[1:2] != target.shape[1:2]:
        remedies.append(f"build the generator with out_channels={target.shape[1]}")
    if fake.shape[2:] != target.shape[2:]:
        remedies.append(
            "give both images of a pair one size, or choose a generator that scales by that factor"
        )
    return ", and ".join(remedies) or "pass as many targets as sources"
