"""Norms over space, `(channels) -> module`, with a clear error where nothing can be normalized."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganblocks.errors import ShapeError, require_count, require_image
from ganblocks.registry import Registry

NORMS: Registry[nn.Module] = Registry("norms")
"""Norms by name; each is built as `NORMS.build(name, channels)`."""


@NORMS.register("batch")
class BatchNorm(nn.BatchNorm2d):
    """Batch normalization over (B, H, W) of each channel (Ioffe and Szegedy, 2015).

    y = weight · (x − mean) / √(var + eps) + bias. In train mode at batch 1 it equals
    `InstanceNorm`, which is how pix2pix uses it.

    Args:
        channels: Channels of the input (B, channels, H, W).
        eps: Added to the variance.
        momentum: Weight of a new batch in the running statistics.
        affine: Whether to learn weight and bias.

    Raises:
        OptionError: `channels` is no whole number above 0.
        ShapeError: In forward: the map has other channels, or, in training, a channel holds a
            single value, so that its normalized value would be 0 whatever the image.

    Examples:
        >>> BatchNorm(8)(torch.randn(2, 8, 4, 4)).shape
        torch.Size([2, 8, 4, 4])
    """

    def __init__(
        self, channels: int, *, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True
    ) -> None:
        require_count("channels", channels, 1)
        super().__init__(channels, eps=eps, momentum=momentum, affine=affine)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's own name for it)
        """Normalizes a batch of feature maps.

        Args:
            input: Maps (B, channels, H, W).
        """
        require_image("batch norm", input.shape, self.num_features, "channels")
        if self.training and input.shape[0] * input.shape[2] * input.shape[3] == 1:
            raise _nothing_to_normalize("batch", input)
        return super().forward(input)


@NORMS.register("instance")
class InstanceNorm(nn.Module):
    """Instance normalization: each channel of each image by itself (Ulyanov et al., 2016).

    y = weight · (x − mean) / √(var + eps) + bias, with mean and variance over (H, W), the same
    in training and evaluation.

    Args:
        channels: Channels of the input (B, channels, H, W).
        eps: Added to the variance.
        affine: Whether to learn weight and bias.

    Raises:
        OptionError: `channels` is no whole number above 0.
        ShapeError: In forward: the map has other channels, or is 1×1.

    Examples:
        >>> InstanceNorm(8)(torch.randn(1, 8, 4, 4)).mean().abs().item() < 1e-6
        True
    """

    weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(self, channels: int, *, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__()
        require_count("channels", channels, 1)
        self.channels = channels
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        """Normalizes a batch of feature maps.

        Args:
            x: Maps (B, channels, H, W).
        """
        require_image("instance norm", x.shape, self.channels, "channels")
        if x.shape[2] * x.shape[3] == 1:
            raise _nothing_to_normalize("instance", x)
        # Group norm with one channel a group is the same function, and its gradients are right
        # in channels_last too, where nn.InstanceNorm2d's are not on the CPU.
        return F.group_norm(x, self.channels, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Shows the options in `repr`."""
        return f"{self.channels}, eps={self.eps}, affine={self.weight is not None}"


@NORMS.register("group")
class GroupNorm(nn.GroupNorm):
    """Group normalization: the channels of each image in groups (Wu and He, ECCV 2018).

    y = weight · (x − mean) / √(var + eps) + bias, with mean and variance over a group's channels
    and (H, W), whatever the batch; `groups=1` takes the whole image together.

    Args:
        channels: Channels of the input (B, channels, H, W).
        groups: Most groups to make; where they do not divide the channels, the next smaller
            number that does. With no more channels than groups it is instance norm.
        eps: Added to the variance.
        affine: Whether to learn weight and bias.

    Raises:
        OptionError: `channels` or `groups` is no whole number above 0.
        ShapeError: In forward: the map has other channels, or a group holds a single value.

    Examples:
        >>> GroupNorm(48, groups=32).num_groups
        24
    """

    def __init__(
        self, channels: int, *, groups: int = 32, eps: float = 1e-5, affine: bool = True
    ) -> None:
        require_count("channels", channels, 1)
        require_count("groups", groups, 1)
        most = min(groups, channels)
        divisor = next(n for n in range(most, 0, -1) if channels % n == 0)
        super().__init__(divisor, channels, eps=eps, affine=affine)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's own name for it)
        """Normalizes a batch of feature maps.

        Args:
            input: Maps (B, channels, H, W).
        """
        require_image("group norm", input.shape, self.num_channels, "channels")
        if input.shape[2] * input.shape[3] * self.num_channels == self.num_groups:
            raise _nothing_to_normalize("group", input)
        return super().forward(input)


@NORMS.register("none")
def no_norm(channels: int) -> nn.Module:
    """No normalization: the input unchanged.

    Args:
        channels: Channels of the input, which are not looked at.
    """
    return nn.Identity()


def _nothing_to_normalize(name: str, x: Tensor) -> ShapeError:
    return ShapeError(
        f"{name} norm got a map of shape {tuple(x.shape)}: with one value to each mean the result "
        "is 0 whatever the image. Use a larger image, or no norm there (in a U-Net: fewer "
        'num_downs, or a dialect with bottleneck_norm "none")',
        see="one-value-per-channel",
    )
