"""Each formula once, as a function of tensors."""

import torch.nn.functional as F
from torch import Tensor


def full_precision(x: Tensor) -> Tensor:
    """Gives half-precision values as fp32, in which a mean keeps its digits; others unchanged.

    Example:
        >>> import torch
        >>> full_precision(torch.zeros(1, dtype=torch.bfloat16)).dtype
        torch.float32
    """
    return x.float() if x.element_size() < 4 else x


def vanilla_discriminator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Binary cross-entropy: mean softplus(−r) + mean softplus(f) (Goodfellow et al., 2014).

    Example:
        >>> import torch
        >>> round(vanilla_discriminator(torch.zeros(3), torch.zeros(5)).item(), 4)  # 2 · log 2
        1.3863
    """
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def vanilla_generator(fake_logits: Tensor) -> Tensor:
    """Non-saturating: mean softplus(−f) (Goodfellow et al., 2014, section 3).

    Example:
        >>> import torch
        >>> round(vanilla_generator(torch.zeros(3)).item(), 4)  # log 2
        0.6931
    """
    return F.softplus(-fake_logits).mean()


def lsgan_discriminator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Least squares: mean (r − 1)² + mean f² (Mao et al., 2017).

    Example:
        >>> import torch
        >>> lsgan_discriminator(torch.ones(2), torch.ones(2)).item()
        1.0
    """
    return (real_logits - 1).square().mean() + fake_logits.square().mean()


def lsgan_generator(fake_logits: Tensor) -> Tensor:
    """Least squares: mean (f − 1)² (Mao et al., 2017).

    Example:
        >>> import torch
        >>> lsgan_generator(torch.zeros(2)).item()
        1.0
    """
    return (fake_logits - 1).square().mean()


def l1(output: Tensor, target: Tensor) -> Tensor:
    """Mean |output − target| over every value.

    Example:
        >>> import torch
        >>> l1(torch.zeros(2), torch.tensor([1.0, -3.0])).item()
        2.0
    """
    return F.l1_loss(output, target)
