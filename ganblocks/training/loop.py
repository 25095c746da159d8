"""The training loop."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from typing import Any

from torch import Tensor

from ganblocks.arguments import checked
from ganblocks.data.map_style import as_epoch_dataset
from ganblocks.errors import OptionError, require_count
from ganblocks.runs import RunFolder
from ganblocks.tasks import Task
from ganblocks.training.batches import ResumableBatchSampler, load_batches
from ganblocks.training.callback import Callback
from ganblocks.training.callbacks import default_callbacks
from ganblocks.training.metric_buffer import MetricBuffer
from ganblocks.training.options import TrainOptions
from ganblocks.training.schedules import lr_factor, resolve_schedule
from ganblocks.training.setup import build_updater, memory_explained, prepare_training
from ganblocks.training.signals import catch_stop_signals, ends_of_workers_as_before
from ganblocks.training.training import Training
from ganblocks.training.updater import Updater


@checked
def fit(
    task: Task,
    train: Any,
    val: Any,
    run: RunFolder,
    options: TrainOptions | None = None,
    callbacks: Sequence[Callback] | None = None,
) -> Updater:
    """Trains a task, and writes the run's folder.

    A run that has a checkpoint resumes from it, bit for bit: the order of the samples and their
    random augmentations depend only on the seed and the position in the epoch. On Ctrl-C, SIGTERM
    or SIGHUP, `fit` finishes the step (with several processes, the steps up to the next row of the
    log) and writes a checkpoint. Problems are reported as `HealthWarning` and in `health.jsonl`.
    Under `torchrun` (see `process_group`), each process trains on its own samples, and rank 0
    writes the files.

    Args:
        task: The task to train; it is moved to `options.device`.
        train: Training samples, as dictionaries: an `EpochDataset`, which draws anew in each epoch,
            even within `Subset` (`random_split`) or `ConcatDataset`, or any map-style dataset.
        val: Held-out samples, in the same form. Grids show four of them, and scores are means over
            all.
        run: The folder for the log, grids, checkpoints and report. If it does not exist, it is
            created once all inputs have been checked.
        options: The options; the defaults if None.
        callbacks: The callbacks; `default_callbacks()` if None.

    Returns:
        The updater, with the trained task and `inference_network(name)`.

    Raises:
        OptionError: An option does not fit the task or the data.
        ShapeError: The data do not fit the networks.
        DataError: A sample cannot be read.
        RunError: The folder cannot be written, or contains a checkpoint of another task or other
            data.
        KeyboardInterrupt: Ctrl-C was pressed; raised after the checkpoint is written.

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
    train, val = as_epoch_dataset("train", train), as_epoch_dataset("val", val)
    for name, data in (("train", train), ("val", val)):
        require_count(f"samples of {name}", len(data), 1)
    callbacks = default_callbacks(progress=options.progress) if callbacks is None else callbacks
    with ExitStack() as lock, ExitStack() as stack:
        for callback in callbacks:  # first, so that they are always closed
            stack.enter_context(closing(callback))
        stack.enter_context(memory_explained(options))
        schedule = resolve_schedule(options.schedule)
        updater = build_updater(task, options)
        training = Training(updater, train, val, run, options, callbacks)
        step_function = prepare_training(training, lock)
        context, buffer = training.context, MetricBuffer(training.context)
        stack.enter_context(ends_of_workers_as_before())
        batches = stack.enter_context(closing(_load_batches(training)))
        request = stack.enter_context(catch_stop_signals())
        training.notify("start")
        stopping = False
        while training.step < training.last_step and not stopping:
            epoch = training.epoch
            updater.set_lr_factor(lr_factor(schedule, epoch, options.epochs))
            buffer.start_step()
            batch = _next_batch(batches, training)
            metrics = step_function(batch)
            size = next((len(x) for x in batch.values() if isinstance(x, Tensor)), 0)
            buffer.add(metrics, samples=size * context.world_size)
            training.advance()
            training.notify("step", batch, metrics)
            logs = training.is_due(options.log_every)
            # Several processes can only agree at steps where all of them check.
            asks = logs or (context.world_size == 1 and request.signal)
            if asks and (signal := context.max(request.signal or 0)):
                request.signal, stopping = signal, True
            saves = training.is_due(options.checkpoint_every) or stopping
            samples = training.is_due(options.sample_every)
            best = saves and options.best_by is not None
            scores = training.is_due(options.score_every) or best
            if saves or samples or scores:
                updater.gather_weights()
            if scores:
                training.notify("score")
            if logs or stopping:
                training.log(epoch, buffer.pop_row())
            if saves:  # before the grid, so that an error there loses no weights
                training.save()
            if samples:
                training.notify("sample")
            if saves:
                training.notify("checkpoint")
    request.raise_if_requested()
    return updater


def _next_batch(batches: Iterator[dict[str, Any]], training: Training) -> dict[str, Any]:
    """Returns the next batch; if it cannot be read, the steps before it are saved."""
    try:
        return next(batches)
    except Exception:
        # With several processes, the others would not save at this step.
        if training.context.world_size == 1 and training.step > training.saved_step:
            training.save()
        raise


def _load_batches(training: Training) -> Generator[dict[str, Any]]:
    options, context = training.options, training.context
    sampler = ResumableBatchSampler(
        len(training.train),
        options.batch_size,
        seed=options.seed,
        epoch=training.epoch,
        samples_seen=training.samples_seen,
        rank=context.rank,
        world_size=context.world_size,
    )
    return load_batches(
        training.train,
        sampler,
        device=training.updater.device,
        workers=options.workers,
        cache=options.cache,
    )
