"""Self-attention: every pixel attends to every other."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ganblocks.blocks.matmul_conv import Conv2d
from ganblocks.blocks.registry import BLOCKS
from ganblocks.errors import OptionError, require_count, require_image


@BLOCKS.register("attention")
class SelfAttention(nn.Module):
    """Self-attention over all pixels, added to the input (SAGAN, Zhang et al., 2019, section 3).

    (B, in_channels, H, W) → the same, for any H and W. Query, key, value
    and out are 1×1 convolutions, with c = in_channels / reduction channels in between:

    y_j = x_j + gamma · out(Σ_i softmax_i(query_j · key_i) value_i),

    where the softmax sums to 1 over the keys i. As in the paper, the product is not divided by √c.
    gamma is learned and starts at 0, so that the block starts as the identity. Time grows with (H ·
    W)², memory only with H · W if PyTorch has a fused kernel (on GPUs, in_channels / reduction must
    be a multiple of 8). Fused kernels have no second derivative: a gradient penalty must call the
    network under `torch.nn.attention.sdpa_kernel(SDPBackend.MATH)`.

    Args:
        in_channels: Channels of the input.
        out_channels: The same as `in_channels`, or None.
        reduction: Query, key and value have in_channels / reduction channels, at least one.

    Raises:
        OptionError: `out_channels` differs from `in_channels`, or a number is not a positive
            integer.
        ShapeError: In forward: the input has a different number of channels.

    Examples:
        >>> x = torch.randn(1, 16, 5, 7)
        >>> torch.equal(SelfAttention(16)(x), x)
        True
    """

    def __init__(
        self, in_channels: int, out_channels: int | None = None, *, reduction: int = 8
    ) -> None:
        super().__init__()
        require_count("in_channels", in_channels, 1)
        require_count("reduction", reduction, 1)
        if out_channels not in (None, in_channels):
            raise OptionError(
                f"out_channels is {out_channels}: attention keeps the channels of its input. "
                f"Write out_channels={in_channels} or leave it out"
            )
        self.in_channels = self.out_channels = in_channels
        inner = max(1, in_channels // reduction)
        self.query = Conv2d(in_channels, inner, 1, bias=False)
        self.key = Conv2d(in_channels, inner, 1, bias=False)
        self.value = Conv2d(in_channels, inner, 1, bias=False)
        self.out = Conv2d(inner, in_channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(1))

    def after_initialize(self) -> None:
        """Sets gamma to 0 again."""
        nn.init.zeros_(self.gamma)

    def forward(self, x: Tensor) -> Tensor:
        """Adds to each pixel a weighted sum over all pixels.

        Args:
            x: Maps (B, in_channels, H, W).
        """
        require_image("SelfAttention", x, self.in_channels)
        # The fused kernels, which need no (H · W)² memory, require contiguous tensors.
        query, key, value = (
            rearrange(layer(x), "b c h w -> b 1 (h w) c").contiguous()
            for layer in (self.query, self.key, self.value)
        )
        gathered: Tensor = F.scaled_dot_product_attention(query, key, value, scale=1.0)
        gathered = rearrange(gathered, "b 1 (h w) c -> b c h w", h=x.shape[2])
        added: Tensor = self.gamma * self.out(gathered)
        return x + added
