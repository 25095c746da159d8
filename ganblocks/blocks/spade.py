"""Spatially adaptive normalization: a label map sets the scale and shift of every pixel."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganblocks.blocks.matmul_conv import Conv2d
from ganblocks.blocks.norm import NORMS
from ganblocks.blocks.padding import require_odd
from ganblocks.blocks.registry import BLOCKS
from ganblocks.errors import OptionError, ShapeError, require_count, require_image
from ganblocks.registry import ComponentLike


@BLOCKS.register("spade")
class SPADE(nn.Module):
    """Norm whose scale and shift are maps predicted from a condition (Park et al., CVPR 2019).

    (B, channels, H, W) and (B, condition_channels, H', W') → (B, channels, H, W):
    y = norm(x) · (1 + gamma(c)) + beta(c), with the condition c resized to x, and gamma
    and beta from two convolutions with a ReLU between them (section 3.1). The 1 makes it start
    close to the norm without a condition.

    The condition is resized with `mode="nearest-exact"`, so that labels stay labels and do not
    shift to the upper left, as they do with `mode="nearest"`.

    Args:
        channels: Channels of the image.
        condition_channels: Channels of the condition, such as one per class.
        norm: Name, spec or factory from `NORMS`; built without its own scale and shift.
        hidden_channels: Channels between the two convolutions.
        kernel_size: Side length of both kernels, odd.

    Raises:
        OptionError: The kernel size is even, a number is not a positive integer, or the norm cannot
            be built without learned weights.
        ShapeError: In forward: channels or batch sizes do not match.

    Examples:
        >>> SPADE(8, 12)(torch.randn(2, 8, 16, 16), torch.randn(2, 12, 64, 64)).shape
        torch.Size([2, 8, 16, 16])
    """

    def __init__(
        self,
        channels: int,
        condition_channels: int,
        *,
        norm: ComponentLike = "batch",
        hidden_channels: int = 128,
        kernel_size: int = 3,
    ) -> None:
        super().__init__()
        require_count("channels", channels, 1)
        require_count("condition_channels", condition_channels, 1)
        require_count("hidden_channels", hidden_channels, 1)
        require_odd(kernel_size)
        self.channels = channels
        self.condition_channels = condition_channels
        self.norm = _without_affine(norm, channels)
        padding = kernel_size // 2
        self.embedding = Conv2d(condition_channels, hidden_channels, kernel_size, padding=padding)
        self.modulation = Conv2d(hidden_channels, 2 * channels, kernel_size, padding=padding)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Normalizes images, then scales and shifts each pixel by its condition.

        Args:
            x: Images or maps (B, channels, H, W).
            condition: Conditions (B, condition_channels, H', W').
        """
        require_image("SPADE", x, self.channels, "channels")
        wanted = (x.shape[0], self.condition_channels)
        if condition.ndim != 4 or condition.shape[:2] != wanted:
            raise ShapeError(
                f"SPADE got a condition of shape {tuple(condition.shape)} with images of shape "
                f"{tuple(x.shape)}: expected {(*wanted, 'H', 'W')}. Build it with "
                "condition_channels=... for such conditions, or make the batch sizes equal"
            )
        if condition.shape[2:] != x.shape[2:]:
            condition = F.interpolate(condition, size=x.shape[2:], mode="nearest-exact")
        hidden = torch.relu(self.embedding(condition))
        gamma, beta = self.modulation(hidden).chunk(2, dim=1)
        return self.norm(x) * (1 + gamma) + beta  # type: ignore[no-any-return]


def _without_affine(norm: ComponentLike, channels: int) -> nn.Module:
    try:
        built = NORMS.build(norm, channels, affine=False)
    except TypeError:  # no `affine` argument; other errors are raised again below
        built = NORMS.build(norm, channels)
    if list(built.parameters()):
        raise OptionError(
            f"norm is {norm!r}, which has its own weights and no option affine=False: use "
            "one without weights, such as norm='batch'"
        )
    return built
