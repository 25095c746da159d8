"""The training loop."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from typing import NoReturn

import torch
from torch import nn
from tqdm import tqdm

from ganblocks.augment import Augmentation
from ganblocks.checkpoints import RunFolder
from ganblocks.data.base import PairedDataset
from ganblocks.data.direction import source_and_target
from ganblocks.data.seeding import seeded_generator
from ganblocks.errors import GanBlocksWarning, OptionError, RunError, require_count
from ganblocks.losses import Objective
from ganblocks.training.batches import batch_place, load_batches, next_place, steps_per_epoch
from ganblocks.training.checkpoint import save_checkpoint
from ganblocks.training.checkup import Checkup
from ganblocks.training.graphed import make_step
from ganblocks.training.loggers import Logger
from ganblocks.training.metrics_log import columns_of
from ganblocks.training.pool import ImagePool
from ganblocks.training.randomness import own_randomness
from ganblocks.training.readings import Readings
from ganblocks.training.report import write_report
from ganblocks.training.run_log import RunLog
from ganblocks.training.samples import sample_grid
from ganblocks.training.schedule import Schedule, resolve_schedule
from ganblocks.training.state import TrainState
from ganblocks.training.stopping import stop_signals
from ganblocks.training.world import World

ROWS = 4
"""Pairs in a grid."""


def fit(
    state: TrainState,
    objective: Objective,
    train_set: PairedDataset,
    val_set: PairedDataset,
    run: RunFolder,
    *,
    direction: str,
    epochs: int,
    steps: int | None = None,
    batch_size: int = 1,
    accumulate: int = 1,
    precision: str = "fp32",
    augment: Augmentation | None = None,
    schedule: str | Schedule = "linear",
    cuda_graph: bool = False,
    cache: str = "auto",
    workers: int = 0,
    log_every: int = 1,
    sample_every: int = 400,
    checkpoint_every: int = 400,
    keep: int = 1,
    best_by: Callable[[nn.Module], float] | None = None,
    loggers: Sequence[Logger] = (),
    seed: int = 0,
    progress: bool = True,
) -> None:
    """Trains from the state's step to the last, and keeps the run's folder up to date.

    A run that is stopped at any moment can be resumed from its last checkpoint; the order of the
    pairs and their random draws depend on `seed` and the place in the epoch alone. Ctrl-C and
    SIGTERM finish the step (of several processes, those up to the next row of the log) and write a
    checkpoint first. What is found to be ill is warned of and
    written to `health.jsonl`. Under `torchrun` (see `process_group`) each process takes its own
    pairs, and the first one writes.

    Args:
        state: Networks and optimisers, fresh or resumed.
        objective: What is minimised, on the same device.
        train_set: Pairs to learn from.
        val_set: Pairs to look at; four of them, evenly spaced, make the grids.
        run: Where log, grids, checkpoints and report go.
        direction: `"a2b"` or `"b2a"`.
        epochs: Passes over `train_set` that the schedule is laid out for.
        steps: Stop after so many steps in all, sooner than the epochs end.
        batch_size: Pairs of one step in one process.
        accumulate: Parts that a batch is cut into to save memory, see `train_step`.
        precision: `"fp32"`, `"bf16"` or `"fp16"`.
        augment: Varies what the discriminator sees, see `train_step`.
        schedule: Learning rate by the epoch: `"linear"` is constant for half of the epochs and
            then falls to 0, `"cosine"`, `"constant"`, or a function (epoch, epochs) → factor.
        cuda_graph: Whether the step is to run as a CUDA graph, see `make_step`.
        cache: `"auto"` keeps the pairs in memory, decoded and resized, where they fit;
            `"always"` or `"never"`.
        workers: Processes that read pairs ahead, where they are not cached.
        log_every: Steps from one row of the log to the next; the device is not waited for
            in between.
        sample_every: Steps from one grid to the next.
        checkpoint_every: Steps from one checkpoint to the next.
        keep: Checkpoints to keep, the newest as `state.pt`.
        best_by: Scores the generator at each checkpoint, lower is better; the best one's weights
            are kept as `best.safetensors`.
        loggers: Take the rows and the grids as well; they are closed at the end.
        seed: Seed of the order, of the grids' dropout and, beyond the first process, of all draws.
        progress: Whether to show a progress bar.

    Raises:
        OptionError: A number of steps, pairs or processes is too small, a word unknown, or a
            logger none.
        DataError: A pair cannot be read.
        RunError: The run's folder cannot be written, or has the checkpoint of another training.
        KeyboardInterrupt: Ctrl-C, after the checkpoint.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from ganblocks import PatchDiscriminator, SyntheticFacades, UNetGenerator
        >>> state = TrainState(
        ...     UNetGenerator(base_channels=4, num_downs=3),
        ...     PatchDiscriminator(base_channels=4, n_layers=1),
        ... )
        >>> pairs = SyntheticFacades(length=2, size=32)
        >>> objective = Objective({"adversarial": "vanilla", "l1": {"type": "l1", "weight": 100}})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = RunFolder.create(Path(folder) / "run", {"direction": "b2a"})
        ...     fit(state, objective, pairs, pairs, run, direction="b2a", epochs=1, progress=False)
        ...     sorted(file.name for file in run.path.glob("*.safetensors"))
        ['discriminator.safetensors', 'generator.safetensors']
    """
    for what, count, least in [
        ("epochs", epochs, 1),
        ("steps", epochs if steps is None else steps, 1),
        ("batch_size", batch_size, 1),
        ("log_every", log_every, 1),
        ("sample_every", sample_every, 1),
        ("checkpoint_every", checkpoint_every, 1),
        ("keep", keep, 1),
        ("workers", workers, 0),
        ("seed", seed, 0),
        ("pairs of val_set", len(val_set), 1),
    ]:
        require_count(what, count, least)
    if not isinstance(run, RunFolder):
        raise OptionError(f"run is {run!r}: write RunFolder.create(folder, spec) or RunFolder(…)")
    if run.has_state and state.step == 0:
        raise RunError(
            f"{run.path} has a checkpoint, and this training begins at step 0: load_checkpoint("
            "state, run, objective, train_set) goes on with it; take another folder for a new one",
            see="run-folder",
        )
    for logger in loggers:
        if isinstance(logger, type) or not isinstance(logger, Logger):
            raise OptionError(
                f"{logger!r} is no logger: give it the methods log(row), picture(step, sheet) and "
                "close()"
            )
    with ExitStack() as until_the_end:
        enter = until_the_end.enter_context
        for logger in loggers:  # first, so that they are closed whatever comes
            enter(closing(logger))
        rate_at = resolve_schedule(schedule)
        world = World.current()
        _warn_of_batch_norm(state, batch_size)
        images, length = batch_size * world.size, len(train_set)
        # With another number of processes the rest of an epoch may be too small for a step.
        state.epoch, state.position = batch_place(
            state.epoch, state.position, length=length, images=images
        )
        last = _last_step(state, epochs, steps, length, images)
        _warn_of_steps(state.step, last, epochs, steps)
        if world.size > 1:
            state.distribute()
            if state.step == 0 and world.rank:
                own_seed = seeded_generator(seed, world.rank).initial_seed()
                torch.manual_seed(own_seed)
                if state.pool is not None:
                    state.pool = ImagePool(state.pool.size, seed=own_seed)
        state.generator.train()
        state.discriminator.train()
        step = make_step(
            state,
            objective,
            precision=precision,
            augment=augment,
            accumulate=accumulate,
            cuda_graph=cuda_graph,
        )
        samples = [val_set[row * len(val_set) // ROWS] for row in range(min(ROWS, len(val_set)))]
        readings = Readings(world)
        checkup = Checkup(
            state, objective, run, precision=precision, augment=augment, accumulate=accumulate
        )
        enter(closing(checkup))
        outputs: list[Logger] = []
        if world.writes:
            log = RunLog(run, columns_of(objective), resumed_at=state.step)
            outputs = [enter(closing(log)), *loggers]
        batches = load_batches(
            train_set,
            batch_size=batch_size,
            seed=seed,
            epoch=state.epoch,
            position=state.position,
            workers=workers,
            device=state.device,
            cache=cache,
            rank=world.rank,
            world=world.size,
        )
        enter(closing(batches))
        bar = enter(_bar(state.step, last, shown=progress and world.writes))
        stop = enter(stop_signals())
        leaving = False
        while state.step < last and not leaving:
            epoch = state.epoch
            state.set_lr_factor(_checked(rate_at(epoch, epochs), epoch))
            source, target = source_and_target(next(batches), direction)
            readings.add(state.step + 1, step(source, target), images)
            checkup.saw(state.step, source, target)
            state.epoch, state.position = next_place(
                epoch, state.position, length=length, images=images
            )
            bar.update()

            def due(every: int) -> bool:
                return state.step % every == 0 or state.step == last

            # Several processes can only agree where all of them are sure to ask.
            if due(log_every) or (world.size == 1 and stop.requested):
                if asked := world.max(stop.requested or 0):
                    leaving, stop.requested = True, asked  # all leave as the one that was asked
                skipped = readings.skipped()
                row = readings.row(state, epoch)
                for output in outputs:
                    output.log(row)
                bar.set_postfix(_short(row), refresh=False)
                checkup.read(row, skipped)
            saved, looked_at = due(checkpoint_every) or leaving, due(sample_every)
            if looked_at or (saved and best_by is not None):
                state.gather()
            if saved:  # before the grid: whatever stops that, the weights are there
                if best_by is not None and world.writes:
                    _keep_best(state, run, best_by, seed)
                save_checkpoint(state, run, objective, train_set, keep=keep)
            if looked_at and world.writes:
                sheet = sample_grid(state.result, samples, direction, seed=seed)
                for output in outputs:
                    output.picture(state.step, sheet)
                checkup.look(samples, direction)
            if saved and world.writes and state.step < last:
                write_report(run.path)
    if world.writes:
        write_report(run.path)
    stop.leave()


def _last_step(state: TrainState, epochs: int, steps: int | None, length: int, images: int) -> int:
    """Counts the steps of the run, those that are done among them."""
    per_epoch = steps_per_epoch(length, images)
    left_of_this = max(0, length - state.position) // images if state.position else per_epoch
    left = left_of_this + (epochs - state.epoch - 1) * per_epoch
    last = state.step + max(0, left)
    return last if steps is None else min(steps, last)


def _warn_of_steps(step: int, last: int, epochs: int, steps: int | None) -> None:
    """Says so where less is trained than was asked for."""
    told = []
    if steps is not None and steps > last:
        told = [f"steps={steps} is more than is left of epochs={epochs}: it ends at step {last}"]
    if step >= last:
        remedy = "its epochs are over" if last != steps else "write a larger --steps to go on"
        told.append(f"already at step {step} of {last}: nothing is left to train, {remedy}")
    if told:
        warnings.warn(". ".join(told), GanBlocksWarning, stacklevel=3)


def _checked(factor: float, epoch: int) -> float:
    if (
        isinstance(factor, bool)
        or not isinstance(factor, int | float)
        or not 0 <= factor < math.inf
    ):
        raise OptionError(
            f"the schedule gave {factor!r} for epoch {epoch}: it has to give a number from 0 on"
        )
    return factor


def _bar(start: int, last: int, *, shown: bool) -> tqdm[NoReturn]:
    return tqdm(
        total=last,
        initial=start,
        disable=not shown or start >= last,
        unit="step",
        mininterval=0.5 if sys.stderr.isatty() else 15,
    )


def _short(row: Mapping[str, float]) -> dict[str, str]:
    return {c: f"{row[c]:.3g}" for c in ("d_real", "d_fake", "loss_d", "lr") if c in row}


def _keep_best(
    state: TrainState, run: RunFolder, best_by: Callable[[nn.Module], float], seed: int
) -> None:
    """Scores the generator; whatever that draws or switches does not reach the training."""
    modes = [(module, module.training) for module in state.result.modules()]
    with own_randomness(state.device, seed):
        score = best_by(state.result)
    if not isinstance(score, int | float):
        raise OptionError(f"best_by gave {score!r}: it has to give a number, lower is better")
    for module, training in modes:
        module.training = training
    if math.isnan(score):
        message = "best_by gave NaN: this checkpoint is not compared"
        warnings.warn(message, GanBlocksWarning, stacklevel=3)
    elif state.best is None or score < state.best:
        state.best, state.best_step = float(score), state.step
        run.save_weights("best", state.result)


def _warn_of_batch_norm(state: TrainState, batch_size: int) -> None:
    """Says that grids are drawn with other statistics than the generator learned with."""
    if batch_size > 1 and any(isinstance(m, nn.BatchNorm2d) for m in state.generator.modules()):
        warnings.warn(
            f"the generator's batch norm learns from {batch_size} images at a time, and its "
            'pictures are made with each image\'s own statistics: norm="instance" learns as it '
            "draws",
            GanBlocksWarning,
            stacklevel=3,
        )
