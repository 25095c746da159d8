"""Norms over space, `(channels) -> module`, which raise an error for a single value."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganblocks.errors import (
    ShapeError,
    require_count,
    require_fraction,
    require_image,
    require_positive,
)
from ganblocks.registry import Registry
from ganblocks.spec import registered_name
from ganblocks.torch_classes import StatisticsNorm

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
        OptionError: `channels` is not a positive integer.
        ShapeError: In forward: the channels differ, or, in training, there is a single value per
            channel, which would always be normalized to 0.

    Examples:
        >>> BatchNorm(8)(torch.randn(2, 8, 4, 4)).shape
        torch.Size([2, 8, 4, 4])
    """

    def __init__(
        self, channels: int, *, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True
    ) -> None:
        require_count("channels", channels, 1)
        require_positive("eps", eps)
        require_fraction("momentum", momentum)
        super().__init__(channels, eps=eps, momentum=momentum, affine=affine)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's name)
        """Normalizes a batch of feature maps.

        Args:
            input: Maps (B, channels, H, W).
        """
        require_image("batch norm", input, self.num_features, "channels")
        if self.training and input.shape[0] * input.shape[2] * input.shape[3] == 1:
            raise _nothing_to_normalize("batch", input)
        return super().forward(input)


@NORMS.register("instance")
class InstanceNorm(nn.Module):
    """Instance normalization over (H, W) of each channel of each image (Ulyanov et al., 2016).

    y = weight · (x − mean) / √(var + eps) + bias, with mean and variance over (H, W), the same
    in training and evaluation.

    Args:
        channels: Channels of the input (B, channels, H, W).
        eps: Added to the variance.
        affine: Whether to learn weight and bias.

    Raises:
        OptionError: `channels` is not a positive integer.
        ShapeError: In forward: the channels differ, or the map is 1×1.

    Examples:
        >>> InstanceNorm(8)(torch.randn(1, 8, 4, 4)).mean().abs().item() < 1e-6
        True
    """

    weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(self, channels: int, *, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__()
        require_positive("eps", eps)
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
        require_image("instance norm", x, self.channels, "channels")
        if x.shape[2] * x.shape[3] == 1:
            raise _nothing_to_normalize("instance", x)
        # Equals group norm with one channel per group, whose gradients are also correct on the CPU
        # in channels_last; those of nn.InstanceNorm2d are not.
        return F.group_norm(x, self.channels, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Returns the options that `repr` shows."""
        return f"{self.channels}, eps={self.eps}, affine={self.weight is not None}"


@NORMS.register("group")
class GroupNorm(nn.GroupNorm):
    """Group normalization over groups of channels of each image (Wu and He, ECCV 2018).

    y = weight · (x − mean) / √(var + eps) + bias, with mean and variance over a group's channels
    and (H, W), independent of the batch; `groups=1` normalizes over the whole image.

    Args:
        channels: Channels of the input (B, channels, H, W).
        groups: Largest number of groups; if it does not divide the channels, the next smaller
            divisor is used. With no more channels than groups it is instance norm.
        eps: Added to the variance.
        affine: Whether to learn weight and bias.

    Raises:
        OptionError: `channels` or `groups` is not a positive integer.
        ShapeError: In forward: the channels differ, or a group has a single value.

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
        require_positive("eps", eps)
        super().__init__(divisor, channels, eps=eps, affine=affine)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's name)
        """Normalizes a batch of feature maps.

        Args:
            input: Maps (B, channels, H, W).
        """
        require_image("group norm", input, self.num_channels, "channels")
        if input.shape[2] * input.shape[3] * self.num_channels == self.num_groups:
            raise _nothing_to_normalize("group", input)
        return super().forward(input)


@NORMS.register("none")
def no_norm(channels: int) -> nn.Module:
    """No normalization: returns the input unchanged.

    Args:
        channels: Channels of the input; unused.
    """
    return nn.Identity()


def is_norm(module: nn.Module) -> bool:
    """Whether a module is one of torch's norms or of `NORMS`."""
    if isinstance(module, StatisticsNorm | nn.GroupNorm | nn.LayerNorm | nn.RMSNorm):
        return True
    # Names are unique only within a kind: "pixel" is a norm and a discriminator.
    name = registered_name(type(module))
    path = f"{type(module).__module__}.{type(module).__qualname__}"
    return name in NORMS and NORMS.describe(str(name)).target == path


def _nothing_to_normalize(name: str, x: Tensor) -> ShapeError:
    return ShapeError(
        f"{name} norm got a map of shape {tuple(x.shape)}: each mean is over one value, so the "
        "result is always 0. Use a larger image, or no norm here (in a U-Net: fewer num_downs, or "
        'a dialect with bottleneck_norm "none")',
        see="one-value-per-channel",
    )
