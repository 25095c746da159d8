"""What the processes of a distributed test do; without others beside it, each runs alone too."""

import os
import signal

import torch
from tiny import LOSSES, Stripes, tiny_state
from torch import nn

from ganblocks import (
    DiffAugment,
    Objective,
    OptionError,
    PatchDiscriminator,
    RunFolder,
    TrainState,
    UNetGenerator,
    World,
    fit,
    load_checkpoint,
    rehearse,
    spec_of,
    train_step,
)

R1 = Objective(
    {
        "adversarial": "vanilla",
        "l1": {"type": "l1", "weight": 10},
        "r1": {"type": "r1", "scalar": "mean", "weight": 5},
    },
    discriminator_weight=0.5,
)
OBJECTIVES = {"l1": LOSSES, "r1": R1}


def sgd_state(norm, lr=0.05):
    """A training without draws in double precision: two ways to one sum agree to rounding."""
    torch.manual_seed(0)
    networks = (
        UNetGenerator(base_channels=4, num_downs=3, norm=norm, dropout_levels=[]).double(),
        PatchDiscriminator(base_channels=4, n_layers=1, norm=norm).double(),
    )
    state = TrainState(*networks)
    state.optimizer_g, state.optimizer_d = (torch.optim.SGD(n.parameters(), lr) for n in networks)
    return state


def gradients_and_weights(world, objective, norm, batch_size, accumulate, lr=0.05, steps=3):
    """Trains on this rank's share of fixed batches; the first step's gradients, the last weights.

    Args:
        world: The processes; a process alone may take the share of one of several.
        objective: Its name.
        norm: The norm of both networks.
        batch_size: Pairs of all processes together.
        accumulate: Parts of the batch in each process.
        lr: The rate of both networks.
        steps: Updates.
    """
    state = sgd_state(norm, lr)
    messages = {"generator": 0, "discriminator": 0}
    if World.current().size > 1:
        state.distribute()
        for name in messages:
            state.call(name, synced=True).register_comm_hook(name, counted(messages))
    draws = torch.Generator().manual_seed(1)
    gradients = {}
    for step in range(steps):
        both = torch.rand(2, batch_size, 3, 16, 16, generator=draws, dtype=torch.float64) * 2 - 1
        # Parts go round: part 0 of every rank, then part 1, as one process would cut its batch.
        parts = both.view(2, accumulate, world.size, -1, 3, 16, 16)[:, :, world.rank]
        source, target = parts.flatten(1, 2)
        figures = train_step(state, source, target, OBJECTIVES[objective], accumulate=accumulate)
        assert not figures["skipped"]
        if step == 0:
            gradients = {
                f"{name}.{key}": p.grad.clone()
                for name in messages
                for key, p in getattr(state, name).named_parameters()
            }
    saved = state.state_dict()
    weights = {f"{name}.{key}": value for name in messages for key, value in saved[name].items()}
    return {"gradients": gradients, "weights": weights, "messages": messages}


def counted(messages):
    """A hook that averages as DDP does without one, and counts its buckets by network."""

    def hook(name, bucket):
        messages[name] += 1
        world = torch.distributed.group.WORLD
        mean = torch.distributed.all_reduce(bucket.buffer() / world.size(), async_op=True)
        return mean.get_future().then(lambda done: done.value()[0])

    return hook


def synced_batch_norm(world):
    """What networks with SyncBatchNorm say on the CPU."""
    state = sgd_state("batch")
    networks = [
        nn.SyncBatchNorm.convert_sync_batchnorm(n) for n in (state.generator, state.discriminator)
    ]
    state = TrainState(*networks)
    try:
        state.distribute()
        train_step(state, *torch.zeros(2, 1, 3, 16, 16, dtype=torch.float64), LOSSES)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "it ran"


class Recorded(Stripes):
    """Notes which pairs are read, and can ask this process to stop while it reads one."""

    def __init__(self, length, stop_at=None):
        super().__init__(length)
        self.keys = []
        self.stop_at = stop_at

    def read(self, epoch, index):
        self.keys.append((epoch, index))
        if len(self.keys) == self.stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().read(epoch, index)


def trained(world, path, knobs):
    """Trains with `fit` into a folder, and tells what happened in this process.

    Args:
        world: The processes.
        path: The folder.
        knobs: Keyword arguments of `_trained`.
    """
    return _trained(world, path, **knobs)


def _trained(
    world,
    path,
    *,
    steps,
    length=10,
    resume=False,
    everything=False,
    stop=(None, None),
    twice=False,
    **knobs,
):
    """Trains with `fit` into a folder, and tells what happened in this process.

    Args:
        world: The processes.
        path: The folder.
        steps: Steps in all.
        length: Pairs of an epoch.
        resume: Whether the run is there already.
        everything: Whether EMA, image pool and augmentation take part.
        stop: A rank and which of its reads brings a SIGTERM to it.
        twice: Whether `fit` is called for half of the steps first, on the same state.
        **knobs: Passed to `fit`.
    """
    state = tiny_state(**({"ema_decay": 0.9, "pool_size": 3} if everything else {}))
    pairs = Recorded(length, stop[1] if stop[0] == world.rank else None)
    masks = []
    for module in state.generator.modules():
        if isinstance(module, nn.Dropout):
            module.register_forward_hook(lambda *io: masks.append(io[-1] == 0))
    if resume:
        run = RunFolder.open(path)
        load_checkpoint(state, run, LOSSES, pairs)
    elif world.writes:
        run = RunFolder.create(path, {"generator": spec_of(state.generator), "direction": "b2a"})
    else:  # a process that writes would fail here
        run = RunFolder(path / "nowhere")
    began = (state.step, state.epoch, state.position)
    options = {"direction": "b2a", "epochs": 4, "cache": "never", "checkpoint_every": 100, **knobs}
    if everything:
        options["augment"] = DiffAugment()
    code = 0
    try:
        for last in [steps // 2, steps] if twice else [steps]:
            fit(state, LOSSES, pairs, Stripes(2), run, steps=last, progress=False, **options)
    except SystemExit as stopped:
        code = stopped.code
    return {
        "began": began,
        "step": state.step,
        "keys": pairs.keys,
        "mask": masks[0],
        "state": state.state_dict(),
        "exit": code,
    }


def greetings(world):
    """What reaches the rank that writes from each, and whether another start left a word."""
    store = torch.distributed.distributed_c10d._get_default_store()
    left = store.check(["greeted"])
    torch.distributed.barrier()
    store.set("greeted", "")
    own = {"rank": world.rank, "left": left, "tensor": torch.full((2,), world.rank)}
    return world.gather(own)


def sharded(world, path, knobs):
    """Trains with a generator in parts, or the same one whole; with all that goes with it.

    Args:
        world: The processes.
        path: The run's folder; it goes on with what is there.
        knobs: `shard`, `steps`, and keyword arguments of `fit`.
    """
    knobs = dict(knobs)
    shard, steps = knobs.pop("shard"), knobs.pop("steps")
    state = tiny_state(ema_decay=0.9, clip_norm=5.0, shard_generator=shard)
    rehearse(state, Stripes()[0], "b2a")
    parts = [p for p in state.generator.parameters() if hasattr(p, "to_local")]
    held = sum(p.to_local().numel() for p in parts)
    run = RunFolder(path)
    if run.has_state:
        load_checkpoint(state, run, LOSSES, Stripes())
    elif world.writes:
        run = RunFolder.create(path, {"generator": spec_of(state.result), "direction": "b2a"})
    options = {"direction": "b2a", "epochs": 6, "checkpoint_every": 100, "seed": 3, **knobs}
    fit(state, LOSSES, Stripes(), Stripes(2), run, steps=steps, progress=False, **options)
    whole = state.state_dict([])
    return {"held": held, "state": {k: whole[k] for k in ("generator", "optimizer_g", "ema")}}


def one_process_cannot_share(world):
    """What a state says that is to be shared by one."""
    try:
        tiny_state(shard_generator=True)
    except OptionError as error:
        return str(error)
    return "it ran"
