"""The contract of feature losses: that of reconstruction losses, with features at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganblocks.losses.features import FeatureLoss
from ganblocks.testing.contract import run_checks
from ganblocks.testing.networks import EAGER, Size
from ganblocks.testing.reconstruction_losses import RECONSTRUCTION_LOSS_CHECKS, Reconstruction
from ganblocks.testing.tensors import seeded

FEATURE_LOSS_CHECKS = RECONSTRUCTION_LOSS_CHECKS


class _Features(nn.Module):
    """Two smooth maps and one-channel logits, as a discriminator gives them."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(i, o, 3) for i, o in ((3, 4), (4, 5), (5, 1)))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        maps = []
        x = x.to(next(self.parameters()).dtype)
        for layer in self.layers:
            x = nn.functional.softplus(layer(x))
            maps.append(x)
        return tuple(maps)


@dataclass(frozen=True)
class Featured(Reconstruction):
    """A feature loss under test.

    Attributes:
        kind: The registry's kind.
    """

    kind: str = "feature losses"

    def call(self, component: nn.Module, output: Tensor, target: Tensor) -> Tensor:
        """Gives what a component makes of an output and a target, with features at hand."""
        with seeded(18):
            features = _Features()
        if output.dtype == torch.float64:
            features = features.double()
        value: Tensor = component(output, target, features.requires_grad_(False))
        return value


def check_feature_loss(
    factory: Callable[[], FeatureLoss],
    *,
    size: Size = (16, 16),
    backend: str = EAGER,
    only: Iterable[str] | None = None,
) -> None:
    """Checks that a feature loss keeps the contract of feature losses.

    Args:
        factory: Builds a fresh loss; one without features of its own is given some.
        size: Height and width of the images, which have 3 channels.
        backend: Backend of torch.compile.
        only: Names of the checks to run, from `checks_of("feature loss")`; None runs all.

    Raises:
        ContractError: It fails a check that it does not declare in `cannot`, or passes one
            that it does.

    Examples:
        >>> from ganblocks import FeatureMatchingLoss
        >>> check_feature_loss(FeatureMatchingLoss, only=["minimum", "gradcheck"])
    """
    run_checks(Featured(factory, size, backend), FEATURE_LOSS_CHECKS, only)
