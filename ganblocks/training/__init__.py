"""Training: one step, the loop around it, and what a run leaves behind."""

from ganblocks.training.checkpoint import load_checkpoint, save_checkpoint
from ganblocks.training.ema import EMA
from ganblocks.training.graphed import make_step
from ganblocks.training.loggers import JsonLinesLogger, Logger
from ganblocks.training.loop import fit
from ganblocks.training.pool import ImagePool
from ganblocks.training.precision import best_layout, resolve_device, resolve_precision
from ganblocks.training.randomness import make_deterministic
from ganblocks.training.report import write_report
from ganblocks.training.samples import mean_l1, rehearse, sample_grid
from ganblocks.training.schedule import SCHEDULES, constant_rate, cosine_decay, linear_decay
from ganblocks.training.state import TrainState
from ganblocks.training.step import train_step
from ganblocks.training.tensorboard import TensorBoardLogger
from ganblocks.training.world import World, process_group, restarted

__all__ = [
    "EMA",
    "SCHEDULES",
    "ImagePool",
    "JsonLinesLogger",
    "Logger",
    "TensorBoardLogger",
    "TrainState",
    "World",
    "best_layout",
    "constant_rate",
    "cosine_decay",
    "fit",
    "linear_decay",
    "load_checkpoint",
    "make_deterministic",
    "make_step",
    "mean_l1",
    "process_group",
    "rehearse",
    "resolve_device",
    "resolve_precision",
    "restarted",
    "sample_grid",
    "save_checkpoint",
    "train_step",
    "write_report",
]
