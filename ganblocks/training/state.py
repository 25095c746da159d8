"""All that a training changes from step to step, in one object."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from ganblocks.checkpoints import fitting_weights, plain_state_dict
from ganblocks.errors import GanBlocksWarning, RunError, listed

_KEYS = ("step", "generator", "discriminator", "optimizer_g", "optimizer_d", "rng", "rng_cuda")


class TrainState:
    """Both networks, both optimisers, the step, and the random state.

    Args:
        generator: The generator, on its device. A compiled or otherwise wrapped one trains and
            is saved under plain keys, but its state is loaded into plain networks alone.
        discriminator: The discriminator, on the same device; the same holds for it.
        lr: Learning rate of both Adams.
        betas: Their decay rates; pix2pix takes 0.5 and 0.999.

    Examples:
        >>> state = TrainState(nn.Conv2d(3, 3, 1), nn.Conv2d(6, 1, 1), lr=1e-3)
        >>> state.step
        0
        >>> state.set_lr_factor(0.5)
        >>> saved = state.state_dict()
        >>> state.load_state_dict(saved)
        >>> state.lr
        0.0005
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        lr: float = 2e-4,
        betas: tuple[float, float] = (0.5, 0.999),
    ) -> None:
        self.generator = generator
        self.discriminator = discriminator
        self.optimizer_g = _adam(generator, lr, betas)
        self.optimizer_d = _adam(discriminator, lr, betas)
        self.base_lr = lr
        self.step = 0

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.generator.parameters()).device

    @property
    def lr(self) -> float:
        """The learning rate in force."""
        return float(self.optimizer_g.param_groups[0]["lr"])

    def set_lr_factor(self, factor: float) -> None:
        """Sets the learning rate to a multiple of the one it began with.

        Args:
            factor: The multiple, the same for both optimisers.
        """
        for optimizer in (self.optimizer_g, self.optimizer_d):
            for group in optimizer.param_groups:
                group["lr"] = self.base_lr * factor

    def state_dict(self) -> dict[str, Any]:
        """Gives everything that a resumed training needs, as tensors and numbers."""
        return {
            "step": self.step,
            "generator": plain_state_dict(self.generator),
            "discriminator": plain_state_dict(self.discriminator),
            "optimizer_g": self.optimizer_g.state_dict(),
            "optimizer_d": self.optimizer_d.state_dict(),
            "rng": torch.get_rng_state(),
            "rng_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }

    def load_state_dict(self, state: dict[str, Any], source: str = "the checkpoint") -> None:
        """Puts everything back as it was.

        Args:
            state: What `state_dict` gave.
            source: Where it came from, for the message of an error.

        Raises:
            RunError: A part is missing or another model's; the networks are unchanged then.
        """
        if missing := [key for key in _KEYS if key not in state]:
            raise RunError(
                f"{source} lacks {listed(missing)}: it is no checkpoint of ours", see="resume"
            )
        networks = [(self.generator, "generator"), (self.discriminator, "discriminator")]
        fitting = [(n, fitting_weights(n, state[name], source)) for n, name in networks]
        for network, weights in fitting:
            network.load_state_dict(weights)
        self.optimizer_g.load_state_dict(state["optimizer_g"])
        self.optimizer_d.load_state_dict(state["optimizer_d"])
        self.step = int(state["step"])
        torch.set_rng_state(state["rng"])
        if len(state["rng_cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(state["rng_cuda"])
        else:
            warnings.warn(
                f"{source} was written with {len(state['rng_cuda'])} GPUs in sight and is read "
                f"with {torch.cuda.device_count()}: draws on them go on from another state",
                GanBlocksWarning,
                stacklevel=2,
            )


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Keeps gradients from a network's parameters inside the block; they still pass through."""
    trained = [p for p in network.parameters() if p.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)


def _adam(network: nn.Module, lr: float, betas: tuple[float, float]) -> torch.optim.Adam:
    parameters = list(network.parameters())
    fused = all(p.device.type in ("cpu", "cuda") for p in parameters)
    return torch.optim.Adam(parameters, lr=lr, betas=betas, fused=fused)
