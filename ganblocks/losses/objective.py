"""The training objective of both networks: named, weighted loss terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from ganblocks.arguments import checked
from ganblocks.autograd_graph import reaches
from ganblocks.errors import OptionError, SpecError, require_at_least
from ganblocks.losses.adaptive import AdaptiveWeight
from ganblocks.losses.adversarial import AdversarialLoss
from ganblocks.losses.features import FeatureLoss, Features
from ganblocks.losses.logits import Logits
from ganblocks.losses.penalties.base import Discriminator, Penalty
from ganblocks.losses.schedule import Weight, weight_at
from ganblocks.losses.term_building import build_term
from ganblocks.losses.terms import LossTerms, NetworkTerm
from ganblocks.registry import Spec, spec_of


@checked
class Objective(nn.Module):
    """Named weighted terms of any kind: adversarial, reconstruction, feature loss or penalty.

    A term is the name of a loss, its spec, or `{"loss": loss}` with an object. A spec takes
    the arguments of the loss and `"weight"`, a number (1 by default) or points [step, weight] that
    are interpolated linearly, and `"start"`, the first step at which the term counts (default 0).
    An adversarial term may have the weight `"adaptive"`; see `AdaptiveWeight`. The type
    `"network"` stands for a term that the network computes itself, such as its KL divergence.

    The generator minimizes adversarial, reconstruction and feature terms, each times its weight.
    The discriminator minimizes its side of the adversarial terms times `discriminator_weight`, and
    the penalties times their weights. It trains on an adversarial term from step 0 on, so that it
    can learn before the term starts for the generator.

    Each term of the generator must have a gradient to the output, unless its weight is 0. A loss
    that trains another part, such as a codebook, sets the attribute `reaches_output = False`, but
    needs a gradient, too.

    Args:
        terms: The terms, by their names in the log.
        discriminator_weight: Weight of the discriminator's adversarial terms; pix2pix uses 0.5.

    Raises:
        OptionError: A name or an argument is unknown, a weight is invalid, or there is no term.

    Examples:
        >>> import torch
        >>> objective = Objective({"adversarial": "vanilla", "l1": {"type": "l1", "weight": 100}})
        >>> fake = torch.zeros(1, 3, 8, 8, requires_grad=True)
        >>> logits = fake.mean(1, keepdim=True)
        >>> terms = objective.generator(logits, fake=fake, target=torch.ones(1, 3, 8, 8))
        >>> round(terms.total().item(), 4), terms.raw["l1"].item()
        (100.6931, 1.0)
        >>> real_logits, fake_logits = torch.zeros(2, 1, 1, 4, 4)
        >>> round(objective.discriminator(real_logits, fake_logits).total().item(), 4)  # 2 · log 2
        1.3863
    """

    def __init__(
        self, terms: Mapping[str, str | Mapping[str, Any]], *, discriminator_weight: float = 1.0
    ) -> None:
        super().__init__()
        require_at_least("discriminator_weight", discriminator_weight, 0)
        if not isinstance(terms, Mapping):
            raise OptionError(
                f'terms are {terms!r}: write a dict such as {{"adversarial": "hinge"}}'
            )
        if not terms:
            raise OptionError('an objective needs a term, such as {"adversarial": "vanilla"}')
        self.discriminator_weight = discriminator_weight
        self.weights: dict[str, Weight] = {}
        self.starts: dict[str, int] = {}
        self.adversarial: dict[str, AdversarialLoss] = {}
        self.modules_by_name = nn.ModuleDict()
        self._with_gradient: set[str] = set()  # terms that have been traced to the output
        for name, term in terms.items():
            self._add_term(name, term)
        self._check_adaptive()

    @classmethod
    def of(cls, objective: Objective | Mapping[str, Any]) -> Objective:
        """Returns an objective unchanged, and builds one from its spec.

        Args:
            objective: An `Objective`, or a dict of its arguments.

        Raises:
            OptionError: It is neither, or an argument is invalid.

        Examples:
            >>> Objective.of({"terms": {"gan": "hinge"}}).generator_terms
            ['gan']
        """
        if isinstance(objective, Objective):
            return objective
        arguments = {"terms", "discriminator_weight"}
        if not isinstance(objective, Mapping) or not {"terms"} <= objective.keys() <= arguments:
            raise OptionError(
                f"an objective is {objective!r}: write Objective(terms) of terms such as "
                '{"adversarial": "hinge"}, or its spec {"terms": terms, '
                '"discriminator_weight": 0.5}'
            )
        return cls(**objective)

    @property
    def needs_real_logits(self) -> bool:
        """Whether `generator` also takes the real logits."""
        return any(loss.needs_real_logits for loss in self.adversarial.values())

    @property
    def needs_discriminator(self) -> bool:
        """Whether any term needs the discriminator, its logits or its features."""
        features = [m for _, m in self._modules_of(FeatureLoss) if not m.has_own_features]
        return bool(self.adversarial or self.penalties or features)

    def needs_logits(self, step: int) -> bool:
        """Whether the generator's loss needs logits at a step: an adversarial term has started.

        Args:
            step: The step, from 0.

        Examples:
            >>> late = Objective({"gan": {"type": "hinge", "start": 1000}, "l1": "l1"})
            >>> late.needs_logits(999), late.needs_logits(1000)
            (False, True)
        """
        return any(step >= self.starts[name] for name in self.adversarial)

    @property
    def step_dependent_terms(self) -> list[str]:
        """Names of the terms that depend on the step, by a schedule, start, interval or state."""
        scheduled = [n for n, weight in self.weights.items() if isinstance(weight, Sequence)]
        late = [name for name, start in self.starts.items() if start]
        lazy = [name for name, penalty in self._modules_of(Penalty) if penalty.interval > 1]
        parameters = {name for name, _ in self.named_parameters(remove_duplicate=False)}
        stateful = [key.split(".")[1] for key in self.state_dict() if key not in parameters]
        return list(dict.fromkeys([*scheduled, *late, *lazy, *stateful]))

    @property
    def has_adaptive_weight(self) -> bool:
        """Whether the weight of a term is computed from gradients."""
        return any(isinstance(weight, AdaptiveWeight) for weight in self.weights.values())

    @property
    def whole_batch_terms(self) -> list[str]:
        """Names of the terms that need the whole batch, instead of micro-batches."""
        losses = self._losses
        return [name for name in self.weights if _batch_reduction(losses[name]) == "whole"]

    @property
    def generator_terms(self) -> list[str]:
        """Names of the terms of the generator."""
        return [name for name in self.weights if name not in self.penalties]

    @property
    def penalties(self) -> list[str]:
        """Names of the penalties."""
        return [name for name, _ in self._modules_of(Penalty)]

    @property
    def spec(self) -> Spec:
        """The spec, as JSON: `Objective(**spec)` builds an equal objective.

        Raises:
            SpecError: A term has no spec, or its loss takes an argument called `weight` or `start`.
        """
        terms, losses = {}, self._losses
        for name, weight in self.weights.items():
            loss = losses[name]
            spec = {"type": "network"} if isinstance(loss, NetworkTerm) else spec_of(loss)
            if reserved := {"weight", "start"} & spec.keys():
                raise SpecError(
                    f"the loss of the term {name!r} has an argument called {reserved.pop()!r}, "
                    "which an objective reserves for the term: give the argument another name"
                )
            start = {"start": self.starts[name]} if self.starts[name] else {}
            plain = weight.spec if isinstance(weight, AdaptiveWeight) else weight
            terms[name] = {**spec, "weight": plain, **start}
        return {"terms": terms, "discriminator_weight": self.discriminator_weight}

    def discriminator(
        self,
        real_logits: Logits,
        fake_logits: Logits,
        *,
        step: int = 0,
        update: int | None = None,
        discriminator: Discriminator | None = None,
        real: Tensor | None = None,
        fake: Tensor | None = None,
        condition: Tensor | None = None,
    ) -> LossTerms:
        """Returns the terms that the discriminator minimizes at a step.

        Args:
            real_logits: Logits of real images.
            fake_logits: Logits of detached fake images.
            step: The step, from 0, for schedules and starts.
            update: The discriminator's update, from 0, for intervals of penalties; None if it has
                one at each step.
            discriminator: The discriminator, for penalties.
            real: Real images (B, C, H, W), for penalties.
            fake: Fake images of the same shape, for penalties.
            condition: Conditions (B, C', H, W), if the discriminator sees them before the image.

        Raises:
            OptionError: The discriminator or the images are missing for a penalty.
        """
        terms = LossTerms()
        for name, loss in self.adversarial.items():
            value = loss.discriminator(real_logits, fake_logits)
            reduction = loss.batch_reduction
            terms.add(name, value, self.discriminator_weight, batch_reduction=reduction)
        for name, penalty in self._modules_of(Penalty):
            if discriminator is None or real is None or fake is None:
                raise OptionError(
                    f"the penalty {name!r} runs the discriminator itself: write "
                    "objective.discriminator(…, discriminator=…, real=…, fake=…)"
                )
            if penalty.due(step if update is None else update) and step >= self.starts[name]:
                value = penalty(discriminator, real, fake, condition)
                weight = self._weight_at(name, step)
                terms.add(name, value, weight, interval=penalty.interval)
        return terms

    def generator(
        self,
        fake_logits: Logits = (),
        real_logits: Logits | None = None,
        *,
        fake: Tensor,
        target: Tensor | None = None,
        features: Features | None = None,
        network_terms: Mapping[str, Tensor] | None = None,
        last_layer: Tensor | None = None,
        step: int = 0,
    ) -> LossTerms:
        """Returns the terms that the generator minimizes at a step.

        Args:
            fake_logits: Logits of the fake images, if `needs_logits(step)`.
            real_logits: Logits of real images, if `needs_real_logits`.
            fake: The generator's output, (B, C, H, W).
            target: Images of the same shape, for reconstruction and feature losses.
            features: Returns the discriminator's features of an image, for feature losses without
                their own.
            network_terms: Scalars returned by the network, by the names of their terms.
            last_layer: Weight of the generator's last layer, for an adaptive weight.
            step: The step, from 0, for schedules and starts.

        Raises:
            OptionError: A term has no gradient to `fake`; a required target, real logits, features,
                network term or last layer is missing; or the network returned a term that the
                objective does not have.
        """
        if not self.generator_terms:
            raise OptionError(
                'the objective has no term for the generator: add {"adversarial": "vanilla"}'
            )
        values = self._require_network_terms(network_terms or {})
        for name, loss in self._losses.items():
            if isinstance(loss, Penalty | NetworkTerm) or step < self.starts[name]:
                continue
            if isinstance(loss, AdversarialLoss):
                values[name] = loss.generator(fake_logits, real_logits)
            elif target is None:
                raise OptionError(
                    f"the term {name!r} needs a target: write objective.generator(…, target=…), "
                    "or leave the term out"
                )
            elif isinstance(loss, FeatureLoss):
                values[name] = loss(fake, target, features)
            else:
                values[name] = loss(fake, target)
        terms = LossTerms()
        for name, loss in self._losses.items():
            if name not in values or step < self.starts[name]:
                continue
            weight: float | Tensor
            if isinstance(adaptive := self.weights[name], AdaptiveWeight):
                weight = self._adapted(name, adaptive, values, last_layer, step)
                terms.metrics[f"weight_{name}"] = weight
            else:
                weight = self._weight_at(name, step)
            terms.add(name, values[name], weight, batch_reduction=_batch_reduction(loss))
        if fake.requires_grad:
            self._require_gradients(terms.raw, fake)
        return terms

    def _adapted(
        self,
        name: str,
        weight: AdaptiveWeight,
        values: Mapping[str, Tensor],
        last_layer: Tensor | None,
        step: int,
    ) -> Tensor:
        if last_layer is None:
            raise OptionError(
                f"the term {name!r} has an adaptive weight: write objective.generator(…, "
                "last_layer=…) with the weight of the generator's last layer; tasks take it from "
                "the generator's property `last_layer`"
            )
        reference = LossTerms()
        for other in self._reconstruction_terms:
            if other in values:
                reference.add(other, values[other], self._weight_at(other, step))
        return weight(reference.total(), values[name], last_layer)

    def _weight_at(self, name: str, step: int) -> float:
        weight = self.weights[name]
        assert not isinstance(weight, AdaptiveWeight)  # see _check_adaptive
        return weight_at(weight, step)

    @property
    def _reconstruction_terms(self) -> list[str]:
        others = (Penalty, NetworkTerm)
        return [n for n, loss in self.modules_by_name.items() if not isinstance(loss, others)]

    def _check_adaptive(self) -> None:
        """Raises `OptionError` if there are adaptive weights but no reconstruction terms."""
        for name, weight in self.weights.items():
            if not isinstance(weight, AdaptiveWeight):
                continue
            if name not in self.adversarial or not self._reconstruction_terms:
                raise OptionError(
                    f"the term {name!r} has an adaptive weight, which compares an adversarial term "
                    'with the reconstruction terms: add one such as "l1", or write a number'
                )

    def _require_network_terms(self, network_terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns the network's terms, after checking their names."""
        named = [n for n, loss in self.modules_by_name.items() if isinstance(loss, NetworkTerm)]
        if sorted(named) != sorted(network_terms):
            raise OptionError(
                f"the network returned the terms {sorted(network_terms)}, but the objective has "
                f'{sorted(named)} of type "network": name the same terms, such as '
                '{"kl": {"type": "network", "weight": 1e-6}}'
            )
        return dict(network_terms)

    def _require_gradients(self, raw: dict[str, Tensor], fake: Tensor) -> None:
        """Traces each term to the output once, and then only checks `requires_grad`."""
        losses = self._losses
        for name, value in raw.items():
            if self.weights[name] == 0:
                continue  # it is only logged
            connected = value.requires_grad
            if not getattr(losses[name], "reaches_output", True):
                self._with_gradient.add(name)  # it trains other parts, such as a codebook
            if connected and name not in self._with_gradient:
                connected = reaches(value, fake)
                self._with_gradient.add(name)
            if not connected:
                raise OptionError(
                    f"the term {name!r} has no gradient to the generator's output: it was computed "
                    "under no_grad, detached, or made of plain numbers. Compute it from the "
                    "output, or leave it out; with the weight 0 it is only logged; a loss that "
                    "trains another part, such as a codebook, has the attribute reaches_output "
                    "= False",
                    see="no-gradient-to-the-generator",
                )

    def _add_term(self, name: str, term: str | Mapping[str, Any]) -> None:
        if hasattr(self.modules_by_name, str(name)):
            raise OptionError(f"a term cannot be called {name!r}, an attribute of nn.Module")
        loss, self.weights[name], self.starts[name] = build_term(name, term)
        if isinstance(loss, AdversarialLoss):
            self.adversarial[name] = loss
        else:
            self.modules_by_name[name] = loss

    @property
    def _losses(self) -> dict[str, Any]:
        return {**self.adversarial, **dict(self.modules_by_name.items())}

    def _modules_of(self, kind: type[Any]) -> list[tuple[str, Any]]:
        return [(n, m) for n, m in self.modules_by_name.items() if isinstance(m, kind)]


def _batch_reduction(loss: Any) -> str:
    """Returns the loss's own reduction, or "mean" for a module that has none."""
    return getattr(loss, "batch_reduction", "mean")
