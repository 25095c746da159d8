"""Noise to image: an unconditional GAN, or one with class labels."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor
from typing_extensions import override

from ganblocks.errors import DataError, OptionError, ShapeError
from ganblocks.losses import LossTerms
from ganblocks.losses.functional import full_precision
from ganblocks.tasks.adversarial import AdversarialTask
from ganblocks.tasks.base import TASKS, Batch, Comparison

COLUMNS = 4
"""Number of generated images in a row of the preview."""


@TASKS.register("unconditional")
class Unconditional(AdversarialTask):
    """A generator turns noise into images like the real ones (Goodfellow et al., NeurIPS 2014).

    A batch has `image`, (B, C, H, W) in [-1, 1]. The latents are drawn from a normal distribution;
    a batch may contain its own `latent`, (B, latent_dim). If the networks have `num_classes`, a
    batch also has `label`, (B,) of int64: both networks see the labels of the real images.

    Args:
        generator: The generator, from `GENERATORS`, with an attribute `latent_dim`.
        discriminator: The discriminator, from `DISCRIMINATORS`.
        objective: The losses of both players, or their spec; there is no target.
        augment: Augmentation of the discriminator's inputs, with new draws for each player.
        optimizer: The generator's optimizer, from `OPTIMIZERS`.
        discriminator_optimizer: The discriminator's optimizer; if None, the generator's.

    Raises:
        OptionError: A component has an invalid value, the generator has no `latent_dim`, or only
            one network has classes.
        DataError: In `generate`, if the networks have classes and the batch has no labels.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> generator = nn.Sequential(nn.Unflatten(1, (4, 1, 1)), nn.ConvTranspose2d(4, 3, 8))
        >>> generator.latent_dim = 4
        >>> task = Unconditional(generator, nn.Conv2d(3, 1, 8), {"terms": {"gan": "rpgan"}})
        >>> batch = {"image": torch.zeros(2, 3, 8, 8)}
        >>> task.loss("generator", batch, task.generate(batch)).raw.keys()
        dict_keys(['gan'])
    """

    images = ("image",)

    def _check_networks(self) -> None:
        if not isinstance(getattr(self.generator, "latent_dim", None), int):
            raise OptionError(
                f"{type(self.generator).__name__} has no latent_dim: choose a generator that maps "
                "a latent (B, latent_dim) to images, such as LatentGenerator"
            )
        counts = [getattr(n, "num_classes", 0) for n in (self.generator, self.discriminator)]
        if counts[0] != counts[1]:
            raise OptionError(
                f"the generator has {counts[0]} classes and the discriminator {counts[1]}: build "
                "both with the same num_classes"
            )
        self.num_classes: int = counts[0]
        if not self.num_classes:  # the health check runs a network on one input
            self.probed = ("generator", "latent")

    def inputs(self, batch: Batch) -> Batch:
        """Returns the batch with a `latent`, drawn from a normal distribution if it has none.

        Args:
            batch: `image`.
        """
        if "latent" in batch:
            return batch
        image = batch["image"]
        return {**batch, "latent": image.new_empty(len(image), self.generator.latent_dim).normal_()}

    def generate(self, batch: Batch) -> dict[str, Any]:
        """Returns `fake`, one image for each real one, in full precision.

        Args:
            batch: `image`; `label`, if the networks have classes; and optionally `latent`.

        Raises:
            ShapeError: The generated images differ in shape from the real ones.
        """
        latent, image = self.inputs(batch)["latent"], batch["image"]
        fake = full_precision(self.generator(latent, *self._labels(batch)))
        if fake.shape != image.shape:
            raise ShapeError(
                f"the generator returned {tuple(fake.shape)}, but the images are "
                f"{tuple(image.shape)}: resize the images, or build both networks for their size "
                "(image_size) and channels"
            )
        return {"fake": fake}

    def loss(self, player: str, batch: Batch, generated: dict[str, Any]) -> LossTerms:
        """Returns the discriminator's or the generator's terms.

        Args:
            player: `"discriminator"` or `"generator"`.
            batch: `image`, and `label` if the networks have classes.
            generated: `fake`.
        """
        labels = self._labels(batch)
        discriminator = partial(self.discriminator, labels=labels[0]) if labels else None
        adversary = self._adversary(discriminator)
        if player == "discriminator":
            return adversary.discriminator_terms(batch["image"], generated["fake"])
        return adversary.generator_terms(generated["fake"], batch["image"])

    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """Returns `real` and a few generated images.

        Args:
            batch: A batch.
        """
        drawn = {k: x for k, x in batch.items() if k != "latent"}
        images = {f"sample {n + 1}": self.generate(drawn)["fake"] for n in range(COLUMNS)}
        return {"real": batch["image"], **images}

    @override
    def comparison(self, batch: Batch) -> Comparison:
        return Comparison(self.generate(batch)["fake"], batch["image"], paired=False)

    def _labels(self, batch: Batch) -> tuple[Tensor, ...]:
        if not self.num_classes:
            return ()
        if "label" not in batch:
            raise DataError(
                f"the networks have {self.num_classes} classes, but the batch has no 'label': "
                "return one from the dataset, or build the networks with num_classes=0"
            )
        return (batch["label"],)
