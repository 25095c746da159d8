"""Training: one step, the loop around it, and what a run leaves behind."""

from ganblocks.training.loop import fit, save_checkpoint
from ganblocks.training.precision import resolve_device, resolve_precision
from ganblocks.training.report import write_report
from ganblocks.training.samples import mean_l1, rehearse, sample_grid
from ganblocks.training.schedule import linear_decay
from ganblocks.training.state import TrainState
from ganblocks.training.step import train_step

__all__ = [
    "TrainState",
    "fit",
    "linear_decay",
    "mean_l1",
    "rehearse",
    "resolve_device",
    "resolve_precision",
    "sample_grid",
    "save_checkpoint",
    "train_step",
    "write_report",
]
