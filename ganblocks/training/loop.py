"""The training loop."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import Any

from torch import Tensor

from ganblocks.distributed.context import DistributedContext
from ganblocks.errors import OptionError, require_count
from ganblocks.runs import RunFolder
from ganblocks.tasks import Batch, Task
from ganblocks.training.batches import load_batches
from ganblocks.training.callback import Callback
from ganblocks.training.callbacks import default_callbacks
from ganblocks.training.metric_buffer import MetricBuffer
from ganblocks.training.options import TrainOptions
from ganblocks.training.outset import make_updater, prepare
from ganblocks.training.schedules import factor_at, resolve_schedule
from ganblocks.training.session import Training
from ganblocks.training.stopping import Stop, stop_signals
from ganblocks.training.updater import Updater


def fit(
    task: Task,
    train: Any,
    val: Any,
    run: RunFolder,
    options: TrainOptions | None = None,
    callbacks: Sequence[Callback] | None = None,
) -> Updater:
    """Trains a task to the last step, and keeps the run's folder up to date.

    A run that has a checkpoint goes on from it, to the bit: the order of the samples and their
    draws depend on the seed and the place in the epoch alone. Ctrl-C and SIGTERM finish the step
    (of several processes, those up to the next row of the log) and write a checkpoint first.
    Problems are reported as HealthWarning and in `health.jsonl`. Under `torchrun` (see
    `process_group`) each process takes its own samples, and the first one writes.

    Args:
        task: What trains; it is moved to `options.device`.
        train: Samples to learn from, dictionaries by `train[epoch, index]`.
        val: Held-out samples, by `val[index]`: four of them make the grids, all of them the scores.
        run: Where log, grids, checkpoints and report go. A folder that is not there yet is made
            once all is known to fit.
        options: How it trains.
        callbacks: What is called between the steps; None takes `default_callbacks()`.

    Returns:
        The updater, with the trained task and `inference_network(name)`.

    Raises:
        OptionError: An option does not fit the task or the data.
        ShapeError: The data do not fit the networks.
        DataError: A sample cannot be read.
        RunError: The run's folder cannot be written, or has the checkpoint of another training.
        KeyboardInterrupt: Ctrl-C, after the checkpoint.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from ganblocks import PairedTranslation, SyntheticFacades
        >>> task = PairedTranslation(
        ...     {"type": "unet", "base_channels": 4, "num_downs": 3},
        ...     {"type": "patch", "in_channels": 6, "base_channels": 4, "n_layers": 1},
        ...     {"terms": {"adversarial": "vanilla", "l1": {"type": "l1", "weight": 100}}},
        ... )
        >>> pairs = SyntheticFacades(length=2, size=32)
        >>> options = TrainOptions(epochs=1, device="cpu", progress=False)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = RunFolder(Path(folder) / "run")
        ...     updater = fit(task, pairs, pairs, run, options)
        ...     sorted(file.name for file in run.path.glob("*.safetensors"))
        ['discriminator.safetensors', 'generator.safetensors']
    """
    options = options or TrainOptions()
    if not isinstance(run, RunFolder):
        raise OptionError(f'run is {run!r}: write RunFolder("runs/mine")')
    for name, data in (("train", train), ("val", val)):
        require_count(f"samples of {name}", len(data), 1)
    callbacks = default_callbacks(progress=options.progress) if callbacks is None else callbacks
    with ExitStack() as until_the_end:
        for callback in callbacks:  # first, so that they are closed whatever comes
            until_the_end.enter_context(closing(callback))
        schedule = resolve_schedule(options.schedule)
        updater = make_updater(task, options)
        training = Training(updater, train, val, run, options, callbacks)
        step = prepare(training)
        context, buffer = training.context, MetricBuffer(training.context)
        batches = until_the_end.enter_context(closing(_batches(training)))
        stop = until_the_end.enter_context(stop_signals())
        training.notify("start")
        leaving = False
        while training.step < training.last and not leaving:
            epoch = training.epoch
            updater.set_lr_factor(factor_at(schedule, epoch, options.epochs))
            buffer.begin()
            batch = next(batches)
            figures = step(batch)
            buffer.add(figures, samples=_size(batch) * context.size)
            training.advance()
            training.notify("step", batch, figures)
            # Several processes can only agree where all of them are sure to ask.
            if training.due(options.log_every) or (context.size == 1 and stop.requested):
                leaving = _agreed(stop, context)
            saves = training.due(options.checkpoint_every) or leaving
            looks = training.due(options.sample_every)
            scores = training.due(options.score_every) or (saves and options.best_by is not None)
            if saves or looks or scores:
                updater.gather()
            if scores:
                training.notify("score")
            if training.due(options.log_every) or leaving:
                training.log(epoch, buffer.row())
            if saves:  # before the grid: whatever stops that, the weights are there
                training.save()
            if looks:
                training.notify("look")
            if saves:
                training.notify("saved")
    stop.leave()
    return updater


def _batches(training: Training) -> Any:
    options = training.options
    return load_batches(
        training.train,
        batch_size=options.batch_size,
        seed=options.seed,
        epoch=training.epoch,
        position=training.samples_seen,
        workers=options.workers,
        device=training.updater.device,
        cache=options.cache,
        rank=training.context.rank,
        world=training.context.size,
    )


def _size(batch: Batch) -> int:
    return next((len(x) for x in batch.values() if isinstance(x, Tensor)), 0)


def _agreed(stop: Stop, context: DistributedContext) -> bool:
    """Whether any process was asked to stop; all leave as the one that was asked."""
    asked = context.max(stop.requested or 0)
    if asked:
        stop.requested = asked
    return bool(asked)
