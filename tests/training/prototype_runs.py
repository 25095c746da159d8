"""A run of a task that the package does not ship, for a process that may be killed."""

import torch
from prototypes import Images, Unpaired, cyclegan, noise_to_image

from ganblocks import RunFolder, TrainOptions, fit
from ganblocks.training import default_callbacks

BUILDERS = {"unpaired": cyclegan, "unconditional": noise_to_image}
ARGUMENTS = {"unpaired": {"pool_size": 3}, "unconditional": {}}
EVERY = 3
"""Steps from one checkpoint to the next."""


def data_of(kind, length):
    return Unpaired(length) if kind == "unpaired" else Images(length)


def train(kind, path, steps, seed=0):
    """Begins a run or goes on with it, with an average, a pool, and batches of two from a worker.

    Args:
        kind: A name of `BUILDERS`.
        path: The run's folder.
        steps: Where it ends.
        seed: Seed of the weights that a new run begins with.
    """
    torch.set_num_threads(1)
    task = BUILDERS[kind](seed, **ARGUMENTS[kind])
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
        task, data_of(kind, 7), data_of(kind, 2), run, options, default_callbacks(progress=False)
    )
