"""Prepares for the first step: builds the updater, checks the inputs, resumes and distributes."""

from __future__ import annotations

import pickle
import reprlib
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from typing import Any

import torch
from torch import nn

from ganblocks.arguments import checked
from ganblocks.data.seeding import seeded_generator
from ganblocks.distributed.context import DistributedContext
from ganblocks.errors import DataError, GanBlocksWarning, OptionError
from ganblocks.randomness import make_deterministic, own_randomness
from ganblocks.runs import RunFolder
from ganblocks.runs.lock import run_lock
from ganblocks.tasks import ImagePool, Task
from ganblocks.tasks.base import keys_explained
from ganblocks.training.batches import single_batch
from ganblocks.training.cuda_graph import Step, cuda_graph_step
from ganblocks.training.options import TrainOptions
from ganblocks.training.precision import (
    preferred_memory_format,
    resolve_device,
    resolve_precision,
)
from ganblocks.training.scores import metric_of
from ganblocks.training.training import Training
from ganblocks.training.updater import Updater
from ganblocks.weights.io import plain_state_dict


def build_updater(task: Task, options: TrainOptions) -> Updater:
    """Moves a task to its device and builds its updater."""
    if options.deterministic:
        make_deterministic()
    device = resolve_device(options.device)
    precision = resolve_precision(options.precision, device)
    for network in task.networks().values():
        network.to(memory_format=preferred_memory_format(precision, device))
    # Networks to shard stay on the CPU. A run of several processes may resume with only one.
    shard = options.shard and DistributedContext.current().world_size > 1
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


def prepare_training(training: Training, lock: ExitStack) -> Step:
    """Checks, locks, resumes and distributes a training run, and returns its step function."""
    updater, options, context = training.updater, training.options, training.context
    dry_run(updater, training.train[0, 0])
    _check_preview_and_score(training)
    _require_storable(updater)
    run = training.run
    if context.is_main_process:
        lock.enter_context(run_lock(run.path))
    if context.max(int(run.has_state)):  # all processes agree: another one may have just written it
        training.load()
    elif run.exists:
        run.require_untrained()
    training.set_last_step()
    _warn_of_batch_norm(training)
    _warn_of_steps(training)
    if context.is_main_process:
        if run.exists:
            run.write_spec({**run.spec, **training.describe()})
        else:
            RunFolder.create(run.path, training.describe())
    if options.compile:
        updater.compile()
    if context.world_size > 1:
        updater.distribute()
        if training.step == 0 and context.rank:
            _reseed(updater.task, options.seed, context.rank)
    _train_mode(updater.task)
    return cuda_graph_step(updater) if options.cuda_graph else updater.step


@contextmanager
def memory_explained(options: TrainOptions) -> Iterator[None]:
    """Context that names the options that save memory if a GPU or the host runs out of it."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        kinds = (torch.OutOfMemoryError, MemoryError)
        if not isinstance(error, kinds) and "can't allocate memory" not in str(error):
            raise
        size, parts = options.batch_size, options.accumulate
        raise OptionError(
            f"memory ran out with batch_size={size} in {parts} part{'s' * (parts > 1)}: split it "
            "into more parts with `accumulate`, build the networks with checkpointing=True, or "
            "use a smaller batch_size or smaller images"
        ) from error


@checked
def dry_run(updater: Updater, sample: dict[str, Any]) -> None:
    """Runs a task once on copies, to find mismatches before anything is written.

    Args:
        updater: The updater; networks, optimizers, buffers and random state stay unchanged.
        sample: A sample from the training data.

    Raises:
        DataError: The task rejects the sample, such as images outside [-1, 1].
        ShapeError: The sample's sizes or channels do not match the networks, or each other.
        OptionError: A network cannot be copied, or a loss rejects its inputs.

    Examples:
        >>> from ganblocks import PairedTranslation, SyntheticFacades
        >>> parts = nn.Conv2d(3, 3, 1), nn.Conv2d(6, 1, 1), {"terms": {"l1": "l1"}}
        >>> dry_run(Updater(PairedTranslation(*parts)), SyntheticFacades(length=1, size=32)[0])
    """
    twin, device = updater.inference_task(), updater.inference_device
    batch = single_batch(sample, device)
    with own_randomness(device, 0), torch.no_grad(), keys_explained(batch):
        twin.check(batch)
        generated = twin.generate(batch)
        if device == updater.device:  # sharded networks are on the CPU, unlike the others
            for player in twin.players:
                twin.loss(player, batch, generated)


def _check_preview_and_score(training: Training) -> None:
    """Previews and scores one held-out sample, so that errors do not surface hours later."""
    formats, others = (getattr(data, "formats", {}) for data in (training.train, training.val))
    values = ("channels", "dtype", "value_range", "classes")
    for key in formats.keys() & others.keys():
        if any(getattr(formats[key], v, None) != getattr(others[key], v, None) for v in values):
            raise DataError(
                f"{key} is {formats[key]} in training, but {others[key]} in the held-out data: "
                "pass both datasets the formats of the first, such as a_format=train.a_format"
            )
    twin, device = training.updater.inference_task(), training.updater.inference_device
    batch = single_batch(training.val[0], device)
    with own_randomness(device, 0), torch.inference_mode():
        twin.preview(batch)
        name, count = training.options.best_by, len(training.val)
        training.best_metric = metric_of(name, twin, batch, count)


def _require_storable(updater: Updater) -> None:
    """Raises `OptionError` if a checkpoint could not be written, or not be read again."""
    for network in updater.networks.values():
        plain_state_dict(network)
    for key, value in updater.local_state()["memory"].items():
        file = BytesIO()
        try:
            torch.save(value, file)
            torch.load(BytesIO(file.getvalue()), weights_only=True)
        except (pickle.PickleError, AttributeError, TypeError) as error:
            raise OptionError(
                f"{key!r} of {type(updater.task).__name__} is {reprlib.repr(value)}, but "
                "checkpoints hold tensors, numbers and text: return these, or lists and "
                "dictionaries of them, from get_extra_state"
            ) from error


def _train_mode(task: Task) -> None:
    """Sets train mode, except for frozen networks of the task that are in eval mode."""
    evaluated = [child for child in task.children() if not child.training]
    task.train()
    for child in evaluated:
        if (flags := [p.requires_grad for p in child.parameters()]) and not any(flags):
            child.eval()


def _reseed(task: Task, seed: int, rank: int) -> None:
    local_seed = seeded_generator(seed, rank).initial_seed()
    torch.manual_seed(local_seed)
    pools = [module for module in task.modules() if isinstance(module, ImagePool)]
    for number, pool in enumerate(pools):
        pool.reseed(local_seed + number)


def _warn_of_steps(training: Training) -> None:
    step, last, options = training.step, training.last_step, training.options
    messages = []
    if options.steps is not None and options.steps > last:
        messages.append(
            f"steps={options.steps} is more than epochs={options.epochs} allow: training ends at "
            f"step {last}"
        )
    if step >= last:
        remedy = "increase steps" if last == options.steps else "all epochs are done"
        messages.append(f"already at step {step} of {last}: nothing is left to train; {remedy}")
    if messages:
        warnings.warn(". ".join(messages), GanBlocksWarning, stacklevel=4)


def _warn_of_batch_norm(training: Training) -> None:
    options, names = training.options, training.task.averaged
    size = options.batch_size // options.accumulate
    networks = [training.task.network(name) for name in names]
    if size > 1 and any(isinstance(m, nn.BatchNorm2d) for n in networks for m in n.modules()):
        warnings.warn(
            f"batch norm in the {' and '.join(names)} trains on the statistics of {size} images, "
            'but generates with those of each image: norm="instance" uses the latter for both',
            GanBlocksWarning,
            stacklevel=4,
        )
