"""What happens before the first step: the updater, a resumed state, and what is wrong said now."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.data.seeding import seeded_generator
from ganblocks.distributed.context import DistributedContext
from ganblocks.errors import GanBlocksWarning, require_one_of
from ganblocks.randomness import make_deterministic, own_randomness
from ganblocks.runs import RunFolder
from ganblocks.tasks import Batch, ImagePool, Task
from ganblocks.training.batches import batch_of
from ganblocks.training.cuda_graph import cuda_graph_step
from ganblocks.training.options import TrainOptions
from ganblocks.training.precision import (
    preferred_memory_format,
    resolve_device,
    resolve_precision,
)
from ganblocks.training.session import Training
from ganblocks.training.updater import Updater

Step = Callable[[Batch], dict[str, Tensor]]
"""A batch → the figures of one step."""


def make_updater(task: Task, options: TrainOptions) -> Updater:
    """Brings a task to its device and makes its updater."""
    if options.deterministic:
        make_deterministic()
    device = resolve_device(options.device)
    precision = resolve_precision(options.precision, device)
    networks = task.networks()
    for network in networks.values():
        network.to(memory_format=preferred_memory_format(precision, device))
    # A sharded network comes on the CPU: each process is sent its part. One process alone can go
    # on with a run of several.
    shard = options.shard and DistributedContext.current().size > 1
    if shard:
        for name, child in task.named_children():
            child.to("cpu" if name in task.sharded else device)
    else:
        task.to(device)
    return Updater(
        task,
        precision=precision,
        accumulate=options.accumulate,
        clip_norm=options.clip_norm,
        ema=options.ema,
        shard=shard,
    )


def prepare(training: Training) -> Step:
    """Checks, resumes and distributes a training, and returns its step."""
    updater, options, context = training.updater, training.options, training.context
    dry_run(updater, training.train[0, 0])
    _look_once(training)
    run = training.run
    if context.max(int(run.has_state)):  # agreed: another process may have written it just now
        training.load()
    training.begin()
    _warn_of_batch_norm(training)
    _warn_of_steps(training)
    if context.is_main_process:
        if run.begun:
            run.write_spec({**run.spec, **training.describe()})
        else:
            RunFolder.create(run.path, training.describe())
    if options.compile:
        updater.compile()
    if context.size > 1:
        updater.distribute()
        if training.step == 0 and context.rank:
            _draw_differently(updater.task, options.seed, context.rank)
    updater.task.train()
    return cuda_graph_step(updater) if options.cuda_graph else updater.step


def dry_run(updater: Updater, sample: dict[str, Any]) -> None:
    """Runs a task once on copies, so that what does not fit shows before anything is written.

    Args:
        updater: The updater; networks, optimizers, buffers and draws stay unchanged.
        sample: One sample as the training will see it.

    Raises:
        ShapeError: The sample's size or channels do not fit the networks or one another.
        OptionError: A network cannot be copied, or a loss refuses what it got.

    Examples:
        >>> from ganblocks import PairedTranslation, SyntheticFacades
        >>> parts = nn.Conv2d(3, 3, 1), nn.Conv2d(6, 1, 1), {"terms": {"l1": "l1"}}
        >>> dry_run(Updater(PairedTranslation(*parts)), SyntheticFacades(length=1, size=32)[0])
    """
    twin = updater.inference_task()
    device = updater.inference_device
    batch = batch_of(sample, device)
    with own_randomness(device, 0), torch.no_grad():
        made = twin.generate(batch)
        if device == updater.device:  # else the other networks are elsewhere
            for player in twin.players:
                twin.loss(player, batch, made)


def _look_once(training: Training) -> None:
    """Draws and scores one held-out sample: what does not fit would show after the training."""
    twin, device = training.updater.inference_task(), training.updater.inference_device
    batch = batch_of(training.val[0], device)
    with own_randomness(device, 0), torch.inference_mode():
        twin.preview(batch)
        scores = twin.score(batch)
    if training.options.best_by is not None:
        require_one_of("score to keep the best by (best_by)", training.options.best_by, scores)


def _draw_differently(task: Task, seed: int, rank: int) -> None:
    """Returns a process beyond the first draws of its own."""
    own = seeded_generator(seed, rank).initial_seed()
    torch.manual_seed(own)
    for module in task.modules():
        if isinstance(module, ImagePool):
            module.reseed(own)


def _warn_of_steps(training: Training) -> None:
    """Says so where less is trained than was asked for."""
    step, last, options = training.step, training.last, training.options
    told = []
    if options.steps is not None and options.steps > last:
        told = [
            f"steps={options.steps} is more than is left of epochs={options.epochs}: it ends at "
            f"step {last}"
        ]
    if step >= last:
        over = last != options.steps
        remedy = "its epochs are over" if over else "write a larger steps to go on"
        told.append(f"already at step {step} of {last}: nothing is left to train, {remedy}")
    if told:
        warnings.warn(". ".join(told), GanBlocksWarning, stacklevel=4)


def _warn_of_batch_norm(training: Training) -> None:
    """Says that grids are drawn with other statistics than the networks learned with."""
    size, networks = training.options.batch_size, training.task.averaged
    if size > 1 and any(
        isinstance(module, nn.BatchNorm2d)
        for name in networks
        for module in training.task.network(name).modules()
    ):
        warnings.warn(
            f"batch norm of the {' and '.join(networks)} learns from {size} images at a time, and "
            'pictures are made with each image\'s own statistics: norm="instance" learns as it '
            "draws",
            GanBlocksWarning,
            stacklevel=4,
        )
