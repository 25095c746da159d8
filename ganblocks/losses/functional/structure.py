"""Structural similarity of images (B, C, H, W), at one scale or several."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ganblocks.arguments import Floats, checked
from ganblocks.errors import OptionError, ShapeError, require_at_least, require_count
from ganblocks.losses.images import require_one_shape

MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the scales, finest first (Wang et al., 2003, section 3.2)."""


@checked
def ssim(
    output: Floats,
    target: Floats,
    *,
    value_range: Sequence[float] = (-1.0, 1.0),
    window_size: int = 11,
    sigma: float = 1.5,
) -> Tensor:
    """Mean structural similarity, in [−1, 1], 1 for equal images (Wang et al., 2004).

    SSIM = (2 μx μy + C₁)(2 σxy + C₂) / ((μx² + μy² + C₁)(σx² + σy² + C₂)) in each window (equation
    13), averaged over the windows (equation 17), with C₁ = 0.01² and C₂ = 0.03². The formula
    assumes nonnegative values, so `value_range` is first mapped to [0, 1]. Gaussian windows lie
    entirely inside the image, without padding.

    Args:
        output: Images (B, C, H, W); each channel is compared separately.
        target: Images of the same shape.
        value_range: Values of black and white: (−1, 1), (0, 1) or (0, 255).
        window_size: Side of the window in pixels.
        sigma: Standard deviation of the window.

    Raises:
        OptionError: `value_range` is not a pair of increasing numbers, or another number is not
            positive.
        ShapeError: The images differ in shape, or are smaller than the window.

    Examples:
        >>> image = torch.rand(1, 3, 16, 16)
        >>> round(ssim(image, image).item(), 4)
        1.0
    """
    _require_windows(window_size, sigma)
    require_one_shape("SSIM", output=output, target=target)
    _require_size(output, window_size, "SSIM")
    output, target = _to_unit_range(value_range, output, target)
    luminance, contrast = _ssim_maps(output, target, window_size, sigma)
    return (luminance * contrast).mean()


@checked
def ms_ssim(
    output: Floats,
    target: Floats,
    *,
    value_range: Sequence[float] = (-1.0, 1.0),
    window_size: int = 11,
    sigma: float = 1.5,
    weights: Sequence[float] = MS_SSIM_WEIGHTS,
    floor: float = 0.0,
) -> Tensor:
    """Mean multi-scale similarity: ∏ csⱼ^wⱼ · ssim_M^w_M for each image and channel.

    Between scales both images are average-pooled 2×2; an odd last row or column is dropped. cs, the
    mean contrast and structure, counts at every scale, luminance only at the last (Wang et al.,
    2003, equation 7). Values and windows are those of `ssim`.

    A negative mean has no real power, which the paper leaves undefined. Here it is raised to
    `floor`; with 0, as in published values, the channel's similarity becomes 0.

    Args:
        output: Images (B, C, H, W).
        target: Images of the same shape.
        value_range: As in `ssim`.
        window_size: As in `ssim`.
        sigma: As in `ssim`.
        weights: Exponents of the scales, finest first.
        floor: Minimum mean of a scale. A value above 0 preserves the gradients of the other scales.

    Raises:
        OptionError: `value_range` is not a pair of increasing numbers, or another number is not
            positive.
        ShapeError: The images differ in shape, or are smaller than the window at the last scale.

    Examples:
        >>> image = torch.rand(1, 1, 176, 176)
        >>> round(ms_ssim(image, image).item(), 4)
        1.0
    """
    _require_windows(window_size, sigma)
    if not weights:
        raise OptionError("weights is empty: write one for each scale, such as [0.5, 0.5]")
    require_one_shape("MS-SSIM", output=output, target=target)
    _require_size(output, window_size * 2 ** (len(weights) - 1), f"{len(weights)} scales of SSIM")
    output, target = _to_unit_range(value_range, output, target)
    product = output.new_ones(output.shape[:2])
    for scale, weight in enumerate(weights):
        luminance, contrast = _ssim_maps(output, target, window_size, sigma)
        last = scale == len(weights) - 1
        mean = (luminance * contrast if last else contrast).mean((2, 3))
        above = ~(mean <= floor)  # or NaN; the power of a clamped 0 has no derivative
        power = torch.where(above, mean, 1).pow(weight)
        product = product * torch.where(above, power, floor**weight)
        if not last:
            output, target = F.avg_pool2d(output, 2), F.avg_pool2d(target, 2)
    return product.mean()


def require_value_range(value_range: Any) -> None:
    """Raises `OptionError` unless it is a pair of increasing numbers.

    Examples:
        >>> require_value_range([0, 255])
    """
    pair = isinstance(value_range, Sequence) and len(value_range) == 2
    numbers = pair and all(
        isinstance(n, int | float) and not isinstance(n, bool) and isfinite(n) for n in value_range
    )
    if not numbers or value_range[0] >= value_range[1]:
        raise OptionError(
            f"value_range is {value_range!r}: write the values of black and white, such as "
            "(-1, 1) or (0, 255)"
        )


def _require_windows(window_size: int, sigma: float) -> None:
    require_count("window_size", window_size, 1)
    require_at_least("sigma", sigma, 1e-12)


def _to_unit_range(value_range: Sequence[float], *images: Tensor) -> list[Tensor]:
    require_value_range(value_range)
    low, high = value_range
    return [(image - low) / (high - low) for image in images]


def _ssim_maps(x: Tensor, y: Tensor, window_size: int, sigma: float) -> tuple[Tensor, Tensor]:
    """Returns luminance, and contrast times structure, at every window position in [0, 1]."""
    channels = x.shape[1]
    # Variances are differences of means, so centering the images improves their accuracy.
    level = y.mean((2, 3), keepdim=True).detach()
    u, v = x - level, y - level
    stacked = torch.cat((u, v, u * u, v * v, u * v), 1)
    mean_u, mean_v, uu, vv, uv = _blur(stacked, window_size, sigma).split(channels, 1)
    mean_x, mean_y = mean_u + level, mean_v + level
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x.square() + mean_y.square() + c1)
    variances = uu - mean_u.square() + vv - mean_v.square()
    return luminance, (2 * (uv - mean_u * mean_v) + c2) / (variances + c2)


def _blur(x: Tensor, size: int, sigma: float) -> Tensor:
    positions = torch.arange(size, dtype=x.dtype, device=x.device) - (size - 1) / 2
    kernel = torch.softmax(-positions.square() / (2 * sigma**2), 0)
    channels = x.shape[1]
    with torch.autocast(x.device.type, enabled=False):  # variances need full precision
        for shape in ((1, 1, size, 1), (1, 1, 1, size)):
            x = F.conv2d(x, kernel.view(shape).expand(channels, 1, -1, -1), groups=channels)
    return x


def _require_size(image: Tensor, least: int, what: str) -> None:
    if image.dim() != 4 or min(image.shape[-2:]) < least:
        raise ShapeError(
            f"images of shape {tuple(image.shape)} for {what}: expected (B, C, H, W) with H and W "
            f"of at least {least}. Use a smaller window_size or fewer weights for small images",
            see="image-too-small",
        )
