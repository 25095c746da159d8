"""Measures each loss against the plainest torch expression of it, forward and backward.

python benchmarks/losses.py --record

Logits are a map (16, 1, 30, 30), images (16, 3, 64, 64). The two run in turn, and the median of the
ratios of neighboring runs is printed: it should be at most 1.1.
"""

import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from recording import flags, report
from torch import Tensor

from ganblocks import ADVERSARIAL_LOSSES, PENALTIES, RECONSTRUCTION_LOSSES, PatchDiscriminator
from ganblocks.cli import run_command

Expression = Callable[[Tensor, Tensor], Tensor]


def bce(logits: Tensor, target: float) -> Tensor:
    """Returns the cross-entropy with one target, as scripts compute it."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def squares(logits: Tensor, target: float) -> Tensor:
    """Returns the mean squared error with one target, as scripts compute it."""
    return F.mse_loss(logits, torch.full_like(logits, target))


PLAIN_D: dict[str, Expression] = {
    "vanilla": lambda r, f: bce(r, 1.0) + bce(f, 0.0),
    "saturating": lambda r, f: bce(r, 1.0) + bce(f, 0.0),
    "lsgan": lambda r, f: squares(r, 1.0) + squares(f, 0.0),
    "hinge": lambda r, f: F.relu(1 - r).mean() + F.relu(1 + f).mean(),
    "wgan": lambda r, f: f.mean() - r.mean(),
    "rpgan": lambda r, f: F.softplus(f - r).mean(),
    "ragan": lambda r, f: F.softplus(f.mean() - r).mean() + F.softplus(f - r.mean()).mean(),
}
PLAIN_G: dict[str, Expression] = {
    "vanilla": lambda r, f: bce(f, 1.0),
    "saturating": lambda r, f: -bce(f, 0.0),
    "lsgan": lambda r, f: squares(f, 1.0),
    "hinge": lambda r, f: -f.mean(),
    "wgan": lambda r, f: -f.mean(),
    "rpgan": lambda r, f: F.softplus(r - f).mean(),
    "ragan": lambda r, f: F.softplus(r.mean() - f).mean() + F.softplus(r - f.mean()).mean(),
}


def window(x: Tensor) -> Tensor:
    """Takes means over 11×11 Gaussian windows, as scripts compute them."""
    bell = torch.softmax(-((torch.arange(11.0) - 5) ** 2) / (2 * 1.5**2), 0)
    return F.conv2d(x, torch.outer(bell, bell).expand(x.shape[1], 1, -1, -1), groups=x.shape[1])


def ssim(y: Tensor, t: Tensor) -> Tensor:
    """Returns 1 minus the structural similarity, as scripts write it."""
    y, t = (y + 1) / 2, (t + 1) / 2
    c1, c2 = 0.01**2, 0.03**2
    mean_y, mean_t = window(y), window(t)
    var_y, var_t = window(y * y) - mean_y**2, window(t * t) - mean_t**2
    cov = window(y * t) - mean_y * mean_t
    top = (2 * mean_y * mean_t + c1) * (2 * cov + c2)
    return 1 - (top / ((mean_y**2 + mean_t**2 + c1) * (var_y + var_t + c2))).mean()


def edges(y: Tensor, t: Tensor) -> Tensor:
    """Returns the gradient difference loss, as scripts compute it."""
    down = y.diff(dim=-2).abs() - t.diff(dim=-2).abs()
    across = y.diff(dim=-1).abs() - t.diff(dim=-1).abs()
    return down.abs().mean() + across.abs().mean()


def focal_frequency(y: Tensor, t: Tensor) -> Tensor:
    """Returns the focal frequency loss, as scripts compute it."""
    off: Tensor = torch.fft.fft2(y, norm="ortho") - torch.fft.fft2(t, norm="ortho")
    distance = off.real**2 + off.imag**2
    weight = distance.detach().sqrt()
    return (weight / weight.amax((-2, -1), keepdim=True) * distance).mean()


PLAIN_IMAGES: dict[str, Expression] = {
    "l1": lambda y, t: F.l1_loss(y, t),
    "l2": lambda y, t: F.mse_loss(y, t),
    "charbonnier": lambda y, t: ((y - t).square() + 1e-6).sqrt().mean(),
    "huber": lambda y, t: F.huber_loss(y, t),
    "total_variation": lambda y, t: y.diff(dim=-2).abs().mean() + y.diff(dim=-1).abs().mean(),
    "gradient_difference": edges,
    "ssim": ssim,
    "focal_frequency": focal_frequency,
}


def seconds(expression: Expression, *tensors: Tensor) -> float:
    """Times one forward and backward."""
    for x in tensors:
        x.grad = None
    start = time.perf_counter()
    expression(*tensors).backward()
    return time.perf_counter() - start


def ratio(ours: Expression, plain: Expression, tensors: tuple[Tensor, ...], rounds: int) -> float:
    """Returns the median of the ratios of neighboring runs, in alternating order."""
    ratios = []
    for number in range(rounds):
        pair = [ours, plain] if number % 2 else [plain, ours]
        times = {id(e): seconds(e, *tensors) for e in pair}
        ratios.append(times[id(ours)] / times[id(plain)])
    return statistics.median(ratios[rounds // 10 :])


def gradient(discriminator: torch.nn.Module, image: Tensor) -> Tensor:
    """Differentiates the logits, as scripts compute it."""
    image = image.detach().requires_grad_()
    logits = discriminator(image).sum()
    return torch.autograd.grad(logits, image, create_graph=True)[0].flatten(1)


def plain_r1(discriminator: torch.nn.Module, image: Tensor) -> Tensor:
    """R1 as scripts compute it."""
    return gradient(discriminator, image).square().sum(1).mean() / 2


def plain_wgan_gp(discriminator: torch.nn.Module, image: Tensor) -> Tensor:
    """The penalty of WGAN-GP as scripts compute it, real and fake images alike."""
    share = torch.rand(len(image), 1, 1, 1)
    between = share * image + (1 - share) * image
    norms: Tensor = gradient(discriminator, between).norm(2, dim=1)  # type: ignore[no-untyped-call]
    return (norms - 1).square().mean()


def plain_r1_r2(discriminator: torch.nn.Module, image: Tensor) -> Tensor:
    """R1 and R2 as scripts compute them, real and fake images alike."""
    return plain_r1(discriminator, image) + plain_r1(discriminator, image)


def plain_dragan(discriminator: torch.nn.Module, image: Tensor) -> Tensor:
    """The penalty of DRAGAN as scripts compute it, with each image's own deviation."""
    spread = image.flatten(1).std(1, correction=0).view(-1, 1, 1, 1)
    around = image + 0.5 * spread * torch.randn_like(image)
    norms: Tensor = gradient(discriminator, around).norm(2, dim=1)  # type: ignore[no-untyped-call]
    return (norms - 1).square().mean()


def plain_lecam(discriminator: torch.nn.Module, image: Tensor) -> Tensor:
    """LeCam's penalty as scripts compute it, on equal images, with given averages."""
    real: Tensor = discriminator(image)
    fake: Tensor = discriminator(image)
    return (real - 0.1).square().mean() + (fake - 0.1).square().mean()


PLAIN_PENALTIES = {
    "r1": plain_r1,
    "r2": plain_r1,
    "r1_r2": plain_r1_r2,
    "wgan_gp": plain_wgan_gp,
    "dragan": plain_dragan,
    "lecam": plain_lecam,
}


def main() -> None:
    """Prints the ratio of each."""
    parser = flags(__doc__)
    parser.add_argument("--rounds", type=int, default=400)
    options = parser.parse_args()
    rounds = options.rounds
    torch.manual_seed(0)
    rows = []
    logits = tuple(x.requires_grad_() for x in torch.randn(2, 16, 1, 30, 30))
    for name in ADVERSARIAL_LOSSES.names():
        loss = ADVERSARIAL_LOSSES.build(name)
        d = ratio(loss.discriminator, PLAIN_D[name], logits, rounds)
        g = ratio(lambda r, f, x=loss: x.generator(f, r), PLAIN_G[name], logits, rounds)  # type: ignore[misc]
        rows.append((f"`{name}`", f"D {d:.2f}, G {g:.2f}"))
    images = tuple(x.requires_grad_() for x in torch.randn(2, 16, 3, 64, 64))
    for name, plain in PLAIN_IMAGES.items():
        got = ratio(RECONSTRUCTION_LOSSES.build(name), plain, images, rounds)
        rows.append((f"`{name}`", f"{got:.2f}"))
    critic = PatchDiscriminator(3, base_channels=8, norm="none")
    shown = (torch.randn(4, 3, 64, 64),)
    for name, plain_penalty in PLAIN_PENALTIES.items():
        penalty = PENALTIES.build(name)
        got = ratio(
            lambda x, p=penalty: p(critic, x, x),  # type: ignore[misc]
            lambda x, p=plain_penalty: p(critic, x),  # type: ignore[misc]
            shown,
            rounds // 4,
        )
        rows.append((f"`{name}`", f"{got:.2f}"))
    report(
        "Losses and penalties",
        ("name", "time, as a multiple of the plain expression's"),
        rows,
        f"""Forward and backward; median of {rounds} ratios, {rounds // 4} for the penalties.
        Logits (16, 1, 30, 30), images (16, 3, 64, 64); penalties on a PatchGAN of 8 base channels
        and 4 images.""",
        record=options.record,
    )


if __name__ == "__main__":
    run_command(main)
