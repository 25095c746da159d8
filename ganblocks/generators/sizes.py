"""How a generator that halves its maps several times takes images of any size."""

import torch.nn.functional as F
from torch import Tensor

from ganblocks.errors import ShapeError

SIZE_POLICIES = ("pad", "strict")


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Repeats the last row and column until both sides are multiples.

    Args:
        x: Images (B, C, H, W).
        multiple: What both sides shall be divisible by.

    Returns:
        The padded images; `x` itself where nothing is missing.

    Example:
        >>> import torch
        >>> pad_to_multiple(torch.zeros(1, 3, 255, 257), 256).shape
        torch.Size([1, 3, 256, 512])
    """
    height, width = x.shape[-2:]
    bottom, right = -height % multiple, -width % multiple
    return F.pad(x, (0, right, 0, bottom), mode="replicate") if bottom or right else x


def require_multiple(height: int, width: int, multiple: int) -> None:
    """Raises `ShapeError`, naming the two nearest valid sizes, unless both sides are multiples.

    Example:
        >>> require_multiple(512, 256, 256)
    """
    if height % multiple or width % multiple:
        below = tuple(max(multiple, n // multiple * multiple) for n in (height, width))
        above = tuple(-(-n // multiple) * multiple for n in (height, width))
        raise ShapeError(
            f"image of {height}×{width}: with size_policy='strict' both sides must be multiples "
            f"of {multiple}. Nearest: {below[0]}×{below[1]} and {above[0]}×{above[1]}; or write "
            "size_policy='pad' for any size"
        )
