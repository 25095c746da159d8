"""Gradient penalties: the norm of each image's gradient is held to 0 or to 1."""

from __future__ import annotations

import torch
from torch import Tensor

from ganblocks.errors import require_at_least, require_flag, require_one_of
from ganblocks.losses import functional
from ganblocks.losses.penalties.base import PENALTIES, Judge, Penalty
from ganblocks.losses.penalties.gradient import SCALARS, image_gradient


class GradientPenalty(Penalty):
    """A penalty on the gradient of the logits with respect to the image, image by image."""

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
    (equation 3); weight 10 there.

    Args:
        target: t, the norm aimed at.
        one_sided: Whether only norms above t are penalized (Petzka et al., 2018).
        scalar: What of an image's logits is differentiated: their `"sum"`, as is usual; their
            `"mean"`, which does not grow with the patch map; or one `"logit"`, drawn at random.
        interval: Lazy application, see `Penalty`.

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
        self, judge: Judge, real: Tensor, fake: Tensor, condition: Tensor | None
    ) -> Tensor:
        epsilon = torch.rand(
            len(real), *(1,) * (real.dim() - 1), dtype=real.dtype, device=real.device
        )
        gradient = image_gradient(judge, epsilon * real + (1 - epsilon) * fake, self.scalar)
        return functional.norms_to_target(gradient, target=self.target, one_sided=self.one_sided)


@PENALTIES.register("dragan")
class DRAGANPenalty(GradientPenalty):
    r"""Gradient penalty around real images (Kodali et al., 2017, equation 3).

    $$\overline{(\|\nabla_{\hat x} D(\hat x)\|_2 - t)^2}, \quad
    \hat x = x + c\,\sigma_x\,\mathcal{N}(0, 1)$$

    σ is each image's own standard deviation, so that an image's penalty does not depend on its
    batch.

    Args:
        target: t, the norm aimed at.
        noise: c, the noise as a fraction of the image's standard deviation.
        scalar: What of an image's logits is differentiated: their `"sum"`, as is usual; their
            `"mean"`, which does not grow with the patch map; or one `"logit"`, drawn at random.
        interval: Lazy application, see `Penalty`.

    Raises:
        OptionError: An argument has an invalid value.

    Examples:
        >>> real = torch.rand(4, 1, 3, 3)
        >>> DRAGANPenalty()(lambda x: 2 * x.flatten(1).sum(1) / 3, real, real).item()
        1.0
    """

    def __init__(
        self, *, target: float = 1.0, noise: float = 0.5, scalar: str = "sum", interval: int = 1
    ) -> None:
        super().__init__(scalar=scalar, interval=interval)
        require_at_least("target", target, 0)
        require_at_least("noise", noise, 0)
        self.target = target
        self.noise = noise

    def _penalty(
        self, judge: Judge, real: Tensor, fake: Tensor, condition: Tensor | None
    ) -> Tensor:
        spread = real.flatten(1).std(1, correction=0).view(-1, *(1,) * (real.dim() - 1))
        around = real + self.noise * spread * torch.randn_like(real)
        return functional.norms_to_target(
            image_gradient(judge, around, self.scalar), target=self.target
        )


@PENALTIES.register("r1")
class R1Penalty(GradientPenalty):
    r"""Zero-centered gradient penalty on real images (Mescheder et al., 2018, equation 9).

    $$\tfrac{1}{2}\,\overline{\|\nabla_x D(x)\|_2^2}$$

    Its weight is the paper's gamma: the ½ is here. The norm is a sum over the image's values, not
    a mean, so that gamma grows with the image (StyleGAN2 takes 0.0002 · H·W / batch).

    Args:
        scalar: What of an image's logits is differentiated: their `"sum"`, as is usual; their
            `"mean"`, which does not grow with the patch map; or one `"logit"`, drawn at random.
        interval: Lazy application, see `Penalty`; StyleGAN2 takes 16.

    Raises:
        OptionError: An argument has an invalid value.

    Examples:
        >>> real = torch.rand(4, 1, 3, 3)
        >>> R1Penalty()(lambda x: 2 * x.flatten(1).sum(1), real, real).item()  # ½ · 9 · 2²
        18.0
    """

    def _penalty(
        self, judge: Judge, real: Tensor, fake: Tensor, condition: Tensor | None
    ) -> Tensor:
        return functional.half_squared_norm(image_gradient(judge, real, self.scalar))


@PENALTIES.register("r2")
class R2Penalty(GradientPenalty):
    r"""Zero-centered gradient penalty on generated images (Mescheder et al., 2018, equation 10).

    $$\tfrac{1}{2}\,\overline{\|\nabla_{\tilde x} D(\tilde x)\|_2^2}$$

    Args:
        scalar: What of an image's logits is differentiated: their `"sum"`, as is usual; their
            `"mean"`, which does not grow with the patch map; or one `"logit"`, drawn at random.
        interval: Lazy application, see `Penalty`.

    Raises:
        OptionError: An argument has an invalid value.

    Examples:
        >>> fake = torch.rand(4, 1, 3, 3)
        >>> R2Penalty()(lambda x: 2 * x.flatten(1).sum(1), fake, fake).item()
        18.0
    """

    def _penalty(
        self, judge: Judge, real: Tensor, fake: Tensor, condition: Tensor | None
    ) -> Tensor:
        return functional.half_squared_norm(image_gradient(judge, fake, self.scalar))


@PENALTIES.register("r1_r2")
class R1R2Penalty(GradientPenalty):
    r"""R1 and R2 added: with the loss `rpgan` that of R3GAN (Huang et al., 2024, section 2).

    $$\tfrac{1}{2}\,\overline{\|\nabla_x D(x)\|_2^2} +
    \tfrac{1}{2}\,\overline{\|\nabla_{\tilde x} D(\tilde x)\|_2^2}$$

    Args:
        scalar: What of an image's logits is differentiated: their `"sum"`, as is usual; their
            `"mean"`, which does not grow with the patch map; or one `"logit"`, drawn at random.
        interval: Lazy application, see `Penalty`.

    Raises:
        OptionError: An argument has an invalid value.

    Examples:
        >>> real, fake = torch.rand(2, 4, 1, 3, 3)
        >>> R1R2Penalty()(lambda x: 2 * x.flatten(1).sum(1), real, fake).item()
        36.0
    """

    def _penalty(
        self, judge: Judge, real: Tensor, fake: Tensor, condition: Tensor | None
    ) -> Tensor:
        on_real = functional.half_squared_norm(image_gradient(judge, real, self.scalar))
        return on_real + functional.half_squared_norm(image_gradient(judge, fake, self.scalar))
