"""Reconstruction losses: how far an output is from its target."""

from torch import Tensor, nn

from ganblocks.errors import ShapeError
from ganblocks.losses import functional
from ganblocks.registry import Registry

RECONSTRUCTION_LOSSES: Registry[nn.Module] = Registry("reconstruction losses")
"""Reconstruction losses by name: (output, target) → scalar."""


@RECONSTRUCTION_LOSSES.register("l1")
class L1Loss(nn.Module):
    """Mean absolute error, mean |output − target| (Isola et al., 2017, equation 3).

    Raises:
        ShapeError: Output and target differ in shape.

    Example:
        >>> import torch
        >>> L1Loss()(torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)).item()
        1.0
    """

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        """Compares images (B, C, H, W) of one shape."""
        if output.shape != target.shape:
            raise ShapeError(
                f"output {tuple(output.shape)} and target {tuple(target.shape)} differ in shape: "
                "crop or resize one to the other first"
            )
        return functional.l1(functional.full_precision(output), functional.full_precision(target))
