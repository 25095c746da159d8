"""The updater: one step of any task."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from ganblocks.blocks import with_statistics
from ganblocks.distributed.sharding import is_sharded, shard_network, whole, whole_state_dict
from ganblocks.distributed.synced import SyncedLoss
from ganblocks.errors import OptionError, require_at_least, require_count
from ganblocks.losses import LossTerms
from ganblocks.tasks import Batch, Task
from ganblocks.tasks.base import frozen
from ganblocks.training.ema import EMA
from ganblocks.training.made import Made
from ganblocks.training.moves import (
    parts_of,
    refuse_whole_batch_terms,
    short_names,
    step_unless,
)
from ganblocks.training.optimizers import build_optimizer
from ganblocks.training.precision import autocast
from ganblocks.training.step_figures import StepFigures
from ganblocks.training.updater_state import load_updater_state, own_state, updater_state


class Updater:
    """Moves the players of a task, one step at a time, and knows nothing of images.

    It owns the optimizers, autocast and loss scalers, running averages, and what several
    processes share. A player whose gradient is not finite is left as it was by that step, weights
    and moments alike; buffers, such as running statistics, are not.

    Args:
        task: The task, on its device.
        precision: `"fp32"`; or `"bf16"` or `"fp16"` for the networks, while ganblocks' losses
            and penalties are computed in fp32. With fp16 each player has a loss scaler.
        accumulate: Equal parts that a batch is cut into, which go through the networks one after
            the other: the memory of one part, at the cost of generating once for each player.
            The step is that of the whole batch, but for norms that see only their part.
        clip_norm: Gradients of each player with a larger L2 norm are scaled down to this one.
        ema: Decay of a running average of the networks that the task names in `averaged`.
        shard: Whether each process keeps only a part of the networks that the task names in
            `sharded`, of their moments and averages (FSDP2). They come on the CPU then; the
            device is that of the other networks.

    Attributes:
        steps: Steps that were made.
        optimizers: One optimizer for each player.
        averages: The running averages, by the network's name.

    Raises:
        OptionError: A number is out of its range, a player's optimizer or network is unknown, or
            a loss needs the whole batch and is to be accumulated.

    Examples:
        A training in a loop of one's own:

        >>> from ganblocks import Objective
        >>> from ganblocks.tasks import PairedTranslation
        >>> task = PairedTranslation(
        ...     {"type": "unet", "base_channels": 4, "num_downs": 3},
        ...     {"type": "patch", "in_channels": 6, "base_channels": 4, "n_layers": 1},
        ...     Objective({"adversarial": "vanilla", "l1": {"type": "l1", "weight": 100}}),
        ... )
        >>> updater = Updater(task, ema=0.999)
        >>> for _ in range(2):
        ...     batch = {"source": torch.zeros(1, 3, 16, 16), "target": torch.zeros(1, 3, 16, 16)}
        ...     figures = updater.step(batch)
        >>> updater.steps, figures["skipped_g"].item()
        (2, 0.0)
    """

    def __init__(
        self,
        task: Task,
        *,
        precision: str = "fp32",
        accumulate: int = 1,
        clip_norm: float | None = None,
        ema: float | None = None,
        shard: bool = False,
    ) -> None:
        require_count("accumulate", accumulate, 1)
        if clip_norm is not None:
            require_at_least("clip_norm", clip_norm, 0)
            if clip_norm == 0:
                raise OptionError("clip_norm is 0, so nothing would move: write None, or above 0")
        self.task = task
        self.precision = precision
        self.accumulate = accumulate
        self.clip_norm = clip_norm
        self.steps = 0
        self.networks = task.networks()
        self.labels = short_names(task.players)
        self.averages = {n: EMA(task.network(n), ema) for n in task.averaged if ema is not None}
        self._whole = self._shard() if shard else {}
        self.optimizers = {
            name: build_optimizer(
                player.optimizer,
                [p for n in task.networks(name).values() for p in n.parameters()],
            )
            for name, player in task.players.items()
        }
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group.setdefault("initial_lr", group["lr"])
        scaled = task.players if precision == "fp16" else ()
        self.scalers = {name: torch.amp.GradScaler(self.device.type) for name in scaled}
        self._synced: dict[str, SyncedLoss] = {}
        self._autocast()  # refuses an unknown precision now
        if accumulate > 1:
            refuse_whole_batch_terms(task)

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(p for n in self.networks.values() for p in n.parameters()).device

    @property
    def inference_device(self) -> torch.device:
        """Where `inference_task` generates: the CPU, if networks are sharded."""
        return torch.device("cpu") if self._whole else self.device

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Moves each player that is due, in the task's order.

        `generate` runs once; each player's loss then takes what it made, detached unless the
        player's networks made it. Nothing waits for the device.

        Args:
            batch: Tensors with the batch as their first axis, on the device, and names, by key.

        Returns:
            Scalars, left on the device, with the player's short name (`d`, `g`): `loss_d`, the
            weighted sum of the terms that are due at every step; `loss_d_` + name for each term
            without its weight and without the factor of a lazy one; `grad_norm_d`, the L2 norm of
            its gradients; `skipped_d`, 1 where it was not moved; and the figures of the task.

        Raises:
            OptionError: The batch cannot be cut into equal parts, or a loss refuses what it got.
            ShapeError: Images do not fit the networks or one another.
        """
        task = self.task
        task.step = self.steps
        moving = [name for name, player in task.players.items() if player.moves(self.steps)]
        parts = parts_of(batch, self.accumulate)
        figures = StepFigures(len(parts))
        for name in moving:  # all of them first: what is left of the last step takes memory
            self.optimizers[name].zero_grad(set_to_none=True)
        with self._autocast():
            made = Made(task, moving, parts)
        for name in moving:
            totals = []
            for part in parts:
                with self._training(name, last=part is parts[-1]):
                    with self._autocast():
                        given = made.of(name, part)
                        if name in self._synced:
                            terms, total = self._synced[name](part, given)
                        else:
                            terms = LossTerms.of(task.loss(name, part, given))
                            total = terms.total(self.accumulate)
                    self._backward(name, terms, total, figures)
                    totals.append(total.detach())
            self._move(name, torch.stack(totals).sum(), figures)
        for name, average in self.averages.items():
            average.update(self.networks[name])
        self.steps += 1
        return figures.scalars()

    def set_lr_factor(self, factor: float) -> None:
        """Sets all learning rates to a multiple of those that the optimizers began with.

        Args:
            factor: The multiple.
        """
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                rate = group["initial_lr"] * factor
                if isinstance(group["lr"], Tensor):  # a CUDA graph reads it where it lies
                    group["lr"].fill_(rate)
                else:
                    group["lr"] = rate

    def learning_rates(self) -> dict[str, float]:
        """Returns the rates in force, of each player's first group, as `lr_` + short name."""
        return {
            f"lr_{self.labels[name]}": float(optimizer.param_groups[0]["lr"])
            for name, optimizer in self.optimizers.items()
        }

    def compile(self, **options: Any) -> None:
        """Compiles every network in place; the keys of the state dict stay as they are.

        Args:
            **options: Passed to `torch.compile`.
        """
        for network in self.networks.values():
            network.compile(**options)

    def distribute(self) -> None:
        """Averages the gradients of every player over the joined processes (DDP) from now on.

        Each process runs the task on batches of its own. The weights become those of rank 0, and
        so do the buffers before the first step; later ones are each process's own. A sharded
        network shares its gradients itself.
        """
        buffers = [b for network in self.networks.values() for b in network.buffers()]
        own = [buffer.clone() for buffer in buffers]
        for name in self.task.players:
            networks = self.task.networks(name).values()
            plain = [n for n in networks if not is_sharded(n)]
            if any(p.requires_grad for n in plain for p in n.parameters()):
                self._synced[name] = SyncedLoss(self.task, name, plain, self.accumulate)
        for buffer, value in zip(buffers, own if self.steps else [], strict=bool(self.steps)):
            buffer.copy_(value)

    def inference_network(self, name: str) -> nn.Module:
        """Returns the network to use: its running average where there is one.

        Of a sharded one it is a copy on the CPU, as `gather` has left it.

        Args:
            name: An attribute of the task.
        """
        if name in self._whole:
            return self._whole[name]
        return self.averages[name].network if name in self.averages else self.task.network(name)

    def inference_task(self, statistics: str = "image") -> Task:
        """Returns an eval-mode twin of the task with the networks to use, which share weights.

        Args:
            statistics: `"image"` or `"running"`, see `with_statistics`.

        Raises:
            OptionError: A network cannot be copied.
        """
        names = {*self._whole, *self.averages}
        try:
            for name in names:
                setattr(self.task, name, self.inference_network(name))
            return cast(Task, with_statistics(self.task, statistics))
        except (RuntimeError, TypeError, NotImplementedError) as error:
            raise OptionError(
                f"a network of {type(self.task).__name__} cannot be copied, which its pictures and "
                f"scores take ({error}). Parametrizations can be: torch.nn.utils.parametrizations "
                "has weight_norm and spectral_norm"
            ) from error
        finally:
            for name in names:
                setattr(self.task, name, self.networks[name])

    def gather(self) -> None:
        """Brings sharded networks together for `inference_network`; all processes must ask."""
        for name, copied in self._whole.items():
            average = self.averages.get(name)
            weights = whole_state_dict(self.networks[name] if average is None else average.network)
            if weights:  # in the first process
                copied.load_state_dict(weights)

    def own_state(self) -> dict[str, Any]:
        """Returns what each process has for itself: draws, buffers, and the task's memory."""
        return own_state(self)

    def state_dict(self, ranks: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """Returns everything that a resumed training needs, as tensors and numbers.

        Args:
            ranks: `own_state` of every process in the order of their ranks; None where this is
                the only one. With sharded networks all processes must ask; the first gets them
                whole.

        Examples:
            >>> from ganblocks.tasks import PairedTranslation
            >>> parts = nn.Conv2d(3, 3, 1), nn.Conv2d(6, 1, 1), {"terms": {"gan": "hinge"}}
            >>> updater = Updater(PairedTranslation(*parts))
            >>> updater.load_state_dict(updater.state_dict())
        """
        return updater_state(self, [self.own_state()] if ranks is None else ranks)

    def load_state_dict(
        self, state: dict[str, Any], source: str = "the checkpoint", *, rank: int = 0
    ) -> None:
        """Puts everything back as it was; what optimizers are made of stays as it is now.

        Args:
            state: What `state_dict` returned.
            source: Where it came from, for the message of an error.
            rank: Which process this is. Where there were fewer, its memory is another's and its
                draws begin anew.

        Raises:
            RunError: A part is missing or another model's; the networks are unchanged then.
        """
        load_updater_state(self, state, source, rank)

    def _shard(self) -> dict[str, nn.Module]:
        """Shards networks and averages; returns whole copies on the CPU, for `gather` to fill."""
        names = self.task.sharded
        if not names:
            raise OptionError(
                f"{type(self.task).__name__} names no network to shard: write sharded = "
                '("generator",) in its class, or leave shard out'
            )
        others = [n for name, n in self.networks.items() if name not in names]
        device = next(p for n in others for p in n.parameters()).device
        copies = {name: copy.deepcopy(self.networks[name]).cpu() for name in names}
        for name in names:
            average = self.averages.get(name)
            for network in (self.networks[name], *([average.network] if average else [])):
                shard_network(network, device)
        return copies

    def _autocast(self) -> AbstractContextManager[object]:
        return autocast(self.precision, self.device)

    @contextmanager
    def _training(self, name: str, *, last: bool) -> Iterator[None]:
        """One part of a batch: only this player's networks take gradients in it.

        Those of the last part alone go round the processes.
        """
        own = self.task.networks(name)
        for network in own.values():
            if is_sharded(network):
                network.set_requires_gradient_sync(last)  # type: ignore[operator]
        synced = self._synced.get(name)
        quiet = nullcontext() if last or synced is None else synced.no_sync()
        with frozen(*(n for key, n in self.networks.items() if key not in own)), quiet:
            yield

    def _backward(self, name: str, terms: LossTerms, total: Tensor, figures: StepFigures) -> None:
        figures.note(self.labels[name], terms)
        if not total.requires_grad:  # without a term of its own, or all weights are 0: it rests
            return
        scaler = self.scalers.get(name)
        scale = None if scaler is None else scaler.scale(torch.ones_like(total.detach()))
        figures.watch(terms, scale)
        (total if scaler is None else scaler.scale(total)).backward()

    def _move(self, name: str, total: Tensor, figures: StepFigures) -> None:
        """Steps a player's optimizer, unless its loss or a gradient is not finite."""
        optimizer, scaler, label = self.optimizers[name], self.scalers.get(name), self.labels[name]
        if name in self._synced:
            self._synced[name].drop_unused()
        parameters = [p for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
        if not parameters:
            return
        if scaler is not None:
            scaler.unscale_(optimizer)
        norm = get_total_norm([p.grad for p in parameters if p.grad is not None])
        # Both: the gradient of |NaN| is 0, and that of a finite loss may be infinite.
        failed = ~(whole(norm) + total).isfinite()
        if self.clip_norm is not None:
            clip_grads_with_norm_(parameters, self.clip_norm, norm)
        step_unless(failed, optimizer)
        if scaler is not None:
            scaler.update()
        figures.put(f"grad_norm_{label}", whole(norm))
        figures.put(f"skipped_{label}", failed.float())
