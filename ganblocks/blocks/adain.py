"""Adaptive instance normalization: a style sets the mean and scale of every channel."""

import torch
from torch import Tensor, nn

from ganblocks.arguments import checked
from ganblocks.blocks.norm import InstanceNorm
from ganblocks.blocks.registry import BLOCKS
from ganblocks.errors import ShapeError, require_count, require_image


@BLOCKS.register("adain")
class AdaIN(nn.Module):
    """Instance norm whose scale and shift are predicted from a style vector.

    (B, channels, H, W) and (B, style_channels) → (B, channels, H, W):
    y = (1 + gamma(style)) · (x − mean) / √(var + eps) + beta(style), where one linear layer
    predicts gamma and beta, and mean and variance are over (H, W) (Huang and Belongie, 2017;
    Karras et al., 2019, equation 1). The 1 makes it start close to instance norm.

    Args:
        channels: Channels of the image.
        style_channels: Length of the style.
        eps: Added to the variance.

    Raises:
        OptionError: A channel count is not a positive integer.
        ShapeError: In forward: channels or batch sizes do not match, or the map is 1×1.

    Examples:
        >>> AdaIN(8, 4)(torch.randn(2, 8, 16, 16), torch.randn(2, 4)).shape
        torch.Size([2, 8, 16, 16])
    """

    def __init__(self, channels: int, style_channels: int, *, eps: float = 1e-5) -> None:
        super().__init__()
        require_count("channels", channels, 1)
        require_count("style_channels", style_channels, 1)
        self.channels = channels
        self.style_channels = style_channels
        self.norm = InstanceNorm(channels, eps=eps, affine=False)
        self.modulation = nn.Linear(style_channels, 2 * channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Normalizes images, then scales and shifts them by their styles.

        Args:
            x: Images or maps (B, channels, H, W).
            style: One vector per image, (B, style_channels).
        """
        require_image("AdaIN", x, self.channels, "channels")
        if style.shape != (x.shape[0], self.style_channels):
            raise ShapeError(
                f"AdaIN got a style of shape {tuple(style.shape)} with images of shape "
                f"{tuple(x.shape)}: expected one vector per image, "
                f"({x.shape[0]}, {self.style_channels})"
            )
        gamma, beta = self.modulation(style)[..., None, None].chunk(2, dim=1)
        return self.norm(x) * (1 + gamma) + beta  # type: ignore[no-any-return]


@checked
def adaptive_instance_norm(content: Tensor, style_map: Tensor, *, eps: float = 1e-5) -> Tensor:
    """Matches the mean and standard deviation of each channel to those of another map.

    std(style) · (content − mean(content)) / std(content) + mean(style), each over (H, W) with
    std = √(var + eps) (Huang and Belongie, 2017, equation 8).

    Args:
        content: Map (B, C, H, W) whose pattern is kept.
        style_map: Map (B, C, H', W') whose statistics are used.
        eps: Added to both variances, so that a map with its own statistics is unchanged.

    Raises:
        ShapeError: Batch sizes or channels differ, or the content is 1×1.

    Examples:
        >>> content, style = torch.randn(1, 2, 8, 8), 3 + 5 * torch.randn(1, 2, 4, 4)
        >>> aligned = adaptive_instance_norm(content, style)
        >>> bool(torch.allclose(aligned.mean((2, 3)), style.mean((2, 3)), atol=1e-4))
        True
    """
    if (
        content.ndim != 4
        or style_map.ndim != 4
        or content.shape[:2] != style_map.shape[:2]
        or content.shape[2] * content.shape[3] == 1
    ):
        raise ShapeError(
            f"adaptive_instance_norm got maps of shape {tuple(content.shape)} and "
            f"{tuple(style_map.shape)}: both must be (B, C, H, W) with the "
            "same B and C, and the content larger than 1×1"
        )
    # In half precision, eps would underflow and the variance of a large map would overflow.
    wide = torch.promote_types(content.dtype, torch.float32)
    whole, style = content.to(wide), style_map.to(wide)
    (var, mean), (style_var, style_mean) = (
        torch.var_mean(x, dim=(2, 3), correction=0, keepdim=True) for x in (whole, style)
    )
    aligned = (whole - mean) * ((style_var + eps) / (var + eps)).sqrt() + style_mean
    return aligned.to(content.dtype)
