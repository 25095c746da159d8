"""Trains a tiny task into a folder, and reads what is left there."""

import csv

from tiny import Stripes, tiny_task

from ganblocks import RunFolder, TrainOptions, fit
from ganblocks.training import default_callbacks

OPTIONS = {"epochs": 4, "sample_every": 100, "checkpoint_every": 100, "log_every": 1}


def train(path, task=None, train_set=None, val_set=None, *, callbacks=None, loggers=(), **options):
    """Begins a run, or goes on with it; returns its folder and the updater."""
    run = RunFolder(path)
    options = TrainOptions(
        **{**OPTIONS, "progress": False, "device": "cpu", "precision": "fp32", **options}
    )
    if callbacks is None:
        callbacks = default_callbacks(loggers, progress=False)
    train_set, val_set = train_set or Stripes(), val_set or Stripes(2)
    return run, fit(task or tiny_task(), train_set, val_set, run, options, callbacks)


def rows(run):
    with run.metrics.open(newline="") as file:
        return list(csv.DictReader(file))
