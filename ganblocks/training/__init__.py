"""Training: one step of any task, the loop around it, and its callbacks."""

from ganblocks.training.buffer_rules import register_buffer_rule
from ganblocks.training.callback import Callback
from ganblocks.training.callbacks import (
    GridCallback,
    LogCallback,
    ProgressCallback,
    ReportCallback,
    ScoreCallback,
    default_callbacks,
)
from ganblocks.training.cuda_graph import cuda_graph_step
from ganblocks.training.ema import EMA
from ganblocks.training.health_callback import HealthCallback
from ganblocks.training.loop import fit
from ganblocks.training.nonfinite import find_nonfinite
from ganblocks.training.optimizers import OPTIMIZERS
from ganblocks.training.options import TrainOptions, option
from ganblocks.training.precision import (
    preferred_memory_format,
    resolve_device,
    resolve_precision,
)
from ganblocks.training.schedules import SCHEDULES, constant_rate, cosine_decay, linear_decay
from ganblocks.training.scores import mean_l1
from ganblocks.training.setup import dry_run
from ganblocks.training.training import Training
from ganblocks.training.updater import Updater

__all__ = [
    "EMA",
    "OPTIMIZERS",
    "SCHEDULES",
    "Callback",
    "GridCallback",
    "HealthCallback",
    "LogCallback",
    "ProgressCallback",
    "ReportCallback",
    "ScoreCallback",
    "TrainOptions",
    "Training",
    "Updater",
    "constant_rate",
    "cosine_decay",
    "cuda_graph_step",
    "default_callbacks",
    "dry_run",
    "find_nonfinite",
    "fit",
    "linear_decay",
    "mean_l1",
    "option",
    "preferred_memory_format",
    "register_buffer_rule",
    "resolve_device",
    "resolve_precision",
]
