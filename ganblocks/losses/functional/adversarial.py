"""Adversarial losses: each formula once, over logits of any shape.

r are the logits of real images, f those of fake ones, σ the logistic function, and
softplus(x) = log(1 + eˣ) = −log σ(−x). Every function takes the words of `reduce`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ganblocks.errors import ShapeError, require_one_of
from ganblocks.losses.functional.reducing import REDUCTIONS, reduce

FORMS = ("logistic", "least_squares", "hinge")
"""What relativistic losses make of a difference of logits."""


def vanilla_discriminator(
    real_logits: Tensor,
    fake_logits: Tensor,
    *,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Tensor:
    """Binary cross-entropy: mean softplus(−r) + mean softplus(f) (Goodfellow et al., 2014).

    With one-sided label smoothing s the real half is mean ((1 − s) softplus(−r) + s softplus(r)),
    which equals mean (softplus(−r) + s r) (Salimans et al., 2016, section 3.4).

    Args:
        real_logits: r, of any shape.
        fake_logits: f, of any shape.
        label_smoothing: s, from 0 to 1.
        reduction: `"mean"`, `"sum"` or `"none"`, see `reduce`.

    Raises:
        OptionError: The reduction is another word.

    Examples:
        >>> import torch
        >>> round(vanilla_discriminator(torch.zeros(3), torch.zeros(5)).item(), 4)  # 2 · log 2
        1.3863
    """
    real = _surprise(real_logits)
    if label_smoothing:
        real = real + label_smoothing * real_logits
    return reduce(real, reduction) + reduce(_surprise(-fake_logits), reduction)


def vanilla_generator(fake_logits: Tensor, *, reduction: str = "mean") -> Tensor:
    """Non-saturating: mean softplus(−f) (Goodfellow et al., 2014, section 3).

    Args:
        fake_logits: f, of any shape.
        reduction: `"mean"`, `"sum"` or `"none"`, see `reduce`.

    Raises:
        OptionError: The reduction is another word.

    Examples:
        >>> import torch
        >>> round(vanilla_generator(torch.zeros(3)).item(), 4)  # log 2
        0.6931
    """
    return reduce(_surprise(fake_logits), reduction)


def saturating_generator(fake_logits: Tensor, *, reduction: str = "mean") -> Tensor:
    """Minimax: mean log(1 − σ(f)) = −mean softplus(f) (Goodfellow et al., 2014, equation 1).

    Args:
        fake_logits: f, of any shape.
        reduction: `"mean"`, `"sum"` or `"none"`, see `reduce`.

    Raises:
        OptionError: The reduction is another word.

    Examples:
        >>> import torch
        >>> round(saturating_generator(torch.zeros(3)).item(), 4)  # −log 2
        -0.6931
    """
    return reduce(F.logsigmoid(-fake_logits), reduction)


def lsgan_discriminator(
    real_logits: Tensor,
    fake_logits: Tensor,
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

    Raises:
        OptionError: The reduction is another word.

    Examples:
        >>> import torch
        >>> lsgan_discriminator(torch.ones(2), torch.ones(2)).item()
        1.0
    """
    return _squares(real_logits, b, reduction) + _squares(fake_logits, a, reduction)


def lsgan_generator(fake_logits: Tensor, *, c: float = 1.0, reduction: str = "mean") -> Tensor:
    """Least squares: mean (f − c)² (Mao et al., 2017, equation 2, doubled).

    Args:
        fake_logits: f, of any shape.
        c: What the generator wants its logits to be.
        reduction: `"mean"`, `"sum"` or `"none"`, see `reduce`.

    Raises:
        OptionError: The reduction is another word.

    Examples:
        >>> import torch
        >>> lsgan_generator(torch.zeros(2)).item()
        1.0
    """
    return _squares(fake_logits, c, reduction)


def hinge_discriminator(
    real_logits: Tensor, fake_logits: Tensor, *, reduction: str = "mean"
) -> Tensor:
    """Hinge: mean max(0, 1 − r) + mean max(0, 1 + f) (Lim & Ye, 2017; Miyato et al., 2018).

    Args:
        real_logits: r, of any shape.
        fake_logits: f, of any shape.
        reduction: `"mean"`, `"sum"` or `"none"`, see `reduce`.

    Raises:
        OptionError: The reduction is another word.

    Examples:
        >>> import torch
        >>> hinge_discriminator(torch.tensor([2.0, 0.0]), torch.tensor([-3.0])).item()
        0.5
    """
    return reduce(F.relu(1 - real_logits), reduction) + reduce(F.relu(1 + fake_logits), reduction)


def wgan_discriminator(
    real_logits: Tensor, fake_logits: Tensor, *, reduction: str = "mean"
) -> Tensor:
    """Wasserstein: mean f − mean r (Arjovsky et al., 2017, equation 3); logits are scores.

    Args:
        real_logits: r, of any shape.
        fake_logits: f, of any shape.
        reduction: `"mean"`, `"sum"` or `"none"`, see `reduce`.

    Raises:
        OptionError: The reduction is another word.

    Examples:
        >>> import torch
        >>> wgan_discriminator(torch.tensor([3.0]), torch.tensor([1.0])).item()
        -2.0
    """
    return reduce(fake_logits, reduction) - reduce(real_logits, reduction)


def negative_logits(fake_logits: Tensor, *, reduction: str = "mean") -> Tensor:
    """Returns −mean f: the generator's loss in the Wasserstein and the hinge GAN.

    Args:
        fake_logits: f, of any shape.
        reduction: `"mean"`, `"sum"` or `"none"`, see `reduce`.

    Raises:
        OptionError: The reduction is another word.

    Examples:
        >>> import torch
        >>> negative_logits(torch.tensor([1.0, 3.0])).item()
        -2.0
    """
    return -reduce(fake_logits, reduction)


def relativistic_paired(
    better: Tensor, worse: Tensor, *, form: str = "logistic", reduction: str = "mean"
) -> Tensor:
    """Paired: mean φ(better − worse), logit by logit (Jolicoeur-Martineau, 2018, equation 7).

    φ(x) is softplus(−x), (x − 1)² or max(0, 1 − x). The discriminator takes (r, f), the
    generator (f, r); the logistic form is the loss of R3GAN (Huang et al., 2024, equation 2).

    Args:
        better: Logits that are to lie higher.
        worse: Logits that are to lie lower, of the same shape.
        form: φ: `"logistic"`, `"least_squares"` or `"hinge"`.
        reduction: `"mean"`, `"sum"` or `"none"`, see `reduce`.

    Raises:
        OptionError: The form or the reduction is another word.
        ShapeError: The logits differ in shape, so that they do not make pairs.

    Examples:
        >>> import torch
        >>> relativistic_paired(torch.tensor([2.0]), torch.tensor([1.5]), form="hinge").item()
        0.5
    """
    if better.shape != worse.shape:
        raise ShapeError(
            f"logits of shape {tuple(better.shape)} and {tuple(worse.shape)} make no pairs: judge "
            'as many real as fake images, of one size, or take "ragan"',
            see="needs-real-logits",
        )
    return reduce(_margin(better - worse, form), reduction)


def relativistic_average(
    better: Tensor, worse: Tensor, *, form: str = "logistic", reduction: str = "mean"
) -> Tensor:
    """Average: mean φ(better − mean worse) + mean φ(mean better − worse).

    φ as in `relativistic_paired`; the means run over the batch and every logit of the map
    (Jolicoeur-Martineau, 2018, equations 8 to 10). The discriminator takes (r, f), the generator
    (f, r).

    Args:
        better: Logits that are to lie higher, of any shape.
        worse: Logits that are to lie lower, of any shape.
        form: φ: `"logistic"`, `"least_squares"` or `"hinge"`.
        reduction: `"mean"`, `"sum"` or `"none"`, see `reduce`.

    Raises:
        OptionError: The form or the reduction is another word.

    Examples:
        >>> import torch
        >>> relativistic_average(torch.ones(2), torch.zeros(2), form="least_squares").item()
        0.0
    """
    above = _margin(better - worse.mean(), form)
    below = _margin(better.mean() - worse, form)
    return reduce(above, reduction) + reduce(below, reduction)


def _surprise(x: Tensor) -> Tensor:
    """Returns softplus(−x). F.softplus is x itself beyond 20, which is off by 2e-9, and slower."""
    return -F.logsigmoid(x)


def _squares(x: Tensor, target: float, reduction: str) -> Tensor:
    require_one_of("reduction", reduction, REDUCTIONS)
    return F.mse_loss(x, torch.full_like(x, target), reduction=reduction)  # in one pass


def _margin(x: Tensor, form: str) -> Tensor:
    require_one_of("form", form, FORMS)
    if form == "logistic":
        return _surprise(x)
    return (x - 1).square() if form == "least_squares" else F.relu(1 - x)
