"""The default callbacks of `fit`: scores, grids, log, report, progress."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NoReturn

import torch
from torch import Tensor
from tqdm import tqdm

from ganblocks.arguments import checked
from ganblocks.data.formats import as_colors
from ganblocks.errors import GanBlocksWarning, OptionError
from ganblocks.pictures import grid
from ganblocks.randomness import own_randomness
from ganblocks.report import write_card, write_report
from ganblocks.runs import Logger
from ganblocks.runs.csv_logger import CsvLogger
from ganblocks.tasks import Batch
from ganblocks.training.callback import Callback, Reporting
from ganblocks.training.health_callback import HealthCallback
from ganblocks.training.scores import score_baseline, score_task
from ganblocks.training.training import Training


class ScoreCallback(Callback):
    """Scores the task on the held-out data, and saves the best networks by `options.best_by`.

    The scores become columns of the log, `val_` + name. `spec.json` stores the latest ones as
    `scores`, and those of the baseline as `baselines`.
    """

    def __init__(self) -> None:
        self._baselines: dict[str, float] | None = None

    def start(self, training: Training) -> None:
        """Reads the baselines of a resumed run."""
        if training.context.is_main_process:
            self._baselines = training.run.spec.get("baselines")

    def score(self, training: Training) -> None:
        """Scores the current networks."""
        if not training.context.is_main_process:
            return
        updater, options = training.updater, training.options
        with own_randomness(updater.device, options.seed):
            twin, metric = updater.inference_task(), training.best_metric
            scores = score_task(twin, training.val, metric=metric, progress=options.progress)
            if scores and self._baselines is None:
                self._baselines = score_baseline(training.task, training.val)
        if not scores:
            return
        training.scores |= {f"val_{name}": value for name, value in scores.items()}
        # JSON has no NaN: it is written as text.
        plain = {name: x if math.isfinite(x) else str(x) for name, x in scores.items()}
        better = {metric.name: metric.better} if metric else {}
        stored = {"scores": plain, "baselines": self._baselines or {}, "better": better}
        with training.reporting.by("spec.json"):
            training.run.write_spec({**training.run.spec, **stored})
        if options.best_by is not None:
            name = metric.name if metric else options.best_by
            self._save_best(training, name, scores[name], higher="higher" in better.values())

    def _save_best(self, training: Training, name: str, score: float, *, higher: bool) -> None:
        best = training.best if training.best_name in (None, name) else None  # of another score
        if math.isnan(score):
            message = f"the score {name!r} is NaN: this step cannot be the best one"
            warnings.warn(message, GanBlocksWarning, stacklevel=2)
        elif best is None or (score > best if higher else score < best):
            training.best, training.best_step, training.best_name = score, training.step, name
            updater = training.updater
            for network in training.task.averaged or updater.networks:
                training.run.save_weights(f"best_{network}", updater.inference_network(network))


class GridCallback(Callback):
    """Makes a grid of the outputs for four held-out samples.

    The headings of its columns, the keys of `Task.preview`, are stored in `spec.json` as `grid`.
    """

    def sample(self, training: Training) -> None:
        """Makes a grid."""
        if not training.context.is_main_process:
            return
        twin, device = training.updater.inference_task(), training.updater.device
        with torch.inference_mode(), own_randomness(device, training.options.seed):
            previews = [twin.preview(batch) for batch in training.preview_batches()]
        if headings := list(previews[0]):
            with training.reporting.by("spec.json"):
                if training.run.spec.get("grid") != headings:
                    training.run.write_spec({**training.run.spec, "grid": headings})
            formats = getattr(training.train, "formats", {}).values()
            rows = [[as_colors(x[0], formats) for x in p.values()] for p in previews]
            training.notify("grid", grid(rows))


@checked
class LogCallback(Callback):
    """Writes `metrics.csv` and the grids into the run's folder, and passes them to loggers.

    Args:
        loggers: Additional loggers; they are closed at the end.

    Raises:
        OptionError: One of them is not a logger.
    """

    def __init__(self, loggers: Sequence[Logger] = ()) -> None:
        for logger in loggers:
            if isinstance(logger, type) or not isinstance(logger, Logger):
                raise OptionError(
                    f"{logger!r} is not a logger: give it the methods log(row), "
                    "log_image(step, grid) and close()"
                )
        self._loggers = list(loggers)
        self._reporting = Reporting()
        self._log: CsvLogger | None = None

    def start(self, training: Training) -> None:
        """Opens the log, and removes rows and grids of later steps."""
        if training.context.is_main_process:
            training.run.remove_samples_after(training.step)
            self._log = CsvLogger(training.run.metrics, resumed_at=training.step)

    def log(self, training: Training, row: Mapping[str, float]) -> None:
        """Writes a row."""
        if self._log is not None:
            for logger in (self._log, *self._loggers):
                with self._reporting.by(type(logger).__name__):
                    logger.log(row)

    def grid(self, training: Training, grid: Tensor) -> None:
        """Writes a grid."""
        with self._reporting.by("the grid"):
            training.run.save_sample(training.step, grid)
        for logger in self._loggers:
            with self._reporting.by(type(logger).__name__):
                logger.log_image(training.step, grid)

    def close(self) -> None:
        """Closes all loggers."""
        for logger in self._loggers:
            with self._reporting.by(type(logger).__name__):
                logger.close()


class ReportCallback(Callback):
    """Writes the run's `index.html` and its card, `README.md`, at each checkpoint."""

    only_reports = True

    def checkpoint(self, training: Training) -> None:
        """Writes both."""
        if training.context.is_main_process:
            write_report(training.run.path)
            write_card(training.run.path)


@checked
class ProgressCallback(Callback):
    """Shows a progress bar on a terminal, and a line every 15 seconds elsewhere."""

    only_reports = True

    def __init__(self) -> None:
        self._bar: tqdm[NoReturn] | None = None

    def start(self, training: Training) -> None:
        """Opens the bar."""
        if training.context.is_main_process and training.step < training.last_step:
            self._bar = tqdm(
                total=training.last_step,
                initial=training.step,
                unit="step",
                mininterval=0.5 if sys.stderr.isatty() else 15,
            )

    def step(self, training: Training, batch: Batch, metrics: Mapping[str, Tensor]) -> None:
        """Counts a step."""
        if self._bar is not None:
            self._bar.update()

    def log(self, training: Training, row: Mapping[str, float]) -> None:
        """Shows a few columns of a row."""
        if self._bar is not None:
            shown = [c for c in row if c in ("d_real", "d_fake", "lr_g") or c.startswith("loss_g")]
            self._bar.set_postfix({c: f"{row[c]:.3g}" for c in shown[:4]}, refresh=False)

    def close(self) -> None:
        """Closes the bar."""
        if self._bar is not None:
            with suppress(OSError):  # the terminal is gone
                self._bar.close()


@checked
def default_callbacks(loggers: Sequence[Logger] = (), *, progress: bool = True) -> list[Callback]:
    """Returns the callbacks that `fit` uses by default; remove some or add your own.

    Args:
        loggers: Loggers for rows and grids, in addition to the run's folder.
        progress: Whether to show a progress bar.

    Examples:
        >>> [type(callback).__name__ for callback in default_callbacks(progress=False)]
        ['ScoreCallback', 'LogCallback', 'GridCallback', 'HealthCallback', 'ReportCallback']
    """
    bar = [ProgressCallback()] if progress else []
    return [
        ScoreCallback(),
        LogCallback(loggers),
        GridCallback(),
        HealthCallback(),
        ReportCallback(),
        *bar,
    ]
