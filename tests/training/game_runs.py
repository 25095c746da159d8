"""A run of a shipped task besides pix2pix, for a process that may be killed."""

import torch
from games import build, dataset

from ganblocks import RunFolder, TrainOptions, fit
from ganblocks.training import default_callbacks

OPTIONS = {"unpaired": {"pool_size": 3}}
"""Arguments of a task, by its kind."""
EVERY = 3
"""Steps from one checkpoint to the next."""


def train(kind, path, steps, seed=0):
    """Begins a run or goes on with it, with averages and batches of two from a worker.

    Args:
        kind: A name of `games.SPECS`.
        path: The run's folder.
        steps: Where it ends.
        seed: Seed of the weights that a new run begins with.
    """
    torch.set_num_threads(1)
    task = build(kind, seed, **OPTIONS.get(kind, {}))
    run = RunFolder.open(path) if RunFolder(path).exists else RunFolder.create(path)
    options = TrainOptions(
        epochs=1000,
        steps=steps,
        batch_size=2,
        ema=0.9,
        schedule="cosine",
        workers=1,
        device="cpu",
        precision="fp32",
        progress=False,
        log_every=1,
        sample_every=5,
        checkpoint_every=EVERY,
    )
    return fit(
        task, dataset(kind, 7), dataset(kind, 2), run, options, default_callbacks(progress=False)
    )
