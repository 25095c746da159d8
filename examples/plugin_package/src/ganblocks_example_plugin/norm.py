"""A norm."""

import torch
from torch import Tensor, nn

from ganblocks.blocks import NORMS


@NORMS.register("filter_response")
class FilterResponseNorm(nn.Module):
    """Filter response norm: subtracts no mean, uses no batch statistics (Singh and Krishnan, 2020).

    y = weight · x / √(mean(x²) + eps) + bias, with the mean over (H, W), in training and
    evaluation alike.

    Args:
        channels: Channels of the input (B, channels, H, W).
        eps: Added to the mean square; if as large as the activations, it keeps 1×1 maps distinct.
    """

    def __init__(self, channels: int, *, eps: float = 1e-2) -> None:
        super().__init__()
        self.channels = channels
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Normalizes a batch of feature maps."""
        mean_square = x.square().mean((2, 3), keepdim=True)
        return self.weight * x * torch.rsqrt(mean_square + self.eps) + self.bias
