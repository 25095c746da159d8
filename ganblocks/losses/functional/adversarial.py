"""Adversarial losses as functions of logits of any shape.

r are the logits of real images, f those of fake ones, σ the logistic function, and softplus(x) =
log(1 + eˣ) = −log σ(−x).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ganblocks.arguments import Floats, checked
from ganblocks.errors import ShapeError, require_one_of
from ganblocks.losses.functional.reducing import REDUCTIONS, reduce

RELATIVISTIC_FORMS = ("logistic", "least_squares", "hinge")
"""φ of the relativistic losses, applied to a difference of logits."""


@checked
def vanilla_discriminator(
    real_logits: Floats,
    fake_logits: Floats,
    *,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Tensor:
    """Binary cross-entropy: mean softplus(−r) + mean softplus(f) (Goodfellow et al., 2014).

    With one-sided label smoothing s, the first term is mean ((1 − s) softplus(−r) + s softplus(r)),
    which equals mean (softplus(−r) + s r) (Salimans et al., 2016, section 3.4).

    Args:
        real_logits: r, of any shape.
        fake_logits: f, of any shape.
        label_smoothing: s, from 0 to 1.
        reduction: `"mean"`, `"sum"` or `"none"`, see `reduce`.

    Examples:
        >>> round(vanilla_discriminator(torch.zeros(3), torch.zeros(5)).item(), 4)  # 2 · log 2
        1.3863
    """
    real = _softplus_of_negative(real_logits)
    if label_smoothing:
        real = real + label_smoothing * real_logits
    return reduce(real, reduction) + reduce(_softplus_of_negative(-fake_logits), reduction)


@checked
def vanilla_generator(fake_logits: Floats, *, reduction: str = "mean") -> Tensor:
    """Non-saturating: mean softplus(−f) (Goodfellow et al., 2014, section 3).

    Args:
        fake_logits: f, of any shape.
        reduction: `"mean"`, `"sum"` or `"none"`, see `reduce`.

    Examples:
        >>> round(vanilla_generator(torch.zeros(3)).item(), 4)  # log 2
        0.6931
    """
    return reduce(_softplus_of_negative(fake_logits), reduction)


@checked
def saturating_generator(fake_logits: Floats, *, reduction: str = "mean") -> Tensor:
    """Minimax: mean log(1 − σ(f)) = −mean softplus(f) (Goodfellow et al., 2014, equation 1).

    Args:
        fake_logits: f, of any shape.
        reduction: `"mean"`, `"sum"` or `"none"`, see `reduce`.

    Examples:
        >>> round(saturating_generator(torch.zeros(3)).item(), 4)  # −log 2
        -0.6931
    """
    return reduce(F.logsigmoid(-fake_logits), reduction)


@checked
def lsgan_discriminator(
    real_logits: Floats,
    fake_logits: Floats,
    *,
    a: float = 0.0,
    b: float = 1.0,
    reduction: str = "mean",
) -> Tensor:
    """Least squares: mean (r − b)² + mean (f − a)² (Mao et al., 2017, equation 2, doubled).

    Args:
        real_logits: r, of any shape.
        fake_logits: f, of any shape.
        a: Target of fake logits.
        b: Target of real logits.
        reduction: `"mean"`, `"sum"` or `"none"`, see `reduce`.

    Examples:
        >>> lsgan_discriminator(torch.ones(2), torch.ones(2)).item()
        1.0
    """
    return _squares(real_logits, b, reduction) + _squares(fake_logits, a, reduction)


@checked
def lsgan_generator(fake_logits: Floats, *, c: float = 1.0, reduction: str = "mean") -> Tensor:
    """Least squares: mean (f − c)² (Mao et al., 2017, equation 2, doubled).

    Args:
        fake_logits: f, of any shape.
        c: Target of fake logits for the generator.
        reduction: `"mean"`, `"sum"` or `"none"`, see `reduce`.

    Examples:
        >>> lsgan_generator(torch.zeros(2)).item()
        1.0
    """
    return _squares(fake_logits, c, reduction)


@checked
def hinge_discriminator(
    real_logits: Floats, fake_logits: Floats, *, reduction: str = "mean"
) -> Tensor:
    """Hinge: mean max(0, 1 − r) + mean max(0, 1 + f) (Lim & Ye, 2017; Miyato et al., 2018).

    Args:
        real_logits: r, of any shape.
        fake_logits: f, of any shape.
        reduction: `"mean"`, `"sum"` or `"none"`, see `reduce`.

    Examples:
        >>> hinge_discriminator(torch.tensor([2.0, 0.0]), torch.tensor([-3.0])).item()
        0.5
    """
    return reduce(F.relu(1 - real_logits), reduction) + reduce(F.relu(1 + fake_logits), reduction)


@checked
def wgan_discriminator(
    real_logits: Floats, fake_logits: Floats, *, reduction: str = "mean"
) -> Tensor:
    """Wasserstein: mean f − mean r (Arjovsky et al., 2017, equation 3); logits are scores.

    Args:
        real_logits: r, of any shape.
        fake_logits: f, of any shape.
        reduction: `"mean"`, `"sum"` or `"none"`, see `reduce`.

    Examples:
        >>> wgan_discriminator(torch.tensor([3.0]), torch.tensor([1.0])).item()
        -2.0
    """
    return reduce(fake_logits, reduction) - reduce(real_logits, reduction)


@checked
def negative_logits(fake_logits: Floats, *, reduction: str = "mean") -> Tensor:
    """−mean f: the generator's loss of Wasserstein and hinge GANs.

    Args:
        fake_logits: f, of any shape.
        reduction: `"mean"`, `"sum"` or `"none"`, see `reduce`.

    Examples:
        >>> negative_logits(torch.tensor([1.0, 3.0])).item()
        -2.0
    """
    return -reduce(fake_logits, reduction)


@checked
def relativistic_paired(
    higher: Floats, lower: Floats, *, form: str = "logistic", reduction: str = "mean"
) -> Tensor:
    """Paired: mean φ(higher − lower), logit by logit (Jolicoeur-Martineau, 2018, equation 7).

    φ(x) is softplus(−x), (x − 1)² or max(0, 1 − x). The discriminator takes (r, f), the
    generator (f, r); the logistic form is the loss of R3GAN (Huang et al., 2024, equation 2).

    Args:
        higher: Logits that should be higher.
        lower: Logits that should be lower, of the same shape.
        form: φ: `"logistic"`, `"least_squares"` or `"hinge"`.
        reduction: `"mean"`, `"sum"` or `"none"`, see `reduce`.

    Raises:
        OptionError: The form or the reduction is unknown.
        ShapeError: The logits differ in shape.

    Examples:
        >>> relativistic_paired(torch.tensor([2.0]), torch.tensor([1.5]), form="hinge").item()
        0.5
    """
    if higher.shape != lower.shape:
        raise ShapeError(
            f"logits of shapes {tuple(higher.shape)} and {tuple(lower.shape)} cannot be paired: "
            'use as many real as fake images, all of the same size, or the loss "ragan"',
            see="needs-real-logits",
        )
    return reduce(_phi(higher - lower, form), reduction)


@checked
def relativistic_average(
    higher: Floats, lower: Floats, *, form: str = "logistic", reduction: str = "mean"
) -> Tensor:
    """Average: mean φ(higher − mean lower) + mean φ(mean higher − lower).

    φ as in `relativistic_paired`; the means run over the batch and every logit of the map
    (Jolicoeur-Martineau, 2018, equations 8 to 10). The discriminator takes (r, f), the generator
    (f, r).

    Args:
        higher: Logits that should be higher, of any shape.
        lower: Logits that should be lower, of any shape.
        form: φ: `"logistic"`, `"least_squares"` or `"hinge"`.
        reduction: `"mean"`, `"sum"` or `"none"`, see `reduce`.

    Raises:
        OptionError: The form or the reduction is unknown.

    Examples:
        >>> relativistic_average(torch.ones(2), torch.zeros(2), form="least_squares").item()
        0.0
    """
    above = _phi(higher - lower.mean(), form)
    below = _phi(higher.mean() - lower, form)
    return reduce(above, reduction) + reduce(below, reduction)


def _softplus_of_negative(x: Tensor) -> Tensor:
    """Returns softplus(−x): F.softplus returns x itself beyond 20, off by 2e-9, and is slower."""
    return -F.logsigmoid(x)


def _squares(x: Tensor, target: float, reduction: str) -> Tensor:
    require_one_of("reduction", reduction, REDUCTIONS)
    return F.mse_loss(x, torch.full_like(x, target), reduction=reduction)  # in one pass


def _phi(x: Tensor, form: str) -> Tensor:
    require_one_of("form", form, RELATIVISTIC_FORMS)
    if form == "logistic":
        return _softplus_of_negative(x)
    return (x - 1).square() if form == "least_squares" else F.relu(1 - x)
