"""The contract of tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from ganblocks.errors import OptionError
from ganblocks.losses import LossTerms
from ganblocks.tasks import Batch, Task
from ganblocks.testing.contract import (
    Tester,
    gradient_of,
    require,
    require_finite,
    require_same,
    require_scalar,
)
from ganblocks.testing.serialization import copy_, spec, state_dict
from ganblocks.testing.tensors import Tensors, named, seeded
from ganblocks.training import Updater

STEPS = 2


class TaskTester(Tester[Task]):
    """Tests a task on a batch."""

    kind = "tasks"
    options: ClassVar[tuple[str, ...]] = ("batch", "backend")

    def __init__(
        self, make: Callable[[], Task], *, batch: Callable[[], Batch] | None = None, **options: Any
    ) -> None:
        super().__init__(make, **options)
        if batch is None:
            raise OptionError(
                "the check of a task needs a batch: write batch=lambda: {'image': …}, a function "
                "that returns a small one on the CPU"
            )
        self.batch = batch

    def behavior(self, component: Task) -> Tensors:
        """Returns the output for a batch in eval mode, and the terms of all players."""
        component.eval()
        with seeded(1), torch.no_grad():
            generated = component.generate(self.batch())
            results = named(generated, "generated")
            for player in component.players:
                terms = LossTerms.of(component.loss(player, self.batch(), generated))
                results |= named(terms.raw, f"terms of {player}")
        return results

    def trained(self, *, compiled: bool = False) -> Tensors:
        """Builds a task, trains it for a few steps, and returns metrics and weights."""
        with seeded(3):
            updater = Updater(self.make().train())
            if compiled:
                updater.compile(backend=self.backend)
            metrics = [updater.step(self.batch()) for _ in range(STEPS)]
        results = named(metrics, "metrics")
        for name, network in updater.networks.items():
            results |= named(dict(network.named_parameters()), name)
        return {name: x.detach().clone() for name, x in results.items()}

    def players(self) -> None:
        """Every parameter of the task belongs to the networks of exactly one player."""
        task = self.make()
        require(bool(task.players), "it has no players")
        owners: Counter[int] = Counter()
        for player in task.players:
            owners.update({id(p) for n in task.networks(player).values() for p in n.parameters()})
        for name, parameter in task.named_parameters():
            if parameter.requires_grad:
                count = owners[id(parameter)]
                require(count == 1, f"{name} belongs to {count} players")

    def gradients(self) -> None:
        """A player's terms are finite scalars with a gradient to each of its networks."""
        task = self.make().train()
        for player in task.players:
            task.zero_grad()
            terms = LossTerms.of(task.loss(player, self.batch(), task.generate(self.batch())))
            for name, value in terms.raw.items():
                require_scalar(value.float(), f"the term {name!r} of {player}")
            total = terms.total()
            require(total.requires_grad, f"the loss of {player} has no gradient")
            total.backward()
            for name, network in task.networks(player).items():
                gradients = [gradient_of(p, f"a gradient in {name}") for p in network.parameters()]
                require(
                    any(g.any() for g in gradients), f"the loss of {player} does not reach {name}"
                )

    def reproducible(self) -> None:
        """The same seed gives the same metrics and weights after a few steps."""
        require_same(self.trained(), self.trained(), "trained again under the same seed, ", 0)

    def updates(self) -> None:
        """Training changes the weights of every network, and keeps them finite."""
        with seeded(3):
            task = self.make()
        trained = self.trained()
        for name, network in task.networks().items():
            before = named(dict(network.named_parameters()), name)
            for key in before:
                require_finite(trained[key], f"after {STEPS} steps {key}")
            moved = any(not torch.equal(x, trained[key]) for key, x in before.items())
            require(moved, f"{STEPS} steps did not change {name}")

    def compile_(self) -> None:
        """Compiled networks train in the same way."""
        require_same(self.trained(compiled=True), self.trained(), "compiled, ", 1e-3)

    def preview_(self) -> None:
        """`preview` returns finite images (B, C, H, W) by name, and `score` numbers."""
        task, batch = self.make().eval(), self.batch()
        with seeded(1), torch.no_grad():
            images, scores = task.preview(batch), task.score(batch)
        require(bool(images), "preview returns no image")
        for name, image in images.items():
            found = isinstance(image, Tensor) and image.dim() == 4 and image.shape[1] in (1, 3, 4)
            require(found, f"preview returns {name!r}, which is not an image (B, C, H, W)")
            require_finite(image, f"the preview {name!r}")
        for name, score in scores.items():
            require(isinstance(score, float), f"the score {name!r} is {score!r}")

    checks = (
        players,
        gradients,
        reproducible,
        updates,
        preview_,
        copy_,
        spec,
        state_dict,
        compile_,
    )
