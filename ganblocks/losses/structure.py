"""Reconstruction losses that compare neighborhoods or frequencies."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ganblocks.errors import OptionError, require_at_least, require_count
from ganblocks.losses import functional
from ganblocks.losses.reconstruction import RECONSTRUCTION_LOSSES, ReconstructionLoss


@RECONSTRUCTION_LOSSES.register("ssim")
class SSIMLoss(ReconstructionLoss):
    r"""One minus the mean structural similarity (Wang et al., 2004, equation 13).

    $$1 - \overline{\frac{(2\mu_y\mu_t + C_1)(2\sigma_{yt} + C_2)}
    {(\mu_y^2 + \mu_t^2 + C_1)(\sigma_y^2 + \sigma_t^2 + C_2)}}$$

    with C₁ = (0.01 L)², C₂ = (0.03 L)². Windows lie entirely inside the image, channels are
    compared separately, and variances are weighted by the window.

    Args:
        data_range: L, the largest possible value minus the smallest: 2 for [−1, 1].
        window_size: Side of the Gaussian window, in pixels.
        sigma: Standard deviation of the window, in pixels.

    Raises:
        OptionError: A number is too small.
        ShapeError: When called: the images differ in shape or are smaller than the window.

    Examples:
        >>> import torch
        >>> image = torch.rand(1, 3, 16, 16)
        >>> abs(SSIMLoss()(image, image).item()) < 1e-6
        True
    """

    def __init__(
        self, *, data_range: float = 2.0, window_size: int = 11, sigma: float = 1.5
    ) -> None:
        require_at_least("data_range", data_range, 1e-12)
        require_count("window_size", window_size, least=1)
        require_at_least("sigma", sigma, 1e-12)
        super().__init__()
        self.data_range = data_range
        self.window_size = window_size
        self.sigma = sigma

    def _compare(self, output: Tensor, target: Tensor) -> Tensor:
        return 1 - functional.ssim(
            output,
            target,
            data_range=self.data_range,
            window_size=self.window_size,
            sigma=self.sigma,
        )


@RECONSTRUCTION_LOSSES.register("ms_ssim")
class MSSSIMLoss(SSIMLoss):
    r"""One minus the multi-scale structural similarity (Wang et al., 2003, equation 7).

    $$1 - \overline{l_M^{w_M} \prod_{j=1}^{M} cs_j^{w_j}}$$

    Luminance l counts only at the coarsest scale, contrast and structure cs at every one; between
    scales, both images are average-pooled 2×2. Five scales need images of at least 176×176 pixels.

    Args:
        data_range: As in `SSIMLoss`.
        window_size: As in `SSIMLoss`.
        sigma: As in `SSIMLoss`.
        weights: Exponents of the scales, finest first; the default is the paper's five.

    Raises:
        OptionError: A number is too small, or there are no weights.
        ShapeError: When called: the images differ in shape or are too small for the last scale.

    Examples:
        >>> import torch
        >>> image = torch.rand(1, 3, 48, 48)
        >>> abs(MSSSIMLoss(weights=[0.5, 0.3, 0.2])(image, image).item()) < 1e-6
        True
    """

    def __init__(
        self,
        *,
        data_range: float = 2.0,
        window_size: int = 11,
        sigma: float = 1.5,
        weights: Sequence[float] = functional.MS_SSIM_WEIGHTS,
    ) -> None:
        super().__init__(data_range=data_range, window_size=window_size, sigma=sigma)
        if isinstance(weights, str) or not isinstance(weights, Sequence) or not weights:
            raise OptionError(f"weights are {weights!r}: write a list such as [0.5, 0.5]")
        for weight in weights:
            require_at_least("a value of weights", weight, 0)
        self.weights = tuple(weights)

    def _compare(self, output: Tensor, target: Tensor) -> Tensor:
        return 1 - functional.ms_ssim(
            output,
            target,
            data_range=self.data_range,
            window_size=self.window_size,
            sigma=self.sigma,
            weights=self.weights,
        )


@RECONSTRUCTION_LOSSES.register("focal_frequency")
class FocalFrequencyLoss(ReconstructionLoss):
    r"""Distance between spectra, weighted toward large errors (Jiang et al., 2021).

    $$\overline{w \left|F_y - F_t\right|^2}, \quad
    w = \frac{\left|F_y - F_t\right|^\alpha}{\max \left|F_y - F_t\right|^\alpha}$$

    F is the orthonormal two-dimensional Fourier transform of each channel; the gradient treats the
    weights w as constants (equations 8 and 9).

    Args:
        alpha: α; 0 weights all frequencies equally, which is the mean squared error.

    Raises:
        OptionError: α is below 0.

    Examples:
        >>> import torch
        >>> FocalFrequencyLoss()(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)).item()
        1.0
    """

    cannot = {"gradcheck": "its gradient treats the weights as constants"}  # noqa: RUF012

    def __init__(self, alpha: float = 1.0) -> None:
        require_at_least("alpha", alpha, 0)
        super().__init__()
        self.alpha = alpha

    def _compare(self, output: Tensor, target: Tensor) -> Tensor:
        return functional.focal_frequency(output, target, alpha=self.alpha)
