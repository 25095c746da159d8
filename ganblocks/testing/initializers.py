"""The contract of initializers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from ganblocks.testing.contract import Tester, known_spec, require, require_finite, require_same
from ganblocks.testing.serialization import copy_, pickle_, spec
from ganblocks.testing.tensors import Tensors, seeded

Initializer = Callable[[nn.Module], None]


class InitializerTester(Tester[Initializer]):
    """Tests an initializer."""

    kind = "initializers"

    def behavior(self, component: Initializer) -> Tensors:
        """Returns the initialized weights of a network under one seed."""
        network = _example_network()
        with seeded(7):
            component(network)
        return _weights(network)

    def finite(self) -> None:
        """It sets finite float32 weights, keeps their names and shapes, and returns None."""
        network = _example_network()
        before = _weights(network)
        result: object = self.make()(network)
        require(result is None, f"it returns a {type(result).__qualname__}")
        after = _weights(network)
        require(after.keys() == before.keys(), f"it turns {sorted(before)} into {sorted(after)}")
        for name, tensor in after.items():
            require(tensor.shape == before[name].shape, f"{name} becomes {tuple(tensor.shape)}")
            require(tensor.dtype == torch.float32, f"{name} becomes {tensor.dtype}")
            require_finite(tensor, name)

    def changes_weights(self) -> None:
        """It sets the weights of all convolutions, transposed convolutions and linear layers.

        The one registered as "none" is exempt.
        """
        component = self.make()
        if known_spec(component).get("type") == "none":
            return
        before, after = _weights(_example_network()), self.behavior(component)
        for name, child in _example_network().named_children():
            if isinstance(child, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                require(
                    not torch.equal(before[f"{name}.weight"], after[f"{name}.weight"]),
                    f"the weight of {child} does not change",
                )

    def deterministic(self) -> None:
        """Under the same torch seed it sets the same weights, whatever they were before."""
        network = _example_network()
        component = self.make()
        for _ in range(2):
            with seeded(7):
                component(network)
        expected = self.behavior(component)
        require_same(_weights(network), expected, "under the same seed ", 0)

    def same_parameters(self) -> None:
        """Parameters remain the same objects, trainable and without gradients."""
        network = _example_network()
        before = dict(network.named_parameters())
        self.make()(network)
        for name, parameter in network.named_parameters():
            require(parameter is before[name], f"{name} is another object")
            require(parameter.is_leaf and parameter.grad is None, f"{name} has a graph or gradient")
            require(parameter.requires_grad, f"{name} is no longer trainable")

    def meta(self) -> None:
        """It accepts a network on the meta device, which stays there."""
        network = _example_network().to("meta")
        self.make()(network)
        moved = [name for name, tensor in _weights(network).items() if not tensor.is_meta]
        require(not moved, f"{moved} left the meta device")

    checks = (
        *(finite, changes_weights, deterministic, same_parameters, meta),
        *(copy_, pickle_, spec),
    )


def _example_network() -> nn.Module:
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
