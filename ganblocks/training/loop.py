"""The training loop."""

from __future__ import annotations

import sys
import time
import warnings

from torch import Tensor, nn
from tqdm import tqdm

from ganblocks.augment import Augmentation
from ganblocks.checkpoints import RunFolder
from ganblocks.data.base import PairedDataset
from ganblocks.data.direction import source_and_target
from ganblocks.errors import GanBlocksWarning, require_at_least
from ganblocks.losses import Objective
from ganblocks.training.batches import load_batches, steps_per_epoch
from ganblocks.training.metrics_log import COLUMNS, MetricsLog, columns_of
from ganblocks.training.report import write_report
from ganblocks.training.samples import sample_grid
from ganblocks.training.schedule import linear_decay
from ganblocks.training.state import TrainState
from ganblocks.training.step import train_step

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
    precision: str = "fp32",
    augment: Augmentation | None = None,
    log_every: int = 1,
    sample_every: int = 400,
    checkpoint_every: int = 400,
    workers: int = 0,
    seed: int = 0,
    progress: bool = True,
) -> None:
    """Trains from the state's step to the last, and keeps the run's folder up to date.

    The learning rate is constant for half of the epochs and then falls linearly to 0. A run
    that is stopped at any moment can be resumed from its last checkpoint; the order of the
    pairs and their random draws depend on `seed` and the step alone.

    Args:
        state: Networks and optimisers, fresh or resumed.
        objective: What is minimised, on the same device.
        train_set: Pairs to learn from.
        val_set: Pairs to look at; four of them, evenly spaced, make the grids.
        run: Where log, grids, checkpoints and report go.
        direction: `"a2b"` or `"b2a"`.
        epochs: Passes over `train_set` that the schedule is laid out for.
        steps: Stop after so many steps in all, sooner than the epochs end.
        batch_size: Pairs of one step.
        precision: `"fp32"` or `"bf16"`.
        augment: Varies what the discriminator sees, see `train_step`.
        log_every: Steps from one row of the log to the next.
        sample_every: Steps from one grid to the next.
        checkpoint_every: Steps from one checkpoint to the next.
        workers: Processes that read pairs ahead.
        seed: Seed of the order and of the grids' dropout.
        progress: Whether to show a progress bar.

    Raises:
        OptionError: A number of steps, pairs or processes is too small.
        DataError: A pair cannot be read.
        RunError: The run's folder cannot be written.

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
        ("workers", workers, 0),
        ("seed", seed, 0),
        ("pairs of val_set", len(val_set), 1),
    ]:
        require_at_least(what, count, least)
    _warn_of_batch_norm(state, batch_size)
    per_epoch = steps_per_epoch(len(train_set), batch_size)
    last = epochs * per_epoch if steps is None else min(steps, epochs * per_epoch)
    shown = [val_set[row * len(val_set) // ROWS] for row in range(min(ROWS, len(val_set)))]
    if state.step >= last:
        warnings.warn(
            f"already at step {state.step} of {last}: nothing is left to train. "
            "Write a larger --steps to go on",
            GanBlocksWarning,
            stacklevel=2,
        )
    state.generator.train()
    state.discriminator.train()
    log = MetricsLog(run.metrics, columns_of(objective), resumed_at=state.step)
    batches = load_batches(
        train_set,
        batch_size=batch_size,
        seed=seed,
        start=state.step,
        workers=workers,
        device=state.device,
    )
    bar = tqdm(
        total=last,
        initial=state.step,
        disable=not progress,
        unit="step",
        mininterval=0.5 if sys.stderr.isatty() else 15,
    )
    clock, images = time.perf_counter(), 0
    seen: dict[str, Tensor] = {}  # the newest of each: a lazy penalty is not due at every step
    try:
        while state.step < last:
            epoch = state.step // per_epoch
            state.set_lr_factor(linear_decay(epoch, epochs))
            source, target = source_and_target(next(batches), direction)
            scalars = train_step(
                state, source, target, objective, precision=precision, augment=augment
            )
            seen |= scalars
            images += len(source)
            bar.update()
            if state.step % log_every == 0 or state.step == last:
                row = _row(state, epoch, seen)
                seen = {}
                row["images_per_s"] = images / (time.perf_counter() - clock)
                clock, images = time.perf_counter(), 0
                log.write(row)
                bar.set_postfix({c: f"{row[c]:.3g}" for c in COLUMNS[1:]}, refresh=False)
            saved = state.step % checkpoint_every == 0 or state.step == last
            if saved:  # before the grid: whatever stops that, the weights are there
                save_checkpoint(state, run, objective)
            if state.step % sample_every == 0 or state.step == last:
                sheet = sample_grid(state.generator, shown, direction, seed=seed)
                run.save_sample(state.step, sheet)
            if saved and state.step < last:
                write_report(run.path)
    finally:
        batches.close()
        bar.close()
        log.close()
    write_report(run.path)


def save_checkpoint(state: TrainState, run: RunFolder, objective: Objective) -> None:
    """Writes the state, what the objective remembers, and both networks' weights."""
    run.save_state({**state.state_dict(), "objective": objective.memory()})
    run.save_weights("generator", state.generator)
    run.save_weights("discriminator", state.discriminator)


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


def _row(state: TrainState, epoch: int, scalars: dict[str, Tensor]) -> dict[str, float | int]:
    values: dict[str, float | int] = {name: value.item() for name, value in scalars.items()}
    return {**values, "step": state.step, "epoch": epoch, "lr": state.lr}
