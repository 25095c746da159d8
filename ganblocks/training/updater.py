"""The updater: one training step of any task."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from ganblocks.arguments import checked
from ganblocks.blocks.statistics import copied, with_statistics
from ganblocks.distributed.context import DistributedContext
from ganblocks.distributed.ddp import DDPLoss
from ganblocks.distributed.sharding import (
    full_state_dict,
    full_tensor,
    is_sharded,
    shard_network,
)
from ganblocks.errors import OptionError, listed, require_at_least, require_count
from ganblocks.losses import LossTerms, Objective
from ganblocks.tasks import Batch, Task
from ganblocks.tasks.base import frozen, keys_explained
from ganblocks.training.ema import EMA
from ganblocks.training.generated import GeneratedOutputs
from ganblocks.training.micro_batches import reject_whole_batch_terms, split_batch
from ganblocks.training.optimizers import build_optimizer, step_unless
from ganblocks.training.precision import autocast
from ganblocks.training.step_metrics import StepMetrics, short_names
from ganblocks.training.updater_state import (
    load_updater_state,
    local_state,
    updater_state,
)


@checked
class Updater:
    """Updates the players of a task, one step at a time.

    It owns the optimizers, autocast, loss scalers and running averages, and synchronizes
    processes. If a player's loss or gradient is not finite, the step leaves its weights and
    moments unchanged, but not its buffers, such as running statistics.

    Args:
        task: The task, on its device.
        precision: Number format of the networks: `"fp32"`, `"bf16"` or `"fp16"`. Ganblocks' losses
            and penalties are always computed in fp32. With fp16, each player has a loss scaler.
        accumulate: Number of equal micro-batches to split a batch into. This needs only the memory
            of one micro-batch, but generates once per player. The result equals the whole batch's,
            except that norms and adaptive weights see one micro-batch at a time.
        clip_norm: Maximum L2 norm of each player's gradient; larger gradients are scaled down to
            it.
        ema: Decay of the running average of the networks in the task's `averaged`.
        shard: Whether to shard the networks in the task's `sharded`, with their moments and
            averages, over the processes (FSDP2). Leave these networks on the CPU; they move to the
            device of the others.

    Attributes:
        steps: Number of completed steps.
        optimizers: One optimizer per player.
        averages: The running averages, by network name.

    Raises:
        OptionError: A number is out of range, a player's optimizer or network is unknown, or
            `accumulate` is above 1 and a loss needs the whole batch.

    Examples:
        A custom training loop:

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
        ...     metrics = updater.step(batch)
        >>> updater.steps, metrics["skipped_g"].item()
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
                raise OptionError(
                    "clip_norm is 0, which stops all updates: write None, or a number above 0"
                )
        self.task = task
        self.precision = precision
        self.accumulate = accumulate
        self.clip_norm = clip_norm
        self.steps = 0
        self.networks = task.networks()
        self.labels = short_names(task.players)
        self.averages: dict[str, EMA] = {}
        if ema is not None:
            averaged = self._listed("averaged", "ema=None")
            self.averages = {name: EMA(self.networks[name], ema) for name in averaged}
        self._full_copies = self._shard() if shard else {}
        self.optimizers = {
            name: build_optimizer(
                player.optimizer,
                nn.ModuleList(task.networks(name).values()).parameters(),  # each once, if shared
            )
            for name, player in task.players.items()
        }
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group.setdefault("initial_lr", group["lr"])
        scaled = task.players if precision == "fp16" else ()
        self.scalers = {name: torch.amp.GradScaler(self.device.type) for name in scaled}
        self._ddp_losses: dict[str, DDPLoss] = {}
        autocast(precision, self.device)  # raises for an unknown precision
        if accumulate > 1:
            reject_whole_batch_terms(task)

    @property
    def device(self) -> torch.device:
        """Device of the networks."""
        return next(p for n in self.networks.values() for p in n.parameters()).device

    @property
    def inference_device(self) -> torch.device:
        """Device on which `inference_task` generates: the CPU if networks are sharded."""
        return torch.device("cpu") if self._full_copies else self.device

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Updates each player that is due at this step, in the task's order.

        `generate` runs once; each player's loss gets its outputs, detached unless the player's
        own networks produced them. Nothing waits for the device.

        Args:
            batch: Tensors whose first axis is the batch, on the device, and lists such as names.

        Returns:
            Scalars on the device, named with the player's short name (`d`, `g`): `loss_d`, the
            weighted sum of the terms computed at every step; `loss_d_` + name for each term,
            without its weight and interval; `grad_norm_d`, the L2 norm of the player's gradient;
            `skipped_d`, 1 if its update was skipped; and the metrics of the task.

        Raises:
            DataError: The batch lacks a key that the task reads.
            OptionError: The batch cannot be split equally, or a loss rejects its inputs.
            ShapeError: The images do not match the networks, or each other.
        """
        task = self.task
        task.step = self.steps
        moving = [name for name, player in task.players.items() if player.moves(self.steps)]
        micro_batches = split_batch(batch, self.accumulate)
        metrics = StepMetrics(len(micro_batches))
        for name in moving:  # all of them first, to free the last step's gradients
            self.optimizers[name].zero_grad(set_to_none=True)
        with autocast(self.precision, self.device), keys_explained(batch):
            outputs = GeneratedOutputs(task, moving, micro_batches)
        for name in moving:
            self.optimizers[name].zero_grad(set_to_none=True)  # an earlier player may share some
            totals = []
            for part in micro_batches:
                with self._gradients_of(name, sync=part is micro_batches[-1]):
                    with autocast(self.precision, self.device), keys_explained(batch):
                        generated = outputs.for_player(name, part)
                        if name in self._ddp_losses:
                            terms, total = self._ddp_losses[name](part, generated)
                        else:
                            terms = LossTerms.of(task.loss(name, part, generated))
                            total = terms.total(self.accumulate)
                    self._backward(name, terms, total, metrics)
                    totals.append(total.detach())
            self._update(name, torch.stack(totals).sum(), metrics)
        for name, average in self.averages.items():
            average.update(self.networks[name])
        self.steps += 1
        return metrics.scalars()

    def set_lr_factor(self, factor: float) -> None:
        """Multiplies the initial learning rate of every optimizer by a factor.

        Args:
            factor: The factor.
        """
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                rate = group["initial_lr"] * factor
                if isinstance(group["lr"], Tensor):  # a CUDA graph reads this tensor
                    group["lr"].fill_(rate)
                else:
                    group["lr"] = rate

    def learning_rates(self) -> dict[str, float]:
        """Returns the current rate of each player's first group, as `lr_` + short name."""
        return {
            f"lr_{self.labels[name]}": float(optimizer.param_groups[0]["lr"])
            for name, optimizer in self.optimizers.items()
        }

    def compile(self, **options: Any) -> None:
        """Compiles every network in place; state-dict keys stay the same.

        Args:
            **options: Passed to `torch.compile`.
        """
        if any(isinstance(m, Objective) and m.has_adaptive_weight for m in self.task.modules()):
            # An adaptive weight runs backward twice, through buffers that would be reused.
            torch._functorch.config.donated_buffer = False
        for network in self.networks.values():
            network.compile(**options)

    def distribute(self) -> None:
        """Averages the gradients of every player over all processes (DDP) from now on.

        Each process trains on its own batches. Weights are copied from rank 0. So are buffers
        before the first step; afterward, each process keeps its own. Sharded networks synchronize
        their gradients themselves.
        """
        buffers = [b for network in self.networks.values() for b in network.buffers()]
        own = [buffer.clone() for buffer in buffers]
        for name in self.task.players:
            networks = self.task.networks(name).values()
            plain = [n for n in networks if not is_sharded(n)]
            if any(p.requires_grad for n in plain for p in n.parameters()):
                self._ddp_losses[name] = DDPLoss(self.task, name, plain, self.accumulate)
        for buffer, value in zip(buffers, own if self.steps else [], strict=bool(self.steps)):
            buffer.copy_(value)

    def inference_network(self, name: str) -> nn.Module:
        """Returns the network to use for inference: its running average if there is one.

        For a sharded network, this is the CPU copy from the last `gather_weights`.

        Args:
            name: An attribute of the task.
        """
        if name in self._full_copies:
            return self._full_copies[name]
        return self.averages[name].network if name in self.averages else self.task.network(name)

    def inference_task(self, statistics: str = "image") -> Task:
        """Returns an eval-mode copy of the task with the inference networks, which shares weights.

        Args:
            statistics: `"image"` or `"running"`; see `with_statistics`.

        Raises:
            OptionError: A network cannot be copied.
        """
        names = {*self._full_copies, *self.averages}
        try:
            for name in names:
                setattr(self.task, name, self.inference_network(name))
            return cast(Task, with_statistics(self.task, statistics))
        finally:
            for name in names:
                setattr(self.task, name, self.networks[name])

    def gather_weights(self) -> None:
        """Gathers sharded networks for `inference_network`; every process must call it."""
        for name, full_copy in self._full_copies.items():
            average = self.averages.get(name)
            weights = full_state_dict(self.networks[name] if average is None else average.network)
            if weights:  # on rank 0
                full_copy.load_state_dict(weights)

    def local_state(self) -> dict[str, Any]:
        """Returns the state of this process: random state, buffers, the task's own state."""
        return local_state(self)

    def state_dict(self, ranks: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """Returns everything needed to resume training, as tensors and numbers.

        Args:
            ranks: `local_state` of every process, in rank order; None if there is only one. With
                sharded networks every process must call it, and rank 0 gets the full weights.

        Examples:
            >>> from ganblocks.tasks import PairedTranslation
            >>> parts = nn.Conv2d(3, 3, 1), nn.Conv2d(6, 1, 1), {"terms": {"gan": "hinge"}}
            >>> updater = Updater(PairedTranslation(*parts))
            >>> updater.load_state_dict(updater.state_dict())
        """
        return updater_state(self, [self.local_state()] if ranks is None else ranks)

    def load_state_dict(
        self, state: dict[str, Any], source: str = "the checkpoint", *, rank: int = 0
    ) -> None:
        """Restores a state dict; optimizers keep their current arguments.

        Args:
            state: The result of `state_dict`.
            source: Where the state came from, for error messages.
            rank: Rank of this process. A rank without an entry in the state uses that of another
                rank, with a new random state.

        Raises:
            RunError: A part is missing or belongs to another model; the networks are then
                unchanged.
        """
        load_updater_state(self, state, source, rank)

    def _listed(self, attribute: str, without: str) -> tuple[str, ...]:
        """Returns the networks that the task lists in `averaged` or `sharded`."""
        names: tuple[str, ...] = getattr(self.task, attribute)
        if not names or set(names) - self.networks.keys():
            raise OptionError(
                f"{attribute} of {type(self.task).__name__} lists {listed(names)}: write networks "
                f"that a player trains, such as {listed(self.networks)}, or {without}"
            )
        return names

    def _shard(self) -> dict[str, nn.Module]:
        """Shards networks and averages; returns full copies on the CPU for `gather_weights`."""
        names = self._listed("sharded", "shard=False")
        for name, player in self.task.players.items():
            if 0 < len(set(names) & set(player.networks)) < len(set(player.networks)):
                raise OptionError(
                    f"the {name} has sharded networks and others, but an optimizer takes only "
                    f"one kind: list {listed(player.networks)} in sharded, or none of them"
                )
        others = [n for name, n in self.networks.items() if name not in names]
        if not others:
            raise OptionError(
                f"sharded lists all networks of {type(self.task).__name__}, but they move to the "
                "device of the others: leave those of a player out"
            )
        device = next(p for n in others for p in n.parameters()).device
        copies = {name: copied(self.networks[name]).cpu() for name in names}
        for name in names:
            average = self.averages.get(name)
            for network in (self.networks[name], *([average.network] if average else [])):
                shard_network(network, device)
        return copies

    @contextmanager
    def _gradients_of(self, player: str, *, sync: bool) -> Iterator[None]:
        """Limits gradients to one player's networks; `sync` averages them over processes."""
        own = self.task.networks(player)
        for network in own.values():
            if is_sharded(network):
                network.set_requires_gradient_sync(sync)  # type: ignore[operator]
        ddp_loss = self._ddp_losses.get(player)
        no_sync = nullcontext() if sync or ddp_loss is None else ddp_loss.no_sync()
        others = (n for key, n in self.networks.items() if key not in own)
        with frozen(*others, but=own.values()), no_sync:
            yield

    def _backward(self, player: str, terms: LossTerms, total: Tensor, metrics: StepMetrics) -> None:
        metrics.add_terms(self.labels[player], terms)
        if not total.requires_grad:  # the player has no terms, or all weights are 0
            return
        scaler = self.scalers.get(player)
        scale = None if scaler is None else scaler.scale(torch.ones_like(total.detach()))
        metrics.measure_gradients(terms, scale)
        (total if scaler is None else scaler.scale(total)).backward()

    def _update(self, player: str, total: Tensor, metrics: StepMetrics) -> None:
        optimizer, scaler = self.optimizers[player], self.scalers.get(player)
        if player in self._ddp_losses:
            self._ddp_losses[player].drop_unused_gradients()
        parameters = [p for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
        if not parameters:
            return
        if scaler is not None:
            scaler.unscale_(optimizer)
        norm = get_total_norm([p.grad for p in parameters if p.grad is not None])
        if self._ddp_losses or self._full_copies:  # or else only some processes would skip
            DistributedContext.current().average([total])
        # Check both: the gradient of |NaN| is 0, and that of a finite loss may be infinite.
        failed = ~(full_tensor(norm) + total).isfinite()
        if self.clip_norm is not None:
            clip_grads_with_norm_(parameters, self.clip_norm, norm)
        step_unless(optimizer, failed)
        if scaler is not None:
            scaler.update()
        metrics.set(f"grad_norm_{self.labels[player]}", full_tensor(norm))
        metrics.set(f"skipped_{self.labels[player]}", failed.float())
