"""Reconstruction losses that compare neighborhoods or frequencies."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ganblocks.errors import OptionError, require_at_least, require_count
from ganblocks.losses import functional
from ganblocks.losses.functional.structure import require_value_range
from ganblocks.losses.reconstruction import RECONSTRUCTION_LOSSES, ReconstructionLoss


@RECONSTRUCTION_LOSSES.register("ssim")
class SSIMLoss(ReconstructionLoss):
    r"""One minus the mean structural similarity (Wang et al., 2004, equations 13 and 17).

    $$1 - \overline{\frac{(2\mu_y\mu_t + C_1)(2\sigma_{yt} + C_2)}
    {(\mu_y^2 + \mu_t^2 + C_1)(\sigma_y^2 + \sigma_t^2 + C_2)}}$$

    with C₁ = 0.01², C₂ = 0.03², after mapping `value_range` to [0, 1], since the formula assumes
    nonnegative values. Windows lie entirely inside the image, channels are compared separately, and
    variances are weighted by the window.

    Args:
        value_range: Values of black and white: (−1, 1), (0, 1) or (0, 255).
        window_size: Side of the Gaussian window, in pixels.
        sigma: Standard deviation of the window, in pixels.

    Raises:
        OptionError: A number is too small, or `value_range` is not a pair of increasing numbers.
        ShapeError: When called: the images differ in shape or are smaller than the window.

    Examples:
        >>> import torch
        >>> image = torch.rand(1, 3, 16, 16)
        >>> abs(SSIMLoss()(image, image).item()) < 1e-6
        True
    """

    def __init__(
        self,
        *,
        value_range: Sequence[float] = (-1.0, 1.0),
        window_size: int = 11,
        sigma: float = 1.5,
    ) -> None:
        require_value_range(value_range)
        require_count("window_size", window_size, least=1)
        require_at_least("sigma", sigma, 1e-12)
        super().__init__()
        self.value_range = tuple(value_range)
        self.window_size = window_size
        self.sigma = sigma

    def _compare(self, output: Tensor, target: Tensor) -> Tensor:
        return 1 - functional.ssim(
            output,
            target,
            value_range=self.value_range,
            window_size=self.window_size,
            sigma=self.sigma,
        )


@RECONSTRUCTION_LOSSES.register("ms_ssim")
class MSSSIMLoss(SSIMLoss):
    r"""One minus the multi-scale structural similarity (Wang et al., 2003, equation 7).

    $$1 - \overline{l_M^{w_M} \prod_{j=1}^{M} cs_j^{w_j}}$$

    Luminance l counts only at the coarsest scale, contrast and structure cs at every scale; between
    scales, both images are average-pooled 2×2. Five scales need images of at least 176×176 pixels.

    A negative mean of a scale is raised to `floor`. To reproduce published values, write `floor=0`,
    which makes such a channel's similarity 0, but without any gradient; the default is therefore
    slightly above 0. Only pairs with a negative mean differ.

    Args:
        value_range: As in `SSIMLoss`.
        window_size: As in `SSIMLoss`.
        sigma: As in `SSIMLoss`.
        weights: Exponents of the scales, finest first; the default is the paper's five.
        floor: Minimum mean of a scale.

    Raises:
        OptionError: A number is too small, `value_range` is not a pair of increasing numbers, or
            there are no weights.
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
        value_range: Sequence[float] = (-1.0, 1.0),
        window_size: int = 11,
        sigma: float = 1.5,
        weights: Sequence[float] = functional.MS_SSIM_WEIGHTS,
        floor: float = 1e-6,
    ) -> None:
        require_at_least("floor", floor, 0)
        super().__init__(value_range=value_range, window_size=window_size, sigma=sigma)
        if isinstance(weights, str) or not isinstance(weights, Sequence) or not weights:
            raise OptionError(f"weights are {weights!r}: write a list such as [0.5, 0.5]")
        for weight in weights:
            require_at_least("a value of weights", weight, 0)
        self.weights = tuple(weights)
        self.floor = floor

    def _compare(self, output: Tensor, target: Tensor) -> Tensor:
        return 1 - functional.ms_ssim(
            output,
            target,
            value_range=self.value_range,
            window_size=self.window_size,
            sigma=self.sigma,
            weights=self.weights,
            floor=self.floor,
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
