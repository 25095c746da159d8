"""Gradient penalties, on the norm of the gradient of the logits with respect to each image."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from ganblocks.errors import OptionError, ShapeError, require_at_least, require_flag, require_one_of
from ganblocks.losses import functional
from ganblocks.losses.logits import scales_of
from ganblocks.losses.penalties.base import PENALTIES, Discriminator, Penalty

SCALARS = ("sum", "mean", "logit")
"""Functions of an image's logits whose gradient is taken."""


class GradientPenalty(Penalty):
    """Base class: a penalty on the gradient of each image's logits with respect to the image."""

    def __init__(self, *, scalar: str = "sum", interval: int = 1) -> None:
        super().__init__(interval=interval)
        require_one_of("scalar", scalar, SCALARS)
        self.scalar = scalar


@PENALTIES.register("wgan_gp")
class WGANGPPenalty(GradientPenalty):
    r"""Gradient penalty of WGAN-GP, between real and fake images (Gulrajani et al., 2017).

    $$\overline{(\|\nabla_{\hat x} D(\hat x)\|_2 - t)^2}, \quad
    \hat x = \varepsilon x + (1 - \varepsilon) \tilde x$$

    with ε uniform in [0, 1], drawn for each image, and the norm over all values of one image
    (equation 3, with a weight of 10). Gradients are taken with respect to the image, not its
    condition; to include it, pass concatenated pairs as `real` and `fake`, without a condition.

    Args:
        target: t, the target norm.
        one_sided: Penalize only norms above t (Petzka et al., 2018).
        scalar: Function of an image's logits whose gradient is taken: their `"sum"`, the usual
            choice; their `"mean"`, which does not grow with the patch map; or one random `"logit"`.
        interval: Lazy regularization, see `Penalty`.

    Raises:
        OptionError: An argument has an invalid value.

    Examples:
        >>> real, fake = torch.rand(2, 4, 1, 3, 3)
        >>> WGANGPPenalty()(lambda x: 2 * x.flatten(1).sum(1) / 3, real, fake).item()  # norm 2
        1.0
    """

    def __init__(
        self,
        *,
        target: float = 1.0,
        one_sided: bool = False,
        scalar: str = "sum",
        interval: int = 1,
    ) -> None:
        super().__init__(scalar=scalar, interval=interval)
        require_at_least("target", target, 0)
        require_flag("one_sided", one_sided)
        self.target = target
        self.one_sided = one_sided

    def _penalty(
        self, discriminator: Discriminator, real: Tensor, fake: Tensor, condition: Tensor | None
    ) -> Tensor:
        shape = (len(real), *(1,) * (real.dim() - 1))
        epsilon = torch.rand(shape, dtype=real.dtype, device=real.device)
        between = epsilon * real + (1 - epsilon) * fake
        gradient = image_gradient(discriminator, between, self.scalar)
        return functional.gradient_norm_penalty(
            gradient, target=self.target, one_sided=self.one_sided
        )


@PENALTIES.register("dragan")
class DRAGANPenalty(GradientPenalty):
    r"""Gradient penalty around real images (Kodali et al., 2017, equation 3).

    $$\overline{(\|\nabla_{\hat x} D(\hat x)\|_2 - t)^2}, \quad
    \hat x = x + c\,\sigma_x\,\mathcal{N}(0, 1)$$

    The paper's normal noise has one variance for all images. Here σ is the standard deviation of
    each image, so that c fits any contrast and an image's penalty does not depend on its batch. The
    authors' code, and most later code, uses weaker noise that only brightens, α c σ U(0, 1) with c
    = 0.5, α uniform in [0, 1] per image, and σ over the whole batch. Its root mean square is a
    third of the normal noise's at equal σ.

    Args:
        target: t, the target norm.
        noise: c, the noise as a fraction of σ.
        distribution: `"normal"`, or `"uniform"` as in the authors' code, whose σ needs the whole
            batch instead of micro-batches; in distributed training, each process uses only its own
            images.
        scalar: `"sum"`, `"mean"` or `"logit"`, see `WGANGPPenalty`.
        interval: Lazy regularization, see `Penalty`.

    Raises:
        OptionError: An argument has an invalid value.

    Examples:
        >>> real = torch.rand(4, 1, 3, 3)
        >>> DRAGANPenalty()(lambda x: 2 * x.flatten(1).sum(1) / 3, real, real).item()
        1.0
    """

    def __init__(
        self,
        *,
        target: float = 1.0,
        noise: float = 0.5,
        distribution: str = "normal",
        scalar: str = "sum",
        interval: int = 1,
    ) -> None:
        super().__init__(scalar=scalar, interval=interval)
        require_at_least("target", target, 0)
        require_at_least("noise", noise, 0)
        require_one_of("distribution", distribution, ("normal", "uniform"))
        self.target = target
        self.noise = noise
        self.distribution = distribution
        self.batch_reduction = "mean" if distribution == "normal" else "whole"

    def _penalty(
        self, discriminator: Discriminator, real: Tensor, fake: Tensor, condition: Tensor | None
    ) -> Tensor:
        one_each = (len(real), *(1,) * (real.dim() - 1))
        if self.distribution == "normal":
            deviation = real.flatten(1).std(1, correction=0).view(one_each)
            noise = deviation * torch.randn_like(real)
        else:
            share = torch.rand(one_each, dtype=real.dtype, device=real.device)
            noise = share * real.std(correction=0) * torch.rand_like(real)
        gradient = image_gradient(discriminator, real + self.noise * noise, self.scalar)
        return functional.gradient_norm_penalty(gradient, target=self.target)


@PENALTIES.register("r1")
class R1Penalty(GradientPenalty):
    r"""Zero-centered gradient penalty on real images (Mescheder et al., 2018, equation 9).

    $$\tfrac{1}{2}\,\overline{\|\nabla_x D(x)\|_2^2}$$

    Its weight is the paper's gamma; the ½ is included. The squared norm is a sum over the values
    of the image, so gamma depends on the image size. StyleGAN2 uses a gamma of 10 at 1024×1024; the
    rule 0.0002 · H·W / batch is a later heuristic, of StyleGAN2-ADA's automatic configuration.

    Args:
        scalar: `"sum"`, `"mean"` or `"logit"`, see `WGANGPPenalty`.
        interval: Lazy regularization, see `Penalty`; StyleGAN2 uses 16.

    Raises:
        OptionError: An argument has an invalid value.

    Examples:
        >>> real = torch.rand(4, 1, 3, 3)
        >>> R1Penalty()(lambda x: 2 * x.flatten(1).sum(1), real, real).item()  # ½ · 9 · 2²
        18.0
    """

    def _penalty(
        self, discriminator: Discriminator, real: Tensor, fake: Tensor, condition: Tensor | None
    ) -> Tensor:
        return functional.half_squared_norm(image_gradient(discriminator, real, self.scalar))


@PENALTIES.register("r2")
class R2Penalty(GradientPenalty):
    r"""Zero-centered gradient penalty on fake images (Mescheder et al., 2018, equation 10).

    $$\tfrac{1}{2}\,\overline{\|\nabla_{\tilde x} D(\tilde x)\|_2^2}$$

    Args:
        scalar: `"sum"`, `"mean"` or `"logit"`, see `WGANGPPenalty`.
        interval: Lazy regularization, see `Penalty`.

    Raises:
        OptionError: An argument has an invalid value.

    Examples:
        >>> fake = torch.rand(4, 1, 3, 3)
        >>> R2Penalty()(lambda x: 2 * x.flatten(1).sum(1), fake, fake).item()
        18.0
    """

    def _penalty(
        self, discriminator: Discriminator, real: Tensor, fake: Tensor, condition: Tensor | None
    ) -> Tensor:
        return functional.half_squared_norm(image_gradient(discriminator, fake, self.scalar))


@PENALTIES.register("r1_r2")
class R1R2Penalty(GradientPenalty):
    r"""Sum of R1 and R2, as in R3GAN with the loss `rpgan` (Huang et al., 2024, section 2).

    $$\tfrac{1}{2}\,\overline{\|\nabla_x D(x)\|_2^2} +
    \tfrac{1}{2}\,\overline{\|\nabla_{\tilde x} D(\tilde x)\|_2^2}$$

    Args:
        scalar: `"sum"`, `"mean"` or `"logit"`, see `WGANGPPenalty`.
        interval: Lazy regularization, see `Penalty`.

    Raises:
        OptionError: An argument has an invalid value.

    Examples:
        >>> real, fake = torch.rand(2, 4, 1, 3, 3)
        >>> R1R2Penalty()(lambda x: 2 * x.flatten(1).sum(1), real, fake).item()
        36.0
    """

    def _penalty(
        self, discriminator: Discriminator, real: Tensor, fake: Tensor, condition: Tensor | None
    ) -> Tensor:
        r1 = functional.half_squared_norm(image_gradient(discriminator, real, self.scalar))
        return r1 + functional.half_squared_norm(image_gradient(discriminator, fake, self.scalar))


def image_gradient(discriminator: Discriminator, image: Tensor, scalar: str = "sum") -> Tensor:
    """Returns the differentiable gradient of each image's logits with respect to the image.

    Examples:
        >>> image_gradient(lambda x: 3 * x, torch.zeros(2, 1, 2, 2), "mean")[0].flatten().tolist()
        [0.75, 0.75, 0.75, 0.75]
    """
    image = image.detach().requires_grad_()
    # Fused attention has no second derivative.
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        scales = [_by_image(logits, len(image)) for logits in scales_of(discriminator(image))]
    # autograd rejects outputs without a gradient, such as a scale of constants.
    weighted = zip(scales, _weights(scales, scalar), strict=True)
    differentiable = [(scale, weight) for scale, weight in weighted if scale.requires_grad]
    gradient = None
    if differentiable:
        outputs, weights = zip(*differentiable, strict=True)
        (gradient,) = torch.autograd.grad(
            outputs, image, weights, create_graph=True, allow_unused=True
        )
    if gradient is None:
        raise OptionError(
            "the discriminator's logits do not depend on the image: it ran under no_grad, or "
            "detached its input",
            see="no-gradient-to-the-generator",
        )
    return gradient


def _by_image(logits: Tensor, images: int) -> Tensor:
    if logits.numel() % images or logits.dim() == 0:
        raise ShapeError(
            f"the discriminator returned logits of shape {tuple(logits.shape)} for {images} "
            "images: a penalty needs logits for each image, with the batch as the first axis"
        )
    return logits.reshape(images, -1)


def _weights(scales: list[Tensor], scalar: str) -> list[Tensor]:
    """Returns the weight of each logit in the scalar of its image."""
    if scalar == "sum":
        return [torch.ones_like(scale) for scale in scales]
    if scalar == "mean":
        return [torch.full_like(s, 1 / (s.shape[1] * len(scales))) for s in scales]
    batch, device = len(scales[0]), scales[0].device
    chosen_scale = torch.randint(len(scales), (batch, 1), device=device)
    weights = []
    for number, scale in enumerate(scales):
        index = torch.randint(scale.shape[1], (batch, 1), device=device)
        one_hot = torch.zeros_like(scale).scatter_(1, index, 1.0)
        weights.append(one_hot * (chosen_scale == number))
    return weights
