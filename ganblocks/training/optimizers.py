"""Optimizers by name: `OPTIMIZERS.build(name, parameters)`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from ganblocks.errors import OptionError, require_at_least
from ganblocks.registry import ComponentLike, Registry

OPTIMIZERS: Registry[torch.optim.Optimizer] = Registry("optimizers")
"""Optimizers by name; each is built as `OPTIMIZERS.build(name, parameters)`.

Torch's fused optimizers skip a non-finite step without waiting for the device; for others, the step
waits, as in torch's loss scaler.
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
    """Returns torch's Adam, fused where the device supports it (Kingma and Ba, ICLR 2015).

    Args:
        parameters: The parameters to optimize.
        lr: Learning rate.
        betas: Decay rates of the moments; pix2pix uses 0.5 and 0.999.
        eps: Added to the denominator.
        weight_decay: L2 penalty, added to the gradient.
        decoupled_weight_decay: Whether weight decay bypasses the moments, as in AdamW.

    Raises:
        OptionError: A number is out of range.

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
    """Returns torch's SGD, fused where the device supports it (Robbins and Monro, 1951).

    Args:
        parameters: The parameters to optimize.
        lr: Learning rate.
        momentum: Fraction of the previous update that is added.
        weight_decay: L2 penalty, added to the gradient.
        nesterov: Whether to use Nesterov momentum.

    Raises:
        OptionError: A number is out of range.

    Examples:
        >>> sgd(nn.Linear(1, 1).parameters(), lr=0.1).defaults["lr"]
        0.1
    """
    parameters = list(parameters)
    _require(lr=lr, momentum=momentum, weight_decay=weight_decay)
    if nesterov and momentum == 0:
        raise OptionError("nesterov=True needs momentum: write momentum=0.9, or nesterov=False")
    optimizer = torch.optim.SGD(
        parameters,
        lr,
        momentum,
        weight_decay=weight_decay,
        nesterov=nesterov,
        # Torch's fused SGD takes no sharded parameters.
        fused=_can_fuse(parameters) and not any(hasattr(p, "full_tensor") for p in parameters),
    )
    # Torch's fused kernel leaves them uninitialized if it skips the first step, and fails if a
    # parameter gets its first gradient later than others.
    for parameter in parameters if momentum else ():
        optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return optimizer


def build_optimizer(optimizer: ComponentLike, parameters: Parameters) -> torch.optim.Optimizer:
    """Builds a player's optimizer."""
    parameters = list(parameters)
    if not parameters:
        raise OptionError("an optimizer got no parameters: the networks of a player have none")
    built = OPTIMIZERS.build(optimizer, parameters)
    if not isinstance(built, torch.optim.Optimizer):
        raise OptionError(
            f"{optimizer!r} returned a {type(built).__name__}: a player's optimizer must be a "
            "name, a spec, or a callable that takes parameters and returns a torch.optim.Optimizer"
        )
    return built


def skips_on_device(optimizer: torch.optim.Optimizer) -> bool:
    """Returns whether an optimizer can skip a step if a flag on the device is set."""
    return getattr(optimizer, "_step_supports_amp_scaling", False)


def step_unless(optimizer: torch.optim.Optimizer, failed: Tensor) -> None:
    """Steps an optimizer unless the flag is set; only fused ones read the flag on the device."""
    if not skips_on_device(optimizer):
        if not failed:
            optimizer.step()
        return
    # As in torch's loss scaler, fused kernels change nothing if found_inf is 1.
    optimizer.grad_scale, optimizer.found_inf = None, failed.float()  # type: ignore[attr-defined]
    parameters = [p for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
    new = [p for p in parameters if p not in optimizer.state]
    optimizer.step()
    del optimizer.grad_scale, optimizer.found_inf  # type: ignore[attr-defined]
    for p in new:  # a skipped first step leaves SGD's moments uninitialized
        for value in optimizer.state.get(p, {}).values():
            if isinstance(value, Tensor):
                local = value.to_local() if hasattr(value, "to_local") else value
                local.masked_fill_(failed, 0)


def _betas(betas: Sequence[float]) -> tuple[float, float]:
    is_pair = isinstance(betas, Sequence) and len(betas) == 2 and not isinstance(betas, str)
    if not is_pair or not all(isinstance(b, int | float) and 0 <= b < 1 for b in betas):
        raise OptionError(f"betas are {betas!r}: write two numbers in [0, 1), such as [0.5, 0.999]")
    return (float(betas[0]), float(betas[1]))


def _require(**numbers: float) -> None:
    for what, number in numbers.items():
        require_at_least(what, number, 0)


def _can_fuse(parameters: list[nn.Parameter]) -> bool:
    return all(p.device.type in ("cpu", "cuda") and p.is_floating_point() for p in parameters)
