"""The contract of initialisers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import nn

from ganblocks.testing.contract import Check, Subject, demand, known_spec, run_checks
from ganblocks.testing.keeping import copy_, pickle_, spec
from ganblocks.testing.tensors import Tensors, difference, seeded

Initializer = Callable[[nn.Module], None]


@dataclass(frozen=True)
class InitializerSubject(Subject[Initializer]):
    """An initialiser under test.

    Attributes:
        make: Builds a fresh one.
        kind: The registry's kind.
    """

    make: Callable[[], Initializer]
    kind: str = "initializers"

    def behaviour(self, component: Initializer) -> Tensors:
        """Gives the weights that it makes under a seed."""
        network = example_network()
        with seeded(7):
            component(network)
        return _weights(network)


def example_network() -> nn.Module:
    """Makes a small network of all that an initialiser meets, each with a bias and without."""
    with seeded(8):
        return nn.Sequential(
            nn.Conv2d(4, 6, 3),
            nn.BatchNorm2d(6),
            nn.Conv2d(6, 5, 1, bias=False),
            nn.BatchNorm2d(5, affine=False),
            nn.ConvTranspose2d(5, 4, 4),
            nn.GroupNorm(2, 4),
            nn.ConvTranspose2d(4, 6, 2, bias=False),
            nn.GroupNorm(2, 6, affine=False),
            nn.Flatten(),
            nn.Linear(6, 7),
            nn.LayerNorm(7),
            nn.Linear(7, 3, bias=False),
        )


def finite(initializer: InitializerSubject) -> None:
    """Called on a network, it leaves finite float32 weights of the old shapes, and gives None."""
    network = example_network()
    before = _weights(network)
    result: object = initializer.make()(network)
    demand(result is None, f"it gives a {type(result).__qualname__}")
    after = _weights(network)
    demand(after.keys() == before.keys(), f"it leaves {sorted(after)} of {sorted(before)}")
    for name, tensor in after.items():
        demand(tensor.shape == before[name].shape, f"{name} becomes {tuple(tensor.shape)}")
        demand(tensor.dtype == torch.float32, f"{name} becomes {tensor.dtype}")
        demand(bool(tensor.isfinite().all()), f"{name} is not finite")


def changes_weights(initializer: InitializerSubject) -> None:
    """It fills every convolution, transposed convolution and linear layer, bias or not.

    Spared is the one that is registered as "none".
    """
    component = initializer.make()
    if known_spec(component).get("type") == "none":
        return
    before, after = _weights(example_network()), initializer.behaviour(component)
    for name, child in example_network().named_children():
        if isinstance(child, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            demand(
                not torch.equal(before[f"{name}.weight"], after[f"{name}.weight"]),
                f"the weight of {child} stays as it was",
            )


def deterministic(initializer: InitializerSubject) -> None:
    """Under one seed of torch it makes the same weights, whatever they were before."""
    network = example_network()
    component = initializer.make()
    for _ in range(2):
        with seeded(7):
            component(network)
    off = difference(_weights(network), initializer.behaviour(component), 0)
    demand(not off, f"under the same seed {off}")


def same_parameters(initializer: InitializerSubject) -> None:
    """They stay the same parameters, learnt and free of gradients: an optimiser may hold them."""
    network = example_network()
    before = dict(network.named_parameters())
    initializer.make()(network)
    for name, parameter in network.named_parameters():
        demand(parameter is before[name], f"{name} is another object")
        demand(parameter.is_leaf and parameter.grad is None, f"{name} carries a graph or gradient")
        demand(parameter.requires_grad, f"{name} is no longer learnt")


def meta(initializer: InitializerSubject) -> None:
    """A network on the meta device passes through it, and stays there."""
    network = example_network().to("meta")
    initializer.make()(network)
    strays = [name for name, tensor in _weights(network).items() if not tensor.is_meta]
    demand(not strays, f"{strays} left the meta device")


INITIALIZER_CHECKS: tuple[Check, ...] = (
    finite,
    changes_weights,
    deterministic,
    same_parameters,
    meta,
    copy_,
    pickle_,
    spec,
)


def check_initializer(
    factory: Callable[[], Initializer], *, only: Iterable[str] | None = None
) -> None:
    """Checks that an initialiser keeps the contract of initialisers.

    Args:
        factory: Builds a fresh initialiser.
        only: Names of the checks to run, from `checks_of("initializer")`; None runs all.

    Raises:
        ContractError: It fails a check that it does not declare in `cannot`, or passes one
            that it does.

    Examples:
        >>> from ganblocks import NormalInitializer
        >>> check_initializer(NormalInitializer)
    """
    run_checks(InitializerSubject(factory), INITIALIZER_CHECKS, only)


def _weights(network: nn.Module) -> Tensors:
    return {name: p.detach().clone() for name, p in network.named_parameters()}
