"""What the two networks minimize in training: named, weighted loss terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.arguments import checked
from ganblocks.errors import OptionError, SpecError, not_one_of, require_at_least, require_count
from ganblocks.losses.adversarial import ADVERSARIAL_LOSSES, AdversarialLoss
from ganblocks.losses.features import FEATURE_LOSSES, FeatureLoss, Features
from ganblocks.losses.logits import Logits
from ganblocks.losses.penalties.base import PENALTIES, Discriminator, Penalty
from ganblocks.losses.reconstruction import RECONSTRUCTION_LOSSES
from ganblocks.losses.schedule import Weight, require_weight, weight_at
from ganblocks.losses.terms import LossTerms
from ganblocks.registry import Registry, Spec, spec_of

_REGISTRIES: tuple[Registry[Any], ...] = (
    ADVERSARIAL_LOSSES,
    RECONSTRUCTION_LOSSES,
    FEATURE_LOSSES,
    PENALTIES,
)


@checked
class Objective(nn.Module):
    """Named weighted terms of any kind: adversarial, reconstruction, feature loss or penalty.

    A term is the name of a loss, its spec, or `{"loss": loss}` with an object. A spec takes
    the arguments of the loss and `"weight"`, a number (1 by default) or points [step, weight] that
    are interpolated linearly, and `"start"`, the first step at which the term counts (default 0).

    The generator minimizes adversarial, reconstruction and feature terms, each times its weight.
    The discriminator minimizes its side of the adversarial terms times `discriminator_weight`, and
    the penalties times their weights. It trains on an adversarial term from step 0 on, so that it
    can learn before the term starts for the generator.

    Each term of the generator must have a gradient to the output. A loss that is meant to train
    another part, such as a codebook, says so by an attribute `reaches_output = False`; it needs a
    gradient to something all the same.

    Args:
        terms: The terms, by the names that they have in the log.
        discriminator_weight: Weight of the discriminator's adversarial terms; pix2pix uses 0.5.

    Raises:
        OptionError: A name or an argument is unknown, a weight is not a number, or there is no
            term.

    Examples:
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

    @classmethod
    def of(cls, objective: Objective | Mapping[str, Any]) -> Objective:
        """Returns an objective unchanged, and builds one from its spec.

        Args:
            objective: An `Objective`, or a dict of its arguments.

        Raises:
            OptionError: It is neither, or an argument is wrong.

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
        """Whether any term needs the discriminator: its logits, its features, or itself."""
        features = [m for _, m in self._modules_of(FeatureLoss) if not m.has_own_features]
        return bool(self.adversarial or self.penalties or features)

    def needs_logits(self, step: int) -> bool:
        """Whether the generator's loss takes logits at a step: an adversarial term has started.

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
        """Names of terms that depend on the step: through a schedule, start, interval or state."""
        scheduled = [n for n, weight in self.weights.items() if isinstance(weight, Sequence)]
        late = [name for name, start in self.starts.items() if start]
        lazy = [name for name, penalty in self._modules_of(Penalty) if penalty.interval > 1]
        parameters = {name for name, _ in self.named_parameters(remove_duplicate=False)}
        stateful = [key.split(".")[1] for key in self.state_dict() if key not in parameters]
        return list(dict.fromkeys([*scheduled, *late, *lazy, *stateful]))

    @property
    def whole_batch_terms(self) -> list[str]:
        """Names of terms that cannot be computed from micro-batches: they need the whole batch."""
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
        """A plain JSON dict: `Objective(**spec)` builds the objective again.

        Raises:
            SpecError: A term has no spec, or its loss takes an argument called `weight` or `start`.
        """
        terms, losses = {}, self._losses
        for name, weight in self.weights.items():
            spec = spec_of(losses[name])
            if reserved := {"weight", "start"} & spec.keys():
                raise SpecError(
                    f"the loss of the term {name!r} has an argument called {reserved.pop()!r}, "
                    "which an objective reserves for the term: give the argument another name"
                )
            start = {"start": self.starts[name]} if self.starts[name] else {}
            terms[name] = {**spec, "weight": weight, **start}
        return {"terms": terms, "discriminator_weight": self.discriminator_weight}

    def discriminator(
        self,
        real_logits: Logits,
        fake_logits: Logits,
        *,
        step: int = 0,
        discriminator: Discriminator | None = None,
        real: Tensor | None = None,
        fake: Tensor | None = None,
        condition: Tensor | None = None,
    ) -> LossTerms:
        """Returns the terms that the discriminator minimizes at a step.

        Args:
            real_logits: Logits of real images.
            fake_logits: Logits of detached fake images.
            step: The step, from 0, for schedules, starts and intervals.
            discriminator: The discriminator, which penalties run.
            real: Real images (B, C, H, W), for penalties.
            fake: Fake images of the same shape, for penalties.
            condition: Conditions (B, C', H, W), if the discriminator sees them before the image.

        Raises:
            OptionError: A penalty needs the discriminator and the images, and they are missing.
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
            if penalty.due(step) and step >= self.starts[name]:
                value = penalty(discriminator, real, fake, condition)
                weight = weight_at(self.weights[name], step)
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
        step: int = 0,
    ) -> LossTerms:
        """Returns the terms that the generator minimizes at a step.

        Args:
            fake_logits: Logits of the fake images, if `needs_logits(step)`.
            real_logits: Logits of real images, if `needs_real_logits`.
            fake: The generator's output, (B, C, H, W).
            target: Images of the same shape, for reconstruction and feature losses.
            features: The discriminator's features of an image, for feature losses without their
                own.
            step: The step, from 0, for schedules and starts.

        Raises:
            OptionError: A term has no gradient to `fake`; or a target, real logits or features
                are needed and missing.
        """
        if not self.generator_terms:
            raise OptionError(
                'the objective has no term for the generator: add {"adversarial": "vanilla"}'
            )
        terms = LossTerms()
        for name, loss in self._losses.items():
            if isinstance(loss, Penalty) or step < self.starts[name]:
                continue
            if isinstance(loss, AdversarialLoss):
                value = loss.generator(fake_logits, real_logits)
            elif target is None:
                raise OptionError(
                    f"the term {name!r} needs a target: write objective.generator(…, target=…), "
                    "or leave the term out"
                )
            elif isinstance(loss, FeatureLoss):
                value = loss(fake, target, features)
            else:
                value = loss(fake, target)
            weight = weight_at(self.weights[name], step)
            terms.add(name, value, weight, batch_reduction=_batch_reduction(loss))
        if fake.requires_grad:
            self._require_gradients(terms.raw, fake)
        return terms

    def _require_gradients(self, raw: dict[str, Tensor], fake: Tensor) -> None:
        """Traces each term to the output the first time; later only checks `requires_grad`."""
        losses = self._losses
        for name, value in raw.items():
            connected = value.requires_grad
            if not getattr(losses[name], "reaches_output", True):
                self._with_gradient.add(name)  # it trains other parts, such as a codebook
            if connected and name not in self._with_gradient:
                gradient = torch.autograd.grad(value, fake, retain_graph=True, allow_unused=True)
                connected = gradient[0] is not None
                self._with_gradient.add(name)
            if not connected:
                raise OptionError(
                    f"the term {name!r} has no gradient to the generator's output: it was computed "
                    "under no_grad, detached, or from numbers. Compute it from the output, or "
                    "leave it out; a loss that trains another part, such as a codebook, has the "
                    "attribute reaches_output = False",
                    see="no-gradient-to-the-generator",
                )

    def _add_term(self, name: str, term: str | Mapping[str, Any]) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            raise OptionError(f"a term is called {name!r}: write an identifier such as 'l1'")
        if hasattr(self.modules_by_name, name):
            raise OptionError(f"a term cannot be called {name!r}, an attribute of nn.Module")
        if not isinstance(term, str | Mapping):
            raise OptionError(
                f"the term {name!r} is {term!r}: write a name, a spec such as "
                '{"type": "l1", "weight": 100}, or {"loss": loss, "weight": 100}'
            )
        spec: dict[str, Any] = {"type": term} if isinstance(term, str) else dict(term)
        weight = spec.pop("weight", 1.0)
        require_weight(f"weight of the term {name!r}", weight)
        start = spec.pop("start", 0)
        require_count(f"start of the term {name!r}", start, 0)
        loss = spec.pop("loss", None)
        if loss is None:
            loss = _build(name, spec)
        elif spec:
            raise OptionError(
                f"the term {name!r} has a loss object, which {sorted(spec)} cannot change: pass "
                "them to the object's constructor"
            )
        # A copy: the caller may change the list of points later.
        points = isinstance(weight, Sequence)
        self.weights[name] = [list(point) for point in weight] if points else weight
        self.starts[name] = start
        if isinstance(loss, AdversarialLoss):
            self.adversarial[name] = loss
        elif isinstance(loss, nn.Module):
            self.modules_by_name[name] = loss
        else:
            raise OptionError(
                f"the loss of the term {name!r} is {loss!r}: pass an object of a subclass of "
                "nn.Module or AdversarialLoss"
            )

    @property
    def _losses(self) -> dict[str, Any]:
        return {**self.adversarial, **dict(self.modules_by_name.items())}

    def _modules_of(self, kind: type[Any]) -> list[tuple[str, Any]]:
        return [(n, m) for n, m in self.modules_by_name.items() if isinstance(m, kind)]


def _batch_reduction(loss: Any) -> str:
    """Returns the loss's own reduction, or "mean" for a module that has none."""
    return getattr(loss, "batch_reduction", "mean")


def _build(name: str, spec: Spec) -> Any:
    kind = spec.get("type")
    if not isinstance(kind, str):
        raise OptionError(f"the term {name!r} has the type {kind!r}: write a name such as 'l1'")
    registries = [registry for registry in _REGISTRIES if kind in registry]
    if not registries:
        known = [n for registry in _REGISTRIES for n in registry.names()]
        raise OptionError(f"the term {name!r}: {not_one_of('type of loss', kind, known)}")
    if len(registries) > 1:
        kinds = " and ".join(registry.kind for registry in registries)
        raise OptionError(
            f"the term {name!r}: {kind!r} names one of each of {kinds}. Build the one you mean "
            'and pass it as {"loss": …}'
        )
    _require_options(name, spec, registries[0])
    return registries[0].build(spec)


def _require_options(name: str, spec: Spec, registry: Registry[Any]) -> None:
    """Counts `weight` and `start`, the options of the term, among those of the loss."""
    parameters = registry.describe(spec["type"]).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    allowed = {*(parameter.name for parameter in parameters), "weight", "start"}
    for option in spec:
        if option != "type" and option not in allowed:
            raise OptionError(f"the term {name!r}: {not_one_of('option', option, allowed)}")
