"""Paddings: `(padding) -> module` that adds `padding` pixels on each side."""

import torch.nn.functional as F
from torch import Tensor, nn

from ganblocks.errors import OptionError, ShapeError, require_count
from ganblocks.registry import ComponentLike, Registry

PADDINGS: Registry[nn.Module] = Registry("paddings")
"""Paddings by name; each is built as `PADDINGS.build(name, padding)`."""


class _Pad(nn.Module):
    """Pads all four sides equally, and raises ShapeError if the map is too small."""

    def __init__(self, padding: int, mode: str, min_size: int = 1) -> None:
        super().__init__()
        require_count("padding", padding, 0)
        self.padding = padding
        self.mode = mode
        self.min_size = min_size

    def forward(self, x: Tensor) -> Tensor:
        """Pads maps (B, C, H, W)."""
        if min(x.shape[-2:]) < self.min_size:
            raise ShapeError(
                f"{self.mode} padding of {self.padding} got a map of shape {tuple(x.shape)}: both "
                f"sides must be at least {self.min_size}. Use a larger image, or "
                "padding_mode='replicate'",
                see="image-too-small",
            )
        return F.pad(x, (self.padding,) * 4, mode=self.mode)

    def extra_repr(self) -> str:
        """Returns the options that `repr` shows."""
        return f"{self.padding}, {self.mode!r}"


@PADDINGS.register("zeros")
def zeros(padding: int) -> nn.Module:
    """Adds zeros, which are mid-gray in images in [-1, 1].

    Args:
        padding: Pixels added on each side.
    """
    return _Pad(padding, "constant")


@PADDINGS.register("reflect")
def reflect(padding: int) -> nn.Module:
    """Mirrors the map without repeating its border; the map must be larger than the padding.

    Args:
        padding: Pixels added on each side.
    """
    return _Pad(padding, "reflect", min_size=padding + 1)


@PADDINGS.register("replicate")
def replicate(padding: int) -> nn.Module:
    """Repeats the border pixels.

    Args:
        padding: Pixels added on each side.
    """
    return _Pad(padding, "replicate")


@PADDINGS.register("circular")
def circular(padding: int) -> nn.Module:
    """Wraps the map around, for textures and panoramas that tile.

    Args:
        padding: Pixels added on each side.
    """
    return _Pad(padding, "circular", min_size=padding)


def require_odd(kernel_size: int) -> None:
    """Raises `OptionError` unless a kernel can keep the size of its map.

    Examples:
        >>> require_odd(3)
    """
    require_count("kernel_size", kernel_size, 1)
    if kernel_size % 2 == 0:
        raise OptionError(
            f"kernel_size {kernel_size} cannot keep the size of the map: use an odd one"
        )


def padding_of_conv(padding_mode: ComponentLike, padding: int) -> tuple[nn.Module, int]:
    """Returns the padding module, and the number of zeros that the convolution itself adds.

    Examples:
        >>> padding_of_conv("zeros", 1)
        (Identity(), 1)
    """
    if padding_mode == "zeros":
        return nn.Identity(), padding
    pad = PADDINGS.build(padding_mode, padding)
    return (pad if padding else nn.Identity()), 0
