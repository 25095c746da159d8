"""Padding: `(padding) -> module` that adds so many pixels on each side."""

import torch.nn.functional as F
from torch import Tensor, nn

from ganblocks.errors import ShapeError, require_count
from ganblocks.registry import ComponentLike, Registry

PADDINGS: Registry[nn.Module] = Registry("paddings")
"""Paddings by name; each is built as `PADDINGS.build(name, padding)`."""


class _Pad(nn.Module):
    """Pads all four sides alike, and says what is missing where the map is too small."""

    def __init__(self, padding: int, mode: str, least: int = 1) -> None:
        super().__init__()
        require_count("padding", padding, 0)
        self.padding = padding
        self.mode = mode
        self.least = least

    def forward(self, x: Tensor) -> Tensor:
        """Pads (B, C, H, W)."""
        if min(x.shape[-2:]) < self.least:
            raise ShapeError(
                f"{self.mode} padding of {self.padding} got a map of shape {tuple(x.shape)}: both "
                f"sides must be at least {self.least}. Use a larger image, or write "
                "padding_mode='replicate'",
                see="image-too-small",
            )
        return F.pad(x, (self.padding,) * 4, mode=self.mode)

    def extra_repr(self) -> str:
        """Shows the options in `repr`."""
        return f"{self.padding}, {self.mode!r}"


@PADDINGS.register("zeros")
def zeros(padding: int) -> nn.Module:
    """Zeros, which in an image of [-1, 1] are mid-gray.

    Args:
        padding: Pixels added on each side.
    """
    return _Pad(padding, "constant")


@PADDINGS.register("reflect")
def reflect(padding: int) -> nn.Module:
    """The map mirrored at its border pixels, which are not repeated; it must be larger.

    Args:
        padding: Pixels added on each side.
    """
    return _Pad(padding, "reflect", least=padding + 1)


@PADDINGS.register("replicate")
def replicate(padding: int) -> nn.Module:
    """The border pixels repeated.

    Args:
        padding: Pixels added on each side.
    """
    return _Pad(padding, "replicate")


@PADDINGS.register("circular")
def circular(padding: int) -> nn.Module:
    """The map continued by its other side, for textures and panoramas that tile.

    Args:
        padding: Pixels added on each side.
    """
    return _Pad(padding, "circular", least=padding)


def padding_of_conv(padding_mode: ComponentLike, padding: int) -> tuple[nn.Module, int]:
    """Shares the padding out between a module and the convolution after it.

    Examples:
        >>> padding_of_conv("zeros", 1)
        (Identity(), 1)
    """
    if padding_mode == "zeros":
        return nn.Identity(), padding
    pad = PADDINGS.build(padding_mode, padding)
    return (pad if padding else nn.Identity()), 0
