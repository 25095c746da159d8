"""Optimizers by name: `OPTIMIZERS.build(name, parameters)`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import nn

from ganblocks.errors import OptionError, require_at_least
from ganblocks.registry import ComponentLike, Registry

OPTIMIZERS: Registry[torch.optim.Optimizer] = Registry("optimizers")
"""Optimizers by name; each is built as `OPTIMIZERS.build(name, parameters)`.

One that reads `found_inf` on the device, as torch's fused ones do, skips a step that is not
finite without waiting for it; of others torch waits, as its own loss scaler does.
"""

Parameters = Iterable[nn.Parameter]


@OPTIMIZERS.register("adam")
def adam(
    parameters: Parameters,
    *,
    lr: float = 2e-4,
    betas: Sequence[float] = (0.5, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled_weight_decay: bool = False,
) -> torch.optim.Adam:
    """Builds torch's Adam, fused where the device has it (Kingma and Ba, ICLR 2015).

    Args:
        parameters: What it moves.
        lr: Learning rate.
        betas: Decay rates of the moments; pix2pix takes 0.5 and 0.999.
        eps: Added to the denominator.
        weight_decay: L2 penalty, added to the gradient.
        decoupled_weight_decay: Whether weights decay by themselves instead, times the rate.

    Raises:
        OptionError: A number is out of its range.

    Examples:
        >>> adam(nn.Linear(1, 1).parameters(), lr=1e-3).defaults["betas"]
        (0.5, 0.999)
    """
    parameters, pair = list(parameters), _betas(betas)
    _require(lr=lr, eps=eps, weight_decay=weight_decay)
    decoupled = {"decoupled_weight_decay": decoupled_weight_decay}
    fused = _can_fuse(parameters)
    return torch.optim.Adam(parameters, lr, pair, eps, weight_decay, fused=fused, **decoupled)


OPTIMIZERS.preset(
    "adamw",
    {"type": "adam", "weight_decay": 0.01, "decoupled_weight_decay": True},
    "Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019)",
)


@OPTIMIZERS.register("sgd")
def sgd(
    parameters: Parameters,
    *,
    lr: float = 1e-2,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
) -> torch.optim.SGD:
    """Builds torch's SGD with momentum, fused where the device has it (Robbins and Monro, 1951).

    Args:
        parameters: What it moves.
        lr: Learning rate.
        momentum: Share of the last update that is added.
        weight_decay: L2 penalty, added to the gradient.
        nesterov: Whether the gradient is taken ahead; it takes momentum.

    Raises:
        OptionError: A number is out of its range.

    Examples:
        >>> sgd(nn.Linear(1, 1).parameters(), lr=0.1).defaults["lr"]
        0.1
    """
    parameters = list(parameters)
    _require(lr=lr, momentum=momentum, weight_decay=weight_decay)
    if nesterov and momentum == 0:
        raise OptionError("nesterov=True takes momentum: write momentum=0.9, or leave it out")
    optimizer = torch.optim.SGD(
        parameters,
        lr,
        momentum,
        weight_decay=weight_decay,
        nesterov=nesterov,
        fused=_can_fuse(parameters),
    )
    # Torch's fused kernel leaves them uninitialized where it skips the first step, and fails
    # where a parameter takes its first gradient later than others.
    for parameter in parameters if momentum else ():
        optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return optimizer


def build_optimizer(optimizer: ComponentLike, parameters: Parameters) -> torch.optim.Optimizer:
    """Builds a player's optimizer.

    Examples:
        >>> build_optimizer({"type": "sgd", "lr": 0.5}, nn.Linear(1, 1).parameters()).defaults["lr"]
        0.5
    """
    parameters = list(parameters)
    if not parameters:
        raise OptionError("an optimizer got no parameters: a player's networks have none to train")
    made = OPTIMIZERS.build(optimizer, parameters)
    if not isinstance(made, torch.optim.Optimizer):
        raise OptionError(
            f"{optimizer!r} made a {type(made).__name__}: a player's optimizer is a name, a spec, "
            "or a callable from parameters to a torch.optim.Optimizer"
        )
    return made


def _betas(betas: Sequence[float]) -> tuple[float, float]:
    sound = isinstance(betas, Sequence) and len(betas) == 2 and not isinstance(betas, str)
    if not sound or not all(isinstance(b, int | float) and 0 <= b < 1 for b in betas):
        raise OptionError(f"betas are {betas!r}: write two numbers from 0 to below 1: [0.5, 0.999]")
    return (float(betas[0]), float(betas[1]))


def _require(**numbers: float) -> None:
    for what, number in numbers.items():
        require_at_least(what, number, 0)


def _can_fuse(parameters: list[nn.Parameter]) -> bool:
    return all(p.device.type in ("cpu", "cuda") for p in parameters)
