"""All that a training changes from step to step, in one object."""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ganblocks.checkpoints import fitting_weights, plain_state_dict
from ganblocks.data.seeding import seeded_generator
from ganblocks.errors import (
    GanBlocksWarning,
    OptionError,
    RunError,
    listed,
    require_at_least,
    require_count,
)
from ganblocks.training.ema import EMA
from ganblocks.training.guard import Guard
from ganblocks.training.pool import ImagePool
from ganblocks.training.randomness import random_state, set_random_state
from ganblocks.training.sharding import (
    is_sharded,
    load_whole,
    load_whole_optimizer,
    shard,
    whole_optimizer_state,
    whole_state_dict,
)

# Each process keeps its buffers: to write rank 0's into them would break the graph of a
# discriminator that runs twice before its backward pass. Newer torch has another word for it.
_WORDS = inspect.signature(DistributedDataParallel).parameters
_OWN_BUFFERS: dict[str, Any] = {
    ("forward_sync_buffers" if "forward_sync_buffers" in _WORDS else "broadcast_buffers"): False
}

_KEYS = (
    *("step", "epoch", "position", "generator", "discriminator", "optimizer_g", "optimizer_d"),
    *("ema", "scalers", "best", "knobs", "ranks"),
)


class TrainState:
    """Both networks, both optimisers, and whatever else a resumed training must find again.

    `step` counts updates; `epoch` and `position` (images of the epoch that were seen, on all
    devices together) say where in the data it is; `best` is the lowest value of `fit`'s `best_by`,
    or None, and `best_step` where it was.

    Args:
        generator: The generator, on its device, plain: `compile` and `distribute` wrap its calls.
        discriminator: The discriminator, on the same device, likewise.
        lr: Learning rate of the generator's Adam.
        lr_discriminator: That of the discriminator's; None takes the same. Two rates are the
            two time-scale update rule (Heusel et al., NeurIPS 2017).
        betas: Their decay rates; pix2pix takes 0.5 and 0.999.
        clip_norm: Gradients of each network with a larger L2 norm are scaled down to this one;
            None leaves them.
        ema_decay: Keeps a running average of the generator, see `EMA`, which pictures and weights
            are then made of; None keeps none.
        pool_size: Generated images that the discriminator may see again, see `ImagePool`; 0 keeps
            none.
        shard_generator: Leaves each of the joined processes a part of the generator's weights, of
            their gradients, moments and average (FSDP2), for one that does not fit on a device.
            Hand it in on the CPU then; the discriminator says which device it goes to.
        seed: Seed of the image pool.

    Raises:
        OptionError: A number is out of its range, or there are no processes to share a generator.

    Examples:
        >>> state = TrainState(nn.Conv2d(3, 3, 1), nn.Conv2d(6, 1, 1), lr=1e-3)
        >>> state.step
        0
        >>> state.set_lr_factor(0.5)
        >>> saved = state.state_dict()
        >>> state.load_state_dict(saved)
        >>> state.lr
        0.0005
        >>> state.compile(backend="eager")
        >>> state.call("generator")(torch.zeros(1, 3, 8, 8)).shape
        torch.Size([1, 3, 8, 8])
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        lr: float = 2e-4,
        lr_discriminator: float | None = None,
        betas: tuple[float, float] = (0.5, 0.999),
        clip_norm: float | None = None,
        ema_decay: float | None = None,
        pool_size: int = 0,
        shard_generator: bool = False,
        seed: int = 0,
    ) -> None:
        require_count("pool_size", pool_size, 0)
        for what, number in [("clip_norm", clip_norm), ("lr_discriminator", lr_discriminator)]:
            if number is not None:
                require_at_least(what, number, 0)
        if clip_norm == 0:
            raise OptionError("clip_norm is 0, with which nothing moves: write None, or above 0")
        self.generator = generator
        self.discriminator = discriminator
        self.ema = None if ema_decay is None else EMA(generator, ema_decay)
        self._whole = copy.deepcopy(generator).cpu() if shard_generator else None
        if shard_generator:
            device = next(discriminator.parameters()).device
            for network in (generator, *([self.ema.network] if self.ema else [])):
                shard(network, device)
        self.base_lr = {"g": lr, "d": lr if lr_discriminator is None else lr_discriminator}
        self.optimizer_g = _adam(generator, self.base_lr["g"], betas)
        self.optimizer_d = _adam(discriminator, self.base_lr["d"], betas)
        self.clip_norm = clip_norm
        self.pool = ImagePool(pool_size, seed=seed) if pool_size else None
        self.scalers: dict[str, torch.amp.GradScaler] = {}
        self.step = self.epoch = self.position = 0
        self.best: float | None = None
        self.best_step = 0
        self._knobs = {
            "lr": self.base_lr["g"],
            "lr_discriminator": self.base_lr["d"],
            "clip_norm": clip_norm,
            "ema_decay": ema_decay,
        }
        self.guard = Guard()
        self._calls: dict[str, Callable[..., Any]] = {}
        self._synced: dict[str, DistributedDataParallel] = {}

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.generator.parameters()).device

    @property
    def lr(self) -> float:
        """The generator's learning rate in force."""
        return float(self.optimizer_g.param_groups[0]["lr"])

    @property
    def lr_discriminator(self) -> float:
        """The discriminator's learning rate in force."""
        return float(self.optimizer_d.param_groups[0]["lr"])

    @property
    def result(self) -> nn.Module:
        """The generator to use: the averaged one where there is an average.

        Of a sharded one it is a copy on the CPU, as `gather` has left it.
        """
        if self._whole is not None:
            return self._whole
        return self.generator if self.ema is None else self.ema.network

    def gather(self) -> None:
        """Brings the parts of a sharded generator together for `result`; all processes must ask."""
        if self._whole is not None:
            weights = whole_state_dict(self.generator if self.ema is None else self.ema.network)
            if weights:  # in the first process
                self._whole.load_state_dict(weights)

    def set_lr_factor(self, factor: float) -> None:
        """Sets both learning rates to a multiple of those they began with.

        Args:
            factor: The multiple, the same for both optimisers.
        """
        for optimizer, base in [
            (self.optimizer_g, self.base_lr["g"]),
            (self.optimizer_d, self.base_lr["d"]),
        ]:
            for group in optimizer.param_groups:
                if isinstance(group["lr"], torch.Tensor):  # a CUDA graph reads it where it lies
                    group["lr"].fill_(base * factor)
                else:
                    group["lr"] = base * factor

    def compile(self, **options: Any) -> None:
        """Compiles both networks' calls; the networks themselves, and their keys, stay plain.

        Args:
            **options: Passed to `torch.compile`.
        """
        self._calls = {
            "generator": torch.compile(self.generator, **options),
            "discriminator": torch.compile(self.discriminator, **options),
        }

    @property
    def compiled(self) -> bool:
        """Whether the networks' calls are compiled."""
        return bool(self._calls)

    def distribute(self) -> None:
        """Makes the gradients of both networks the means over all processes.

        Each process runs the networks on its own pairs. The weights become those of rank 0, and so
        do the buffers before the first step; later ones are each process's own.
        """
        buffers = [b for n in (self.generator, self.discriminator) for b in n.buffers()]
        own = [buffer.clone() for buffer in buffers]
        for name in ("generator", "discriminator"):
            if is_sharded(getattr(self, name)):
                continue  # it shares its gradients itself
            self._synced[name] = DistributedDataParallel(
                self.call(name), gradient_as_bucket_view=True, **_OWN_BUFFERS
            )
        for buffer, value in zip(buffers, own if self.step else [], strict=bool(self.step)):
            buffer.copy_(value)

    def call(self, name: str, *, synced: bool = False) -> Any:
        """Gives what runs a network: itself, compiled or distributed where that was asked for.

        Args:
            name: `"generator"` or `"discriminator"`.
            synced: Whether its gradients are to become the means over all processes.
        """
        plain = self._calls.get(name, getattr(self, name))
        return self._synced.get(name, plain) if synced else plain

    def synchronized(self, name: str, last: bool) -> AbstractContextManager[object]:
        """Opens the context of one part of a batch; gradients go round with the last part alone.

        Args:
            name: `"generator"` or `"discriminator"`.
            last: Whether no further part comes.
        """
        network = getattr(self, name)
        if is_sharded(network):
            network.set_requires_gradient_sync(last)
        if last or name not in self._synced:
            return nullcontext()
        return self._synced[name].no_sync()

    def scaler(self, name: str) -> torch.amp.GradScaler:
        """Gives the loss scaler of one optimiser, which fp16 needs.

        Args:
            name: `"generator"` or `"discriminator"`.
        """
        if name not in self.scalers:
            self.scalers[name] = torch.amp.GradScaler(self.device.type)
        return self.scalers[name]

    def own_state(self) -> dict[str, Any]:
        """Gives what each process of a distributed training has for itself: draws and pool."""
        pool = None if self.pool is None else self.pool.state_dict()
        return {"random": random_state(self.device), "pool": pool}

    def state_dict(self, ranks: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """Gives everything that a resumed training needs, as tensors and numbers.

        Args:
            ranks: `own_state` of every process in the order of their ranks; None where this is
                the only one. With a sharded generator all processes must ask, and the first gets
                the whole.
        """
        return {
            "step": self.step,
            "epoch": self.epoch,
            "position": self.position,
            "best": self.best,
            "best_step": self.best_step,
            "knobs": self._knobs,
            "generator": whole_state_dict(self.generator),
            "discriminator": plain_state_dict(self.discriminator),
            "optimizer_g": whole_optimizer_state(self.generator, self.optimizer_g),
            "optimizer_d": self.optimizer_d.state_dict(),
            "ema": None if self.ema is None else self.ema.state_dict(),
            "scalers": {name: scaler.state_dict() for name, scaler in self.scalers.items()},
            "ranks": [self.own_state()] if ranks is None else ranks,
        }

    def load_state_dict(
        self, state: dict[str, Any], source: str = "the checkpoint", *, rank: int = 0
    ) -> None:
        """Puts everything back as it was.

        Args:
            state: What `state_dict` gave.
            source: Where it came from, for the message of an error.
            rank: Which process of a distributed training this is; its draws and its pool are
                those of the process of that rank. Where there were fewer, the pool is another's
                and the draws begin anew.

        Raises:
            RunError: A part is missing or another model's; the networks are unchanged then.
        """
        if missing := [key for key in _KEYS if key not in state]:
            raise RunError(
                f"{source} lacks {listed(missing)}: it is no checkpoint of ours", see="resume"
            )
        for part, has in [("ema", self.ema), ("pool", self.pool)]:
            saved = state["ema"] if part == "ema" else state["ranks"][0]["pool"]
            if (saved is None) != (has is None):
                there = "has none" if saved is None else "has one"
                raise RunError(
                    f"{source}: {there} of {part}, and this training {'has' if has else 'not'}. "
                    "Build the TrainState as it was built when the run began",
                    see="resume",
                )
        networks = [(self.generator, "generator"), (self.discriminator, "discriminator")]
        for network, name in networks:  # both first: nothing is changed unless all fits
            fitting_weights(network, state[name], source)
        for network, name in networks:
            load_whole(network, state[name], source)
        load_whole_optimizer(self.generator, self.optimizer_g, state["optimizer_g"])
        load_whole_optimizer(self.discriminator, self.optimizer_d, state["optimizer_d"])
        if self.ema is not None:
            self.ema.load_state_dict(state["ema"], source)
        for name, saved in state["scalers"].items():
            self.scaler(name).load_state_dict(saved)
        self.step, self.epoch, self.position = (
            int(state[key]) for key in ("step", "epoch", "position")
        )
        self.best, self.best_step = state["best"], int(state.get("best_step", 0))
        if self._whole is not None:
            shown = state["generator"] if self.ema is None else state["ema"]["network"]
            self._whole.load_state_dict(shown)
        own = state["ranks"][rank % len(state["ranks"])]
        if self.pool is not None:
            self.pool.load_state_dict(own["pool"], self.device)
        set_random_state(own["random"], self.device, source)
        for knob, value in state["knobs"].items():
            if value != self._knobs[knob]:
                warnings.warn(
                    f"{source} was written with {knob}={value}, and goes on with "
                    f"{self._knobs[knob]}",
                    GanBlocksWarning,
                    stacklevel=3,
                )
        if rank >= len(state["ranks"]):  # it has taken another's, and must not draw the same
            drawn = int(torch.randint(2**62, ()))
            torch.manual_seed(seeded_generator(drawn, rank).initial_seed())


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
