"""VQGAN's adaptive weight, which balances the adversarial and reconstruction gradients."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from ganblocks.arguments import checked
from ganblocks.errors import OptionError, require_at_least
from ganblocks.losses.functional import full_precision

LARGEST = 1e4
_EPSILON = 1e-4
_SCALE = 1024.0  # of a loss up to 1: keeps gradients within the range of fp16


@checked
@dataclass(frozen=True)
class AdaptiveWeight:
    r"""A weight that makes a term's gradient as large as that of the reconstruction terms.

    $$\lambda = \text{factor} \cdot \min\left(
    \frac{\|\nabla_w L_\text{rec}\|}{\|\nabla_w L\| + 10^{-4}}, 10^4\right)$$

    (Esser et al., CVPR 2021, equation 7, with the constants of its code), where w is the weight of
    the generator's last layer and $L_\text{rec}$ the weighted sum of the reconstruction and feature
    terms. Under `torch.distributed` the gradients are averaged over all processes first.

    Args:
        factor: Scales the ratio; VQGAN's models use 0.5 to 1.

    Raises:
        OptionError: `factor` is negative.

    Examples:
        >>> layer = torch.tensor([2.0], requires_grad=True)
        >>> weight = AdaptiveWeight(0.5)(3 * layer.sum(), 6 * layer.sum(), layer)  # 0.5 · 3 / 6
        >>> round(weight.item(), 4)
        0.25
    """

    factor: float = 1.0

    def __post_init__(self) -> None:
        require_at_least("factor of an adaptive weight", self.factor, 0)

    def __call__(self, reference: Tensor, value: Tensor, layer: Tensor) -> Tensor:
        """Returns the weight, detached; returns `factor` if gradients are disabled.

        Args:
            reference: The sum of the weighted reconstruction terms.
            value: The term.
            layer: The weight of the generator's last layer.

        Raises:
            OptionError: `reference` or `value` does not depend on the layer.
        """
        if not (reference.requires_grad and value.requires_grad):
            return value.new_full((), self.factor)
        norms = [_gradient(loss, layer).norm() for loss in (reference, value)]
        ratio: Tensor = norms[0] / (norms[1] + _EPSILON)
        return (self.factor * ratio.clamp(max=LARGEST)).detach()

    @property
    def spec(self) -> dict[str, object]:
        """The weight's spec, as JSON."""
        return {"type": "adaptive", "factor": self.factor}


def _gradient(loss: Tensor, layer: Tensor) -> Tensor:
    """Returns the gradient at a layer in full precision, averaged over all processes."""
    scale = _SCALE / loss.detach().abs().clamp(min=1)
    (gradient,) = torch.autograd.grad(scale * loss, layer, retain_graph=True, allow_unused=True)
    if gradient is None:
        raise OptionError(
            "an adaptive weight compares gradients at the generator's `last_layer`, but a loss "
            "does not depend on it: `last_layer` is the weight of the convolution that produces "
            "the image; if the network is sharded, a convolution outside of module lists"
        )
    gradient = full_precision(gradient) / scale
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(gradient)
        gradient /= dist.get_world_size()
    return gradient
