"""What a training minimizes: named terms, each with its weight, for both players."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.errors import (
    OptionError,
    SpecError,
    not_one_of,
    require_at_least,
    require_count,
)
from ganblocks.losses.adversarial import ADVERSARIAL_LOSSES, AdversarialLoss
from ganblocks.losses.features import FEATURE_LOSSES, FeatureLoss, Features
from ganblocks.losses.logits import Logits
from ganblocks.losses.penalties import PENALTIES, Penalty
from ganblocks.losses.penalties.base import Discriminator
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


class Objective(nn.Module):
    """Named weighted terms of any kind: adversarial, reconstruction, feature loss or penalty.

    A term is a loss by name, its spec, or `{"loss": loss}` with an object. Beside the loss's own
    arguments, `"weight"` is a number (1), or points [step, weight] with straight lines between,
    and `"start"` the step from which it counts (0). The generator minimizes adversarial,
    reconstruction and feature terms, each times its weight; the discriminator its side of the
    adversarial terms, times `discriminator_weight` and from the first step on, so that it can
    learn before the generator listens to it; and the penalties, each times its weight.

    Args:
        terms: The terms by the name that logs show.
        discriminator_weight: Weight of the discriminator's adversarial terms; pix2pix halves them.

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
        self.discriminator_weight = discriminator_weight
        self.weights: dict[str, Weight] = {}
        self.starts: dict[str, int] = {}
        self.adversarial: dict[str, AdversarialLoss] = {}
        self.modules_by_name = nn.ModuleDict()
        if not isinstance(terms, Mapping):
            raise OptionError(
                f'terms are {terms!r}: write a dict such as {{"adversarial": "hinge"}}'
            )
        for name, term in terms.items():
            self._put(name, term)
        if not self.adversarial and not any(self._of(nn.Module)):
            raise OptionError('an objective without terms: write {"adversarial": "vanilla"}')
        self._proved: set[str] = set()

    @property
    def needs_real_logits(self) -> bool:
        """Whether `generator` wants the real logits too."""
        return any(loss.needs_real_logits for loss in self.adversarial.values())

    @property
    def needs_discriminator(self) -> bool:
        """Whether any term looks at the discriminator: its logits, its features, or itself."""
        features = [m for _, m in self._of(FeatureLoss) if not m.has_own_features]
        return bool(self.adversarial or self.penalties or features)

    def needs_logits(self, step: int) -> bool:
        """Whether the generator's loss wants logits at a step: an adversarial term has started.

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
        """Names of terms that change with the step: scheduled, late, lazy, or with a memory."""
        scheduled = [n for n, weight in self.weights.items() if isinstance(weight, Sequence)]
        late = [name for name, start in self.starts.items() if start]
        lazy = [name for name, penalty in self._of(Penalty) if penalty.interval > 1]
        parameters = {name for name, _ in self.named_parameters(remove_duplicate=False)}
        memory = [key.split(".")[1] for key in self.state_dict() if key not in parameters]
        return list(dict.fromkeys([*scheduled, *late, *lazy, *memory]))

    @property
    def whole_batch_terms(self) -> list[str]:
        """Names of terms that the parts of a batch cannot compute: they need all its images."""
        losses = {**self.adversarial, **dict(self.modules_by_name.items())}
        return [n for n in self.weights if getattr(losses[n], "over_batch", "mean") == "whole"]

    @property
    def generator_terms(self) -> list[str]:
        """Names of what the generator minimizes."""
        penalties = dict(self._of(Penalty))
        return [name for name in self.weights if name not in penalties]

    @property
    def penalties(self) -> list[str]:
        """Names of the penalties."""
        return [name for name, _ in self._of(Penalty)]

    @property
    def spec(self) -> Spec:
        """A plain JSON dict: `Objective(**spec)` builds it again.

        Raises:
            SpecError: A term has none, or its loss takes an argument called `weight` or `start`.
        """
        losses = {**self.adversarial, **dict(self.modules_by_name.items())}
        terms = {}
        for name, weight in self.weights.items():
            spec = spec_of(losses[name])
            if taken := {"weight", "start"} & spec.keys():
                raise SpecError(
                    f"the loss of the term {name!r} has an argument called {taken.pop()!r}, which "
                    "in an objective is the term's: give the argument another name"
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
        """Returns what the discriminator minimizes at a step.

        Args:
            real_logits: Logits of real images.
            fake_logits: Logits of generated ones, which were detached.
            step: The step, from 0, for schedules, starts and lazy penalties.
            discriminator: The discriminator itself, which penalties run.
            real: Real images (B, C, H, W), which penalties give it.
            fake: Generated images of the same shape, likewise.
            condition: What it sees before the image, (B, C', H, W), if it is conditional.

        Raises:
            OptionError: There are penalties, and no discriminator or images for them.
        """
        terms = LossTerms()
        for name, loss in self.adversarial.items():
            value = loss.discriminator(real_logits, fake_logits)
            terms.add(name, value, self.discriminator_weight, over_batch=loss.over_batch)
        for name, penalty in self._of(Penalty):
            if discriminator is None or real is None or fake is None:
                raise OptionError(
                    f"the penalty {name!r} runs the discriminator itself: write "
                    "objective.discriminator(…, discriminator=…, real=…, fake=…)"
                )
            if penalty.due(step) and step >= self.starts[name]:
                value = penalty(discriminator, real, fake, condition)
                weight = weight_at(self.weights[name], step)
                terms.add(name, value, weight, factor=penalty.interval)
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
        """Returns what the generator minimizes at a step.

        Args:
            fake_logits: Logits of the generated images, where `needs_logits(step)`.
            real_logits: Logits of real images, where `needs_real_logits`.
            fake: What the generator made, (B, C, H, W).
            target: What it should have made, for reconstruction and feature losses.
            features: The discriminator's features of an image, for feature losses without any
                of their own.
            step: The step, from 0, for schedules and starts.

        Raises:
            OptionError: A term has no gradient to `fake`; or one needs a target, real logits or
                features that are not given.
        """
        if not self.generator_terms:
            raise OptionError(
                'the objective has no term for the generator: add {"adversarial": "vanilla"}'
            )
        terms = LossTerms()
        for name, loss in self.adversarial.items():
            if step >= self.starts[name]:
                value = loss.generator(fake_logits, real_logits)
                weight = weight_at(self.weights[name], step)
                terms.add(name, value, weight, over_batch=loss.over_batch)
        for name, module in self._of(nn.Module):
            if isinstance(module, Penalty) or step < self.starts[name]:
                continue
            if target is None:
                raise OptionError(
                    f"the term {name!r} compares with a target: write objective.generator(…, "
                    "target=…), or leave the term out"
                )
            given = (features,) if isinstance(module, FeatureLoss) else ()
            value = module(fake, target, *given)
            over_batch = getattr(module, "over_batch", "mean")
            terms.add(name, value, weight_at(self.weights[name], step), over_batch=over_batch)
        if fake.requires_grad:
            self._require_gradients(terms.raw, fake)
        return terms

    def _require_gradients(self, raw: dict[str, Tensor], fake: Tensor) -> None:
        """Follows each term to the image, the first time; later it looks at the graph alone."""
        for name, value in raw.items():
            reaches = value.requires_grad
            if reaches and name not in self._proved:
                found = torch.autograd.grad(value, fake, retain_graph=True, allow_unused=True)
                reaches = found[0] is not None
                self._proved.add(name)
            if not reaches:
                raise OptionError(
                    f"the term {name!r} has no gradient to the generator's output: it was computed "
                    "under no_grad, detached, or from numbers. Compute it from the output, or "
                    "leave it out",
                    see="no-gradient-to-the-generator",
                )

    def _put(self, name: str, term: str | Mapping[str, Any]) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            raise OptionError(f"a term is called {name!r}: write a word such as 'l1'")
        if hasattr(self.modules_by_name, name):
            raise OptionError(f"a term cannot be called {name!r}, which torch's modules use")
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
            raise OptionError(f"the term {name!r} has a loss, and {sorted(spec)} beside it")
        # Of its own: what the caller does to a list of points later is not in force.
        points = isinstance(weight, Sequence)
        self.weights[name] = [list(point) for point in weight] if points else weight
        self.starts[name] = start
        if isinstance(loss, AdversarialLoss):
            self.adversarial[name] = loss
        elif isinstance(loss, nn.Module):
            self.modules_by_name[name] = loss
        else:
            raise OptionError(
                f"the loss of the term {name!r} is {loss!r}: hand in a loss object, of a class of "
                "nn.Module or of AdversarialLoss"
            )

    def _of(self, kind: type[Any]) -> list[tuple[str, Any]]:
        return [(n, m) for n, m in self.modules_by_name.items() if isinstance(m, kind)]


def _build(name: str, spec: Spec) -> Any:
    kind = spec.get("type")
    if not isinstance(kind, str):
        raise OptionError(f"the term {name!r} has the type {kind!r}: write a name such as 'l1'")
    found = [registry for registry in _REGISTRIES if kind in registry]
    if len(found) != 1:
        known = [n for registry in _REGISTRIES for n in registry.names()]
        if found:
            kinds = " and ".join(registry.kind for registry in found)
            raise OptionError(
                f"the term {name!r}: {kind!r} is a name of {kinds}. Build the one you mean and "
                'hand it in as {"loss": …}'
            )
        raise OptionError(f"the term {name!r}: {not_one_of('type of loss', kind, known)}")
    _require_options(name, spec, found[0])
    return found[0].build(spec)


def _require_options(name: str, spec: Spec, registry: Registry[Any]) -> None:
    """Counts `weight` and `start`, which are the objective's own, among the allowed options."""
    parameters = registry.describe(spec["type"]).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    allowed = {*(parameter.name for parameter in parameters), "weight", "start"}
    for option in spec:
        if option != "type" and option not in allowed:
            raise OptionError(f"the term {name!r}: {not_one_of('option', option, allowed)}")
