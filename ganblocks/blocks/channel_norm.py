"""Norms over the channels of each pixel, independent of other pixels and images."""

import torch.nn.functional as F
from torch import Tensor, nn

from ganblocks.blocks.norm import NORMS
from ganblocks.errors import OptionError, require_count, require_image, require_positive


@NORMS.register("layer")
class LayerNorm(nn.LayerNorm):
    """Layer normalization over the channels of each pixel (Ba et al., 2016), for (B, C, H, W).

    y = weight · (x − mean) / √(var + eps) + bias, with mean and variance over the channels of
    one pixel. To normalize over the whole image, write `{"type": "group", "groups": 1}`.

    Args:
        channels: Channels of the input (B, channels, H, W), at least 2.
        eps: Added to the variance.
        affine: Whether to learn weight and bias, one value per channel.

    Raises:
        OptionError: There are fewer than two channels: the result would always be 0.
        ShapeError: In forward: the map has a different number of channels.

    Examples:
        >>> import torch
        >>> LayerNorm(8)(torch.randn(1, 8, 4, 4)).mean(1).abs().max().item() < 1e-6
        True
    """

    def __init__(self, channels: int, *, eps: float = 1e-5, affine: bool = True) -> None:
        _require_several("layer", channels)
        require_positive("eps", eps)
        super().__init__(channels, eps=eps, elementwise_affine=affine)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's name)
        """Normalizes a batch of feature maps.

        Args:
            input: Maps (B, channels, H, W).
        """
        require_image("layer norm", input, self.normalized_shape[0], "channels")
        return super().forward(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


@NORMS.register("pixel")
class PixelNorm(nn.Module):
    """Pixel normalization, to a mean square of 1 per pixel (Karras et al., 2018, section 4.2).

    y = x / √(mean over the channels of x² + eps). It has no parameters.

    Args:
        channels: Channels of the input (B, channels, H, W), at least 2.
        eps: Added to the mean of the squares.

    Raises:
        OptionError: There are fewer than two channels: only the sign would remain.
        ShapeError: In forward: the map has a different number of channels.

    Examples:
        >>> import torch
        >>> PixelNorm(2)(torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)).flatten().tolist()
        [0.848..., 1.131...]
    """

    def __init__(self, channels: int, *, eps: float = 1e-8) -> None:
        super().__init__()
        _require_several("pixel", channels)
        require_positive("eps", eps)
        self.channels = channels
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalizes a batch of feature maps.

        Args:
            x: Maps (B, channels, H, W).
        """
        require_image("pixel norm", x, self.channels, "channels")
        rows = x.permute(0, 2, 3, 1)
        return F.rms_norm(rows, (self.channels,), eps=self.eps).permute(0, 3, 1, 2)

    def extra_repr(self) -> str:
        """Returns the options that `repr` shows."""
        return f"{self.channels}, eps={self.eps}"


def _require_several(name: str, channels: int) -> None:
    require_count("channels", channels, 1)
    if channels < 2:
        raise OptionError(
            f"{name} norm got channels={channels}: it normalizes over the channels and needs two "
            'or more. Use norm="instance" or norm="none" instead'
        )
