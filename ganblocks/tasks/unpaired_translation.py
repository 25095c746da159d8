"""Unpaired image-to-image translation: CycleGAN."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from typing_extensions import override

from ganblocks.augment import AUGMENTATIONS
from ganblocks.discriminators import DISCRIMINATORS
from ganblocks.errors import OptionError, ShapeError, SpecError, require_count
from ganblocks.generators import GENERATORS
from ganblocks.losses import LossTerms, Objective
from ganblocks.losses.functional import full_precision
from ganblocks.registry import ComponentLike, spec_of
from ganblocks.tasks.adversarial import ADAM, Adversary, discriminator_update, two_players
from ganblocks.tasks.base import TASKS, Batch, Comparison, Task, built
from ganblocks.tasks.image_pool import ImagePool
from ganblocks.tasks.metrics import mean_l1_error

CYCLE = {"type": "l1", "weight": 10.0}
IDENTITY = {"type": "l1", "weight": 5.0}


@TASKS.register("unpaired_translation")
class UnpairedTranslation(Task):
    """CycleGAN: translates between two sets of images without pairs (Zhu et al., ICCV 2017).

    A batch has unpaired `a` and `b`, (B, C, H, W) in [-1, 1]. One generator translates a → b, the
    other b → a, each with its own discriminator. Translating an image there and back must
    reconstruct it (`cycle`), and translating an image that is already in the target domain must not
    change it (`identity`).

    Args:
        generator: The generator a → b, from `GENERATORS`.
        discriminator: The discriminator of b, from `DISCRIMINATORS`.
        objective: The losses of each discriminator and its generator; there is no target.
        generator_ba: The generator b → a; if None, it is built from the spec `generator`.
        discriminator_a: The discriminator of a; if None, it is built from the spec `discriminator`.
        cycle: Reconstruction or feature loss of the cycle, with its weight.
        identity: Loss between images in a generator's target domain and their translations, with
            its weight; None if a and b have different channels.
        augment: Augmentation of the discriminators' inputs, with new draws for each player.
        pool_size: Size of each pool of previously generated images; see `ImagePool`.
        optimizer: Optimizer of both generators, from `OPTIMIZERS`.
        discriminator_optimizer: Optimizer of both discriminators; if None, the generators'.
        seed: Seed of the image pools.

    Raises:
        OptionError: A component or a number has an invalid value.
        ShapeError: In `loss`, if an image changes its shape in the cycle.

    Examples:
        >>> import torch
        >>> task = UnpairedTranslation(
        ...     {"type": "resnet", "base_channels": 4, "n_blocks": 1},
        ...     {"type": "patch", "in_channels": 3, "base_channels": 4, "n_layers": 1},
        ...     {"terms": {"adversarial": "lsgan"}, "discriminator_weight": 0.5},
        ... )
        >>> batch = {"a": torch.zeros(1, 3, 16, 16), "b": torch.ones(1, 3, 16, 16)}
        >>> list(task.loss("generator", batch, task.generate(batch)).raw)
        ['adversarial_b', 'cycle_a', 'identity_b', 'adversarial_a', 'cycle_b', 'identity_a']
    """

    averaged = ("generator_ab", "generator_ba")
    sharded = ("generator_ab", "generator_ba")
    probed = ("generator_ab", "a")
    translates: Mapping[str, tuple[str, str]] = {
        "generator_ab": ("a", "b"),
        "generator_ba": ("b", "a"),
    }
    images = ("a", "b")

    def __init__(
        self,
        generator: ComponentLike | nn.Module,
        discriminator: ComponentLike | nn.Module,
        objective: Objective | Mapping[str, Any],
        *,
        generator_ba: ComponentLike | nn.Module | None = None,
        discriminator_a: ComponentLike | nn.Module | None = None,
        cycle: str | Mapping[str, Any] = CYCLE,
        identity: str | Mapping[str, Any] | None = IDENTITY,
        augment: ComponentLike | nn.Module | None = None,
        pool_size: int = 50,
        optimizer: ComponentLike = ADAM,
        discriminator_optimizer: ComponentLike | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        require_count("pool_size", pool_size, 0)
        self.generator_ab = built(generator, GENERATORS)
        self.generator_ba = _another(generator, generator_ba, GENERATORS, "generator_ba")
        self.discriminator_b = built(discriminator, DISCRIMINATORS)
        self.discriminator_a = _another(
            discriminator, discriminator_a, DISCRIMINATORS, "discriminator_a"
        )
        self.objective_b = Objective.of(objective)
        self.objective_a = copy.deepcopy(self.objective_b)  # its penalties may have state
        terms = {"cycle": cycle} if identity is None else {"cycle": cycle, "identity": identity}
        self.consistency = nn.ModuleDict({n: Objective({n: term}) for n, term in terms.items()})
        self.augment = None if augment is None else built(augment, AUGMENTATIONS)
        self.pools = nn.ModuleDict(
            {side: ImagePool(pool_size, seed=seed + n) for n, side in enumerate("ab") if pool_size}
        )
        self.players = two_players(
            ("discriminator_a", "discriminator_b"),
            ("generator_ab", "generator_ba"),
            optimizer,
            discriminator_optimizer,
        )

    def generate(self, batch: Batch) -> dict[str, Any]:
        """Returns the translations `fake_b` and `fake_a`, in full precision.

        Args:
            batch: `a` and `b`.
        """
        return {
            "fake_b": full_precision(self.generator_ab(batch["a"])),
            "fake_a": full_precision(self.generator_ba(batch["b"])),
        }

    def loss(self, player: str, batch: Batch, generated: dict[str, Any]) -> LossTerms:
        """Returns the terms of both discriminators or both generators.

        Args:
            player: `"discriminator"` or `"generator"`.
            batch: `a` and `b`.
            generated: `fake_b` and `fake_a`.

        Raises:
            ShapeError: An image changes its shape in the cycle, or a and b have different numbers
                of channels and there is an identity loss.
        """
        terms = LossTerms()
        for source, target in ("ab", "ba"):
            real, fake = batch[target], generated[f"fake_{target}"]
            adversary = Adversary(
                getattr(self, f"objective_{target}"),
                getattr(self, f"discriminator_{target}"),
                self.augment,
                dict(self.pools.items()).get(target),  # type: ignore[arg-type]
                self.step,
                discriminator_update(self),
            )
            if player == "discriminator":
                terms.update(adversary.discriminator_terms(real, fake), f"_{target}")
                continue
            terms.update(adversary.generator_terms(fake, real), f"_{target}")
            there, back = (
                self.network(f"generator_{way}") for way in (source + target, target + source)
            )
            terms.update(self._consistency("cycle", back(fake), batch[source]), f"_{source}")
            if "identity" in self.consistency:
                _require_one_kind(batch[source], real)
                terms.update(self._consistency("identity", there(real), real), f"_{target}")
        return terms

    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """Returns each image, its translation, and its reconstruction.

        Args:
            batch: A batch.
        """
        fakes = self.generate(batch)
        return {
            "a": batch["a"],
            "a → b": fakes["fake_b"],
            "a → b → a": self.generator_ba(fakes["fake_b"]),
            "b": batch["b"],
            "b → a": fakes["fake_a"],
            "b → a → b": self.generator_ab(fakes["fake_a"]),
        }

    @override
    def comparison(self, batch: Batch) -> Comparison:
        fake = full_precision(self.generator_ab(batch["a"]))
        return Comparison(fake, batch["b"], batch["a"], paired=False)

    def score(self, batch: Batch) -> dict[str, float]:
        """Returns the cycle error: the mean L1 error of both reconstructions.

        Args:
            batch: A batch with one sample.
        """
        shown = self.preview(batch)
        errors = [mean_l1_error(shown[way], shown[way[0]]) for way in ("a → b → a", "b → a → b")]
        return {"cycle": sum(errors) / 2}

    def _consistency(self, name: str, output: Tensor, image: Tensor) -> LossTerms:
        if output.shape != image.shape:
            raise ShapeError(
                f"{name}: a generator returned {tuple(output.shape)} for an image of "
                f"{tuple(image.shape)}: match the channels of both generators, and choose "
                "generators that keep the height and width"
            )
        objective: Objective = self.consistency[name]  # type: ignore[assignment]
        return objective.generator(fake=full_precision(output), target=image, step=self.step)


def _require_one_kind(a: Tensor, b: Tensor) -> None:
    if a.shape[1] != b.shape[1]:
        raise ShapeError(
            f"the identity loss passes images of {b.shape[1]} channels to a generator of images of "
            f"{a.shape[1]}: write identity=None"
        )


def _another(first: Any, second: Any, registry: Any, name: str) -> Any:
    """Returns the second network, or builds it from the first one's spec."""
    if second is None and isinstance(first, nn.Module):
        try:
            second = spec_of(first)
        except SpecError as error:
            raise OptionError(f"{error}. Or pass the other network as {name}=…") from error
    return built(first if second is None else second, registry)
