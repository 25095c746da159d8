"""How a training runs: everything but the task and the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ganblocks.data.cached import CACHES
from ganblocks.errors import OptionError, require_at_least, require_count, require_one_of
from ganblocks.training.precision import PRECISIONS
from ganblocks.training.schedules import Schedule


def option(
    default: Any,
    help: str,  # noqa: A002
    *choices: str,
    least: float | None = None,
    may_change: bool = False,
) -> Any:
    """Returns a dataclass field that explains itself, which `ganblocks.cli` makes a flag of.

    Args:
        default: The default.
        help: What it is, in a line.
        *choices: The words that it may be, if they are few.
        least: The smallest number that it may be.
        may_change: Whether a resumed run may have another value.

    Examples:
        >>> @dataclass
        ... class Data:
        ...     size: int = option(128, "side of the images", least=1)
        >>> Data().size
        128
    """
    metadata = {"help": help, "choices": choices or None, "least": least}
    return field(default=default, metadata={**metadata, "may_change": may_change})


@dataclass(frozen=True)
class TrainOptions:
    """How `fit` trains a task.

    Attributes:
        epochs: Passes over the data, which the schedule is laid out for.
        steps: Stop after so many steps in all, sooner than the epochs end.
        batch_size: Samples of one step in one process.
        accumulate: Parts that a batch is cut into to save memory, see `Updater`.
        schedule: Learning rate by the epoch: a name of `SCHEDULES`, its spec, or a function (epoch
            from 0, epochs) → factor.
        clip_norm: Longer gradients of a player are scaled down to this norm.
        ema: Decay of a running average of the networks that the task names.
        precision: `"fp32"`, `"bf16"`, `"fp16"`; `"auto"` is the fastest that is native.
        device: `"auto"`, `"cpu"`, `"cuda"`, `"cuda:N"` or `"mps"`.
        compile: Whether networks are compiled first.
        cuda_graph: Whether the step runs as one CUDA graph; a warning says where it cannot.
        shard: Whether processes share the networks that the task names in parts (FSDP2).
        deterministic: Whether two runs give the same numbers, bit for bit.
        cache: `"auto"` keeps paired images in memory where they fit; `"always"`, `"never"`.
        workers: Processes that read ahead, where samples are not cached.
        seed: Seed of the order, of the grids' noise and, beyond the first process, of all draws.
        log_every: Steps from one row of the log to the next.
        sample_every: Steps from one grid to the next.
        checkpoint_every: Steps from one checkpoint to the next.
        keep_last: Checkpoints to keep, the newest as `state.pt`.
        best_by: A score of the task, lower is better, by which the best networks are kept.
        score_every: Steps from one held-out score to the next; 0 scores at the end alone.
        progress: Whether a progress bar is shown.

    Raises:
        OptionError: A value is out of its range.

    Examples:
        >>> TrainOptions(epochs=200, precision="bf16").batch_size
        1
    """

    epochs: int = option(8, "passes over the data; the schedule is laid out for them", least=1)
    steps: int | None = option(None, "stop after so many steps in all", least=1, may_change=True)
    batch_size: int = option(1, "samples of one step", least=1)
    accumulate: int = option(1, "parts that a batch is cut into to save memory", least=1)
    schedule: str | Mapping[str, Any] | Schedule = option(  # noqa: RUF009  (a field)
        "linear", "learning rate by the epoch: linear, cosine or constant"
    )
    clip_norm: float | None = option(None, "longer gradients are scaled down to this norm", least=0)
    ema: float | None = option(None, "decay of a running average, such as 0.999", least=0)
    precision: str = option("auto", "number format of the networks", *PRECISIONS)
    device: str = option("auto", "auto, cpu, cuda, cuda:N or mps", may_change=True)
    compile: bool = option(False, "compile the networks before the training", may_change=True)
    cuda_graph: bool = option(False, "run the step as one CUDA graph", may_change=True)
    shard: bool = option(False, "leave each process a part of the generator", may_change=True)
    deterministic: bool = option(False, "the same numbers from every run, bit for bit")
    cache: str = option("auto", "keep decoded pairs in memory", *CACHES, may_change=True)
    workers: int = option(
        0, "processes that read ahead, if nothing is cached", least=0, may_change=True
    )
    seed: int = option(0, "seed of weights, order, crops and dropout", least=0)
    log_every: int = option(10, "steps between rows of metrics.csv", least=1, may_change=True)
    sample_every: int = option(400, "steps between grids", least=1, may_change=True)
    checkpoint_every: int = option(400, "steps between checkpoints", least=1, may_change=True)
    keep_last: int = option(1, "checkpoints to keep", least=1, may_change=True)
    best_by: str | None = option(
        None, "score by which the best networks are kept, such as l1", may_change=True
    )
    score_every: int = option(
        0, "steps between held-out scores; 0: at the end alone", least=0, may_change=True
    )
    progress: bool = option(True, "show a progress bar", may_change=True)

    def __post_init__(self) -> None:
        for name in _COUNTS:
            require_count(name, getattr(self, name), int(_metadata(self, name)["least"]))
        if self.steps is not None:
            require_count("steps", self.steps, 1)
        for name in ("clip_norm", "ema"):
            if getattr(self, name) is not None:
                require_at_least(name, getattr(self, name), 0)
        for name in ("precision", "cache"):
            require_one_of(name, getattr(self, name), _metadata(self, name)["choices"])
        if self.batch_size % self.accumulate:
            raise OptionError(
                f"batch_size {self.batch_size} is not a multiple of accumulate {self.accumulate}"
            )
        if self.seed >= 2**63:
            raise OptionError(f"seed is {self.seed}: write one below 2^63")

    def plain(self) -> dict[str, Any]:
        """Returns the options as plain JSON, a function of one's own by its name.

        Examples:
            >>> TrainOptions(epochs=2).plain()["epochs"]
            2
        """
        schedule = self.schedule
        name = getattr(schedule, "__qualname__", type(schedule).__name__)
        shown = schedule if isinstance(schedule, str | Mapping) else name
        return {**asdict(replace(self, schedule="linear")), "schedule": shown}


_COUNTS = (
    *("epochs", "batch_size", "accumulate", "workers", "seed", "log_every", "sample_every"),
    *("checkpoint_every", "keep_last", "score_every"),
)


def _metadata(options: TrainOptions, name: str) -> Any:
    return options.__dataclass_fields__[name].metadata
