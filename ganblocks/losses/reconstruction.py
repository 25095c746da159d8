"""Reconstruction losses: the distance of an output from its target."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch.nn.functional as F
from torch import Tensor, nn

from ganblocks.errors import require_at_least
from ganblocks.losses import functional
from ganblocks.losses.images import require_two_images
from ganblocks.registry import Registry

RECONSTRUCTION_LOSSES: Registry[nn.Module] = Registry("reconstruction losses")
"""Reconstruction losses by name: (output, target) → scalar."""


class ReconstructionLoss(nn.Module, ABC):
    """Base class: a scalar distance between two images, computed in full precision.

    In the formulas, y is the output, t the target, and a bar the mean over all values. To write
    your own loss, implement `_compare(self, output, target)`.
    """

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        """Returns the loss of an output.

        Args:
            output: Images (B, C, H, W).
            target: Images of the same shape, without broadcasting.

        Raises:
            OptionError: An image is not a floating-point tensor.
            ShapeError: The images differ in shape or are empty.
        """
        require_two_images("a loss", output=output, target=target)
        return self._compare(functional.full_precision(output), functional.full_precision(target))

    @abstractmethod
    def _compare(self, output: Tensor, target: Tensor) -> Tensor: ...


@RECONSTRUCTION_LOSSES.register("l1")
class L1Loss(ReconstructionLoss):
    r"""Mean absolute error (Isola et al., 2017, equation 3).

    $$\overline{\left|y - t\right|}$$

    Examples:
        >>> import torch
        >>> L1Loss()(torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)).item()
        1.0
    """

    def _compare(self, output: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(output, target)


@RECONSTRUCTION_LOSSES.register("l2")
class L2Loss(ReconstructionLoss):
    r"""Mean squared error.

    $$\overline{(y - t)^2}$$

    Examples:
        >>> import torch
        >>> L2Loss()(torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 2.0)).item()
        4.0
    """

    def _compare(self, output: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(output, target)


@RECONSTRUCTION_LOSSES.register("charbonnier")
class CharbonnierLoss(ReconstructionLoss):
    r"""A smooth L1 (Charbonnier et al., 1994; Lai et al., 2017).

    $$\overline{\sqrt{(y - t)^2 + \varepsilon^2} - \varepsilon}$$

    Unlike in the papers, ε is subtracted, so that equal images give 0; gradients are unchanged.

    Args:
        eps: ε, in the units of the images; for much larger differences it acts like L1.

    Raises:
        OptionError: ε is not positive.

    Examples:
        >>> import torch
        >>> CharbonnierLoss(eps=4.0)(torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 3.0)).item()
        1.0
    """

    def __init__(self, eps: float = 1e-3) -> None:
        require_at_least("eps", eps, 1e-12)
        super().__init__()
        self.eps = eps

    def _compare(self, output: Tensor, target: Tensor) -> Tensor:
        return functional.charbonnier(output, target, eps=self.eps)


@RECONSTRUCTION_LOSSES.register("huber")
class HuberLoss(ReconstructionLoss):
    r"""Quadratic up to δ and linear beyond (Huber, 1964).

    The mean of ½ d² where |d| ≤ δ, and of δ (|d| − ½ δ) elsewhere, with d = y − t.

    Args:
        delta: δ, in the units of the images.

    Raises:
        OptionError: δ is not positive.

    Examples:
        >>> import torch
        >>> HuberLoss()(torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 3.0)).item()
        2.5
    """

    def __init__(self, delta: float = 1.0) -> None:
        require_at_least("delta", delta, 1e-12)
        super().__init__()
        self.delta = delta

    def _compare(self, output: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(output, target, delta=self.delta)


@RECONSTRUCTION_LOSSES.register("total_variation")
class TotalVariationLoss(ReconstructionLoss):
    r"""Mean absolute difference of neighboring pixels in the output, vertical plus horizontal.

    $$\overline{\left|y_{i+1,j} - y_{i,j}\right|} + \overline{\left|y_{i,j+1} - y_{i,j}\right|}$$

    Anisotropic (after Rudin et al., 1992). It smooths the output, ignoring the target: use it with
    another reconstruction loss.

    Examples:
        >>> import torch
        >>> step = torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]])
        >>> TotalVariationLoss()(step, step).item()
        1.0
    """

    cannot = {"minimum": "it ignores the target"}  # noqa: RUF012

    def _compare(self, output: Tensor, target: Tensor) -> Tensor:
        return functional.total_variation(output)


@RECONSTRUCTION_LOSSES.register("gradient_difference")
class GradientDifferenceLoss(ReconstructionLoss):
    r"""Compares the strength of edges in output and target.

    $$\overline{\left|\,\left|\partial y\right| - \left|\partial t\right|\,\right|^\alpha}$$

    summed over both axes, where ∂ is the difference of neighboring pixels (Mathieu et al., 2016,
    equation 6). It ignores the color of flat regions and which side of an edge is bright.

    Args:
        alpha: α, 1 or more.

    Raises:
        OptionError: α is below 1.

    Examples:
        >>> import torch
        >>> step = torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]])
        >>> GradientDifferenceLoss()(step, torch.zeros_like(step)).item()
        1.0
    """

    def __init__(self, alpha: float = 1.0) -> None:
        require_at_least("alpha", alpha, 1)
        super().__init__()
        self.alpha = alpha

    def _compare(self, output: Tensor, target: Tensor) -> Tensor:
        return functional.gradient_difference(output, target, alpha=self.alpha)
