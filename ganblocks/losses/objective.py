"""What a training minimises: named terms, each with its weight, for both players."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.errors import GanBlocksWarning, OptionError, SpecError, not_one_of, require_at_least
from ganblocks.losses.adversarial import ADVERSARIAL_LOSSES, AdversarialLoss
from ganblocks.losses.features import FEATURE_LOSSES, FeatureLoss, Features
from ganblocks.losses.logits import Logits, scales_of
from ganblocks.losses.penalties import PENALTIES, Penalty
from ganblocks.losses.penalties.base import Discriminator
from ganblocks.losses.reconstruction import RECONSTRUCTION_LOSSES
from ganblocks.losses.schedule import Weight, require_weight, weight_at
from ganblocks.registry import Registry, Spec, spec_of

_REGISTRIES: tuple[Registry[Any], ...] = (
    ADVERSARIAL_LOSSES,
    RECONSTRUCTION_LOSSES,
    FEATURE_LOSSES,
    PENALTIES,
)


@dataclass
class Weighed:
    """What one player minimises at one step.

    Attributes:
        total: Sum of the weighted terms.
        raw: Each term without its weight, by name.
        weighted: Each term with it.
    """

    total: Tensor
    raw: dict[str, Tensor] = field(default_factory=dict)
    weighted: dict[str, Tensor] = field(default_factory=dict)

    def add(self, name: str, value: Tensor, weight: float) -> None:
        """Adds a term.

        Args:
            name: The name that logs show.
            value: A scalar.
            weight: What it is multiplied by in the total.

        Raises:
            OptionError: The value is no tensor of one number.
        """
        if not isinstance(value, Tensor) or value.dim():
            got = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value)
            raise OptionError(
                f"the term {name!r} gave {got}: a loss gives a tensor of one value, such as "
                "(output - target).abs().mean(), without .item()",
                see="no-gradient-to-the-generator",
            )
        self.raw[name] = value
        # A term of weight 0 is logged, and is out of the total even where it is infinite.
        self.weighted[name] = weight * value if weight else torch.zeros_like(value)
        self.total = self.total + self.weighted[name]


class Objective(nn.Module):
    """Named weighted terms of any kind: adversarial, reconstruction, feature loss or penalty.

    A term is a loss by name, its spec, or `{"loss": loss}` with an object. Beside the loss's own
    arguments, `"weight"` is a number (1), or points [step, weight] with straight lines between.
    The generator minimises adversarial, reconstruction and feature terms, each times its weight;
    the discriminator its side of the adversarial terms, times `discriminator_weight`, and the
    penalties, each times its weight.

    Args:
        terms: The terms by the name that logs show.
        discriminator_weight: Weight of the discriminator's adversarial terms; pix2pix halves them.

    Raises:
        OptionError: A name or an argument is unknown, a weight is none, or no term is left for a
            player.

    Examples:
        >>> objective = Objective({"adversarial": "vanilla", "l1": {"type": "l1", "weight": 100}})
        >>> output = torch.zeros(1, 3, 8, 8, requires_grad=True)
        >>> judged = output.mean(1, keepdim=True)
        >>> made = objective.generator(judged, output=output, target=torch.ones(1, 3, 8, 8))
        >>> round(made.total.item(), 4), made.raw["l1"].item()
        (100.6931, 1.0)
        >>> real, fake = torch.zeros(2, 1, 1, 4, 4)
        >>> round(objective.discriminator(real, fake).total.item(), 4)  # 2 · log 2
        1.3863
    """

    def __init__(
        self, terms: Mapping[str, str | Mapping[str, Any]], *, discriminator_weight: float = 1.0
    ) -> None:
        super().__init__()
        require_at_least("discriminator_weight", discriminator_weight, 0)
        self.discriminator_weight = discriminator_weight
        self.weights: dict[str, Weight] = {}
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
        self._proved = False

    @property
    def needs_real_logits(self) -> bool:
        """Whether `generator` wants the real logits too."""
        return any(loss.needs_real_logits for loss in self.adversarial.values())

    @property
    def needs_discriminator(self) -> bool:
        """Whether any term looks at the discriminator: its logits, its features, or itself."""
        features = [m for _, m in self._of(FeatureLoss) if not m.has_own_features]
        return bool(self.adversarial or self.penalties or features)

    @property
    def changing_terms(self) -> list[str]:
        """Names of terms that are not the same at every step: scheduled, lazy, or remembering."""
        scheduled = [n for n, weight in self.weights.items() if isinstance(weight, Sequence)]
        lazy = [name for name, penalty in self._of(Penalty) if penalty.every > 1]
        remembering = [key.split(".")[1] for key in self.memory()]
        return list(dict.fromkeys([*scheduled, *lazy, *remembering]))

    @property
    def generator_terms(self) -> list[str]:
        """Names of what the generator minimises."""
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
            SpecError: A term has none, or its loss takes an argument called `weight`.
        """
        losses = {**self.adversarial, **dict(self.modules_by_name.items())}
        terms = {}
        for name, weight in self.weights.items():
            spec = spec_of(losses[name])
            if "weight" in spec:
                raise SpecError(
                    f"the loss of the term {name!r} has an argument called 'weight', which in an "
                    "objective is the term's: give the argument another name"
                )
            terms[name] = {**spec, "weight": weight}
        return {"terms": terms, "discriminator_weight": self.discriminator_weight}

    def memory(self) -> dict[str, Tensor]:
        """Gives what the terms remember from step to step, for a checkpoint: their buffers.

        Examples:
            >>> objective = Objective({"adversarial": "vanilla", "lecam": "lecam"})
            >>> sorted(objective.memory())[0]
            'modules_by_name.lecam.calls'
        """
        fixed = {name for name, _ in self.named_parameters(remove_duplicate=False)}
        return {k: v for k, v in self.state_dict().items() if k not in fixed}

    def load_memory(self, memory: Mapping[str, Tensor]) -> None:
        """Puts back what `memory` gave; what it does not have stays, and what is over is warned of.

        Args:
            memory: Buffers by name.

        Examples:
            >>> objective = Objective({"adversarial": "vanilla", "lecam": "lecam"})
            >>> objective.load_memory(objective.memory())
        """
        over = self.load_state_dict(dict(memory), strict=False).unexpected_keys
        if over:
            warnings.warn(
                f"the checkpoint remembers {', '.join(over)}, and no term takes it: was one "
                "renamed?",
                GanBlocksWarning,
                stacklevel=2,
            )

    def discriminator(
        self,
        real_logits: Logits,
        fake_logits: Logits,
        *,
        step: int = 0,
        judge: Discriminator | None = None,
        real: Tensor | None = None,
        fake: Tensor | None = None,
        condition: Tensor | None = None,
    ) -> Weighed:
        """Gives what the discriminator minimises at a step.

        Args:
            real_logits: Logits of real images.
            fake_logits: Logits of generated ones, which were detached.
            step: The step, from 0, for schedules and lazy penalties.
            judge: The discriminator itself, which penalties run.
            real: Real images (B, C, H, W), which penalties give it.
            fake: Generated images of the same shape, likewise.
            condition: What it sees before the image, (B, C', H, W), if it is conditional.

        Raises:
            OptionError: There are penalties, and nothing for them to judge.
        """
        made = Weighed(_first(real_logits).new_zeros((), dtype=torch.float32))
        for name, loss in self.adversarial.items():
            value = loss.discriminator(real_logits, fake_logits)
            made.add(name, value, self.discriminator_weight)
        for name, penalty in self._of(Penalty):
            if judge is None or real is None or fake is None:
                raise OptionError(
                    f"the penalty {name!r} runs the discriminator itself: write "
                    "objective.discriminator(…, judge=discriminator, real=…, fake=…)"
                )
            if penalty.due(step):
                value = penalty(judge, real, fake, condition)
                made.add(name, value, weight_at(self.weights[name], step))
        return made

    def generator(
        self,
        fake_logits: Logits,
        real_logits: Logits | None = None,
        *,
        output: Tensor,
        target: Tensor,
        features: Features | None = None,
        step: int = 0,
    ) -> Weighed:
        """Gives what the generator minimises at a step.

        Args:
            fake_logits: Logits of the output.
            real_logits: Logits of real images, where `needs_real_logits`.
            output: What the generator made, (B, C, H, W).
            target: What it should have made.
            features: The discriminator's features of an image, for feature losses without any
                of their own.
            step: The step, from 0, for schedules.

        Raises:
            OptionError: A term does not reach the output: it teaches the generator nothing; or one
                needs real logits or features and has none.
        """
        if not self.generator_terms:
            raise OptionError(
                'the objective has no term for the generator: add {"adversarial": "vanilla"}'
            )
        made = Weighed(output.new_zeros((), dtype=torch.float32))
        for name, loss in self.adversarial.items():
            value = loss.generator(fake_logits, real_logits)
            made.add(name, value, weight_at(self.weights[name], step))
        for name, module in self._of(nn.Module):
            if isinstance(module, Penalty):
                continue
            given = (features,) if isinstance(module, FeatureLoss) else ()
            value = module(output, target, *given)
            made.add(name, value, weight_at(self.weights[name], step))
        if output.requires_grad:
            self._require_gradients(made.raw, output)
        return made

    def _require_gradients(self, raw: dict[str, Tensor], output: Tensor) -> None:
        """Follows each term to the output, at the first step; later it looks at the graph alone."""
        for name, value in raw.items():
            reaches = value.requires_grad
            if reaches and not self._proved:
                reaches = (
                    torch.autograd.grad(value, output, retain_graph=True, allow_unused=True)[0]
                    is not None
                )
            if not reaches:
                raise OptionError(
                    f"the term {name!r} has no gradient to the generator's output: it was computed "
                    "under no_grad, detached, or from numbers. Compute it from the output, or "
                    "leave it out",
                    see="no-gradient-to-the-generator",
                )
        self._proved = True

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
        loss = spec.pop("loss", None)
        if loss is None:
            loss = _build(name, spec)
        elif spec:
            raise OptionError(f"the term {name!r} has a loss, and {sorted(spec)} beside it")
        # Of its own: what the caller does to a list of points later is not in force.
        points = isinstance(weight, Sequence)
        self.weights[name] = [list(point) for point in weight] if points else weight
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
    """Counts the weight, which is the objective's own, among the options that there are."""
    parameters = registry.describe(spec["type"]).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    allowed = {*(parameter.name for parameter in parameters), "weight"}
    for option in spec:
        if option != "type" and option not in allowed:
            raise OptionError(f"the term {name!r}: {not_one_of('option', option, allowed)}")


def _first(logits: Logits) -> Tensor:
    return scales_of(logits)[0]
