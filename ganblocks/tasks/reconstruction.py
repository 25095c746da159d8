"""Reconstruction: an autoencoder with a discriminator, as in VQGAN and latent diffusion."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from ganblocks.errors import ShapeError
from ganblocks.losses import LossTerms
from ganblocks.losses.functional import full_precision
from ganblocks.tasks.adversarial import AdversarialTask
from ganblocks.tasks.base import TASKS, Batch, Comparison, last_layer


@TASKS.register("reconstruction")
class Reconstruction(AdversarialTask):
    """Trains an autoencoder with a discriminator.

    VQGAN (Esser et al., CVPR 2021) and the autoencoder of latent diffusion are trained this way. A
    batch has `image`, (B, C, H, W) in [-1, 1]. The discriminator is unconditional. If the
    generator's `forward` takes `with_terms`, it is called with `with_terms=True` and returns the
    image and its own loss terms, such as `{"kl": value}`; the objective names each of them: `{"kl":
    {"type": "network", "weight": 1e-6}}`. An adversarial term with `"weight": "adaptive"` needs a
    generator with the property `last_layer`.

    Args:
        generator: The autoencoder, from `GENERATORS`.
        discriminator: The discriminator, from `DISCRIMINATORS`.
        objective: The losses of both players, or their spec.
        augment: Augmentation of the discriminator's inputs, with new draws for each player.
        optimizer: The generator's optimizer, from `OPTIMIZERS`.
        discriminator_optimizer: The discriminator's optimizer; if None, the generator's.

    Raises:
        OptionError: A component has an invalid value, or the terms of network and objective differ.
        ShapeError: In `generate`, if the output and the image differ in shape.

    Examples:
        >>> import torch
        >>> task = Reconstruction(
        ...     {"type": "unet", "base_channels": 4, "num_downs": 3},
        ...     {"type": "patch", "in_channels": 3, "base_channels": 4, "n_layers": 1},
        ...     {"terms": {"l1": "l1", "adversarial": {"type": "hinge", "start": 500}}},
        ... )
        >>> batch = {"image": torch.zeros(1, 3, 16, 16)}
        >>> sorted(task.loss("generator", batch, task.generate(batch)).raw)
        ['l1']
    """

    probed = ("generator", "image")
    translates: Mapping[str, tuple[str, str]] = {"generator": ("image", "image")}
    images = ("image",)

    def generate(self, batch: Batch) -> dict[str, Any]:
        """Returns `fake`, the reconstruction in full precision, and the network's own `terms`.

        Args:
            batch: `image`.

        Raises:
            ShapeError: The output and the image differ in shape.
        """
        image, terms = batch["image"], {}
        if "with_terms" in inspect.signature(self.generator.forward).parameters:
            fake, terms = self.generator(image, with_terms=True)
        else:
            fake = self.generator(image)
        if fake.shape != image.shape:
            raise ShapeError(
                f"the generator returned {tuple(fake.shape)} for {tuple(image.shape)}: an "
                "autoencoder returns the shape of its input; build it with the images' channels"
            )
        return {"fake": full_precision(fake), "terms": terms}

    def loss(self, player: str, batch: Batch, generated: dict[str, Any]) -> LossTerms:
        """Returns the discriminator's or the generator's terms.

        Args:
            player: `"discriminator"` or `"generator"`.
            batch: `image`.
            generated: `fake` and `terms`.
        """
        image, fake = batch["image"], generated["fake"]
        if player == "discriminator":
            return self._adversary().discriminator_terms(image, fake)
        return self._adversary().generator_terms(
            fake,
            image,
            target=image,
            network_terms=generated["terms"],
            last_layer=last_layer(self.generator),
        )

    @override
    def comparison(self, batch: Batch) -> Comparison:
        return Comparison(self.generate(batch)["fake"], batch["image"])
