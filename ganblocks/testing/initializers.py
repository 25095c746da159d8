"""The contract of initializers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from ganblocks.testing.contract import Subject, known_spec, require, require_finite, require_same
from ganblocks.testing.serialization import copy_, pickle_, spec
from ganblocks.testing.tensors import Tensors, seeded

Initializer = Callable[[nn.Module], None]


class Initializing(Subject[Initializer]):
    """An initializer under test."""

    kind = "initializers"

    def behavior(self, component: Initializer) -> Tensors:
        """Returns the weights that it makes under a seed."""
        network = _example_network()
        with seeded(7):
            component(network)
        return _weights(network)

    def finite(self) -> None:
        """Called on a network, it leaves finite float32 weights of the old shapes; returns None."""
        network = _example_network()
        before = _weights(network)
        result: object = self.make()(network)
        require(result is None, f"it gives a {type(result).__qualname__}")
        after = _weights(network)
        require(after.keys() == before.keys(), f"it leaves {sorted(after)} of {sorted(before)}")
        for name, tensor in after.items():
            require(tensor.shape == before[name].shape, f"{name} becomes {tuple(tensor.shape)}")
            require(tensor.dtype == torch.float32, f"{name} becomes {tensor.dtype}")
            require_finite(tensor, name)

    def changes_weights(self) -> None:
        """It fills every convolution, transposed convolution and linear layer, bias or not.

        Spared is the one that is registered as "none".
        """
        component = self.make()
        if known_spec(component).get("type") == "none":
            return
        before, after = _weights(_example_network()), self.behavior(component)
        for name, child in _example_network().named_children():
            if isinstance(child, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                require(
                    not torch.equal(before[f"{name}.weight"], after[f"{name}.weight"]),
                    f"the weight of {child} stays as it was",
                )

    def deterministic(self) -> None:
        """Under one seed of torch it makes the same weights, whatever they were before."""
        network = _example_network()
        component = self.make()
        for _ in range(2):
            with seeded(7):
                component(network)
        made, due = _weights(network), self.behavior(component)
        require_same(made, due, "under the same seed ", 0)

    def same_parameters(self) -> None:
        """They stay the same parameters, learned, without gradients: an optimizer may hold them."""
        network = _example_network()
        before = dict(network.named_parameters())
        self.make()(network)
        for name, parameter in network.named_parameters():
            require(parameter is before[name], f"{name} is another object")
            require(
                parameter.is_leaf and parameter.grad is None, f"{name} carries a graph or gradient"
            )
            require(parameter.requires_grad, f"{name} is no longer learned")

    def meta(self) -> None:
        """A network on the meta device passes through it, and stays there."""
        network = _example_network().to("meta")
        self.make()(network)
        strays = [name for name, tensor in _weights(network).items() if not tensor.is_meta]
        require(not strays, f"{strays} left the meta device")

    checks = (
        *(finite, changes_weights, deterministic, same_parameters, meta),
        *(copy_, pickle_, spec),
    )


def _example_network() -> nn.Module:
    """Makes a small network of all that an initializer meets, each with a bias and without."""
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


def _weights(network: nn.Module) -> Tensors:
    return {name: p.detach().clone() for name, p in network.named_parameters()}
