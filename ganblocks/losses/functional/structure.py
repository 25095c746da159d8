"""Structural similarity of images (B, C, H, W), at one scale or several."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ganblocks.errors import ShapeError

MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the scales, finest first (Wang et al., 2003, section 3.2)."""


def ssim(
    output: Tensor,
    target: Tensor,
    *,
    data_range: float = 2.0,
    window_size: int = 11,
    sigma: float = 1.5,
) -> Tensor:
    """Mean structural similarity, in [−1, 1], 1 for equal images (Wang et al., 2004).

    SSIM = (2 μx μy + C₁)(2 σxy + C₂) / ((μx² + μy² + C₁)(σx² + σy² + C₂)), with C₁ = (0.01 L)²,
    C₂ = (0.03 L)², and Gaussian windows that lie entirely inside the image (equation 13).

    Args:
        output: Images (B, C, H, W); each channel is compared separately.
        target: Images of the same shape.
        data_range: L, the largest possible value minus the smallest: 2 for [−1, 1].
        window_size: Side of the window in pixels.
        sigma: Standard deviation of the window.

    Raises:
        ShapeError: The image is smaller than the window.

    Examples:
        >>> image = torch.rand(1, 3, 16, 16)
        >>> round(ssim(image, image).item(), 4)
        1.0
    """
    _require_size(output, window_size, "SSIM")
    luminance, contrast = _ssim_maps(output, target, data_range, window_size, sigma)
    return (luminance * contrast).mean()


def ms_ssim(
    output: Tensor,
    target: Tensor,
    *,
    data_range: float = 2.0,
    window_size: int = 11,
    sigma: float = 1.5,
    weights: Sequence[float] = MS_SSIM_WEIGHTS,
) -> Tensor:
    """Mean multi-scale similarity: ∏ csⱼ^wⱼ · ssim_M^w_M for each image and channel.

    Between scales both images are average-pooled 2×2. cs, the mean contrast and structure, counts
    at every scale, but luminance only at the last (Wang et al., 2003, equation 7). Negative means,
    whose powers are undefined, are clamped to 1e-6.

    Args:
        output: Images (B, C, H, W).
        target: Images of the same shape.
        data_range: As in `ssim`.
        window_size: As in `ssim`.
        sigma: As in `ssim`.
        weights: Exponents of the scales, finest first.

    Raises:
        ShapeError: The image is smaller than the window at the last scale.

    Examples:
        >>> image = torch.rand(1, 1, 176, 176)
        >>> round(ms_ssim(image, image).item(), 4)
        1.0
    """
    _require_size(output, window_size * 2 ** (len(weights) - 1), f"{len(weights)} scales of SSIM")
    product = output.new_ones(output.shape[:2])
    for scale, weight in enumerate(weights):
        luminance, contrast = _ssim_maps(output, target, data_range, window_size, sigma)
        last = scale == len(weights) - 1
        mean = (luminance * contrast if last else contrast).mean((2, 3))
        product = product * mean.clamp(min=1e-6).pow(weight)
        if not last:
            output, target = F.avg_pool2d(output, 2), F.avg_pool2d(target, 2)
    return product.mean()


def _ssim_maps(
    x: Tensor, y: Tensor, data_range: float, window_size: int, sigma: float
) -> tuple[Tensor, Tensor]:
    """Returns luminance, and contrast times structure, at every window position."""
    channels = x.shape[1]
    # Variances are differences of means: centering the images keeps them accurate.
    level = y.mean((2, 3), keepdim=True).detach()
    u, v = x - level, y - level
    stacked = torch.cat((u, v, u * u, v * v, u * v), 1)
    mean_u, mean_v, uu, vv, uv = _blur(stacked, window_size, sigma).split(channels, 1)
    mean_x, mean_y = mean_u + level, mean_v + level
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x.square() + mean_y.square() + c1)
    variances = uu - mean_u.square() + vv - mean_v.square()
    return luminance, (2 * (uv - mean_u * mean_v) + c2) / (variances + c2)


def _blur(x: Tensor, size: int, sigma: float) -> Tensor:
    """Returns Gaussian means over windows inside the image, one axis after the other."""
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
