"""Training options: everything except the task and the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
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
    """Returns a dataclass field with the metadata that `ganblocks.cli` turns into a flag.

    Args:
        default: The default.
        help: A one-line description.
        *choices: The allowed values, if there are few.
        least: The smallest allowed number.
        may_change: Whether the value may change when a run is resumed.

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
        epochs: Number of passes over the data, which the schedule spans.
        steps: Stop at this step, if it comes before the last epoch ends.
        batch_size: Samples per step and process.
        accumulate: Number of micro-batches to split a batch into, to save memory; see `Updater`.
        schedule: Learning rate by epoch: a name from `SCHEDULES`, a spec, or a function that takes
            (epoch from 0, epochs) and returns a factor.
        clip_norm: Maximum L2 norm of each player's gradient.
        ema: Decay of the running average of the networks in the task's `averaged`.
        precision: `"fp32"`, `"bf16"` or `"fp16"`; `"auto"` selects the fastest format that the
            device supports natively.
        device: `"auto"`, `"cpu"`, `"cuda"`, `"cuda:N"` or `"mps"`.
        compile: Whether to compile the networks.
        cuda_graph: Whether to run the step as one CUDA graph; warns if that is not possible.
        shard: Whether to shard the networks in the task's `sharded` (FSDP2).
        deterministic: Whether runs are bit-for-bit reproducible.
        cache: Whether to keep paired images in memory: `"always"`, `"never"`, or `"auto"`, if they
            fit.
        workers: Processes that load samples, if they are not cached.
        seed: Seed of the sample order, of the noise in grids and, except on rank 0, of all random
            numbers.
        log_every: Steps between rows of the log.
        sample_every: Steps between grids.
        checkpoint_every: Steps between checkpoints.
        keep_last: Number of checkpoints to keep; the latest is `state.pt`.
        best_by: Score that selects the best networks: one of the task's, such as `"l1"`, or a name
            from `METRICS`, such as `"kid"`.
        score_every: Steps between held-out scores; 0 scores only at the end.
        progress: Whether to show a progress bar.

    Raises:
        OptionError: A value is out of range.

    Examples:
        >>> TrainOptions(epochs=200, precision="bf16").batch_size
        1
    """

    epochs: int = option(8, "passes over the data, which the schedule spans", least=1)
    steps: int | None = option(None, "stop at this step", least=1, may_change=True)
    batch_size: int = option(1, "samples per step and process", least=1)
    accumulate: int = option(1, "parts to split a batch into, to save memory", least=1)
    schedule: str | Mapping[str, Any] | Schedule = option(  # noqa: RUF009  (a field)
        "linear", "learning rate by epoch: linear, cosine or constant"
    )
    clip_norm: float | None = option(None, "maximum L2 norm of a player's gradient", least=0)
    ema: float | None = option(None, "decay of a running average, such as 0.999", least=0)
    precision: str = option("auto", "number format of the networks", *PRECISIONS)
    device: str = option("auto", "auto, cpu, cuda, cuda:N or mps", may_change=True)
    compile: bool = option(False, "compile the networks", may_change=True)
    cuda_graph: bool = option(False, "run the step as one CUDA graph", may_change=True)
    shard: bool = option(False, "shard the generator over the processes", may_change=True)
    deterministic: bool = option(False, "make runs bit-for-bit reproducible")
    cache: str = option("auto", "keep decoded pairs in memory", *CACHES, may_change=True)
    workers: int = option(0, "processes that load uncached samples", least=0, may_change=True)
    seed: int = option(0, "seed of weights, order, crops and dropout", least=0)
    log_every: int = option(10, "steps between rows of metrics.csv", least=1, may_change=True)
    sample_every: int = option(400, "steps between grids", least=1, may_change=True)
    checkpoint_every: int = option(400, "steps between checkpoints", least=1, may_change=True)
    keep_last: int = option(1, "checkpoints to keep", least=1, may_change=True)
    best_by: str | None = option(
        None, "score that selects the best networks, such as l1 or kid", may_change=True
    )
    score_every: int = option(
        0, "steps between held-out scores; 0: only at the end", least=0, may_change=True
    )
    progress: bool = option(True, "show a progress bar", may_change=True)

    def __post_init__(self) -> None:
        for entry in fields(TrainOptions):
            value, least = getattr(self, entry.name), entry.metadata["least"]
            if value is None and entry.default is None:
                continue
            if entry.metadata["choices"]:
                require_one_of(entry.name, value, entry.metadata["choices"])
            elif least is not None and str(entry.type).startswith("int"):
                require_count(entry.name, value, least)
            elif least is not None:
                require_at_least(entry.name, value, least)
        if self.batch_size % self.accumulate:
            raise OptionError(
                f"batch_size={self.batch_size} is not a multiple of accumulate={self.accumulate}: "
                "write a divisor of the batch size"
            )

    def to_dict(self) -> dict[str, Any]:
        """Returns the options as JSON; a schedule that is a function becomes its name.

        Examples:
            >>> TrainOptions(epochs=2).to_dict()["epochs"]
            2
        """
        schedule: Any = self.schedule
        if not isinstance(schedule, str | Mapping):
            schedule = getattr(schedule, "__qualname__", type(schedule).__name__)
        return {**asdict(replace(self, schedule="linear")), "schedule": schedule}
