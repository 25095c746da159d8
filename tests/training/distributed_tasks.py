"""What the processes of a distributed test do; without others beside it, each runs alone too."""

import os
import signal

import torch
from synced_tasks import TASKS, whole_batch
from tiny import Stripes, batch, tiny_task
from torch import nn

from ganblocks import Callback, DiffAugment, RunFolder, TrainOptions, Updater, fit
from ganblocks.distributed import DistributedContext
from ganblocks.errors import OptionError
from ganblocks.training import default_callbacks

ALIKE = {"device": "cpu", "precision": "fp32", "progress": False}


def gradients_and_weights(context, kind, batch_size, accumulate, lr=0.05, steps=3):
    """Trains on this rank's share of fixed batches; the first step's gradients, the last weights.

    Args:
        context: The processes; a process alone may take the share of one of several.
        kind: A name of `TASKS`.
        batch_size: Samples of all processes together.
        accumulate: Parts of the batch in each process.
        lr: The rate of all players.
        steps: Updates.
    """
    torch.manual_seed(0)
    # With momentum and decay a gradient of 0 moves a parameter, and no gradient does not.
    decay = 0.1 if lr else 0
    optimizer = {"type": "sgd", "lr": lr, "momentum": 0.5, "weight_decay": decay}
    task = TASKS[kind](optimizer=optimizer).double()
    updater = Updater(task, accumulate=accumulate)
    messages = dict.fromkeys(task.players, 0)
    if DistributedContext.current().world_size > 1:
        updater.distribute()
        for player, loss in updater._ddp_losses.items():
            loss._ddp.register_comm_hook(player, counted(messages))
    gradients = {}
    for step in range(steps):
        # Parts go round: part 0 of every rank, then part 1, as one process would cut its batch.
        share = {
            key: x.unflatten(0, (accumulate, context.world_size, -1))[:, context.rank].flatten(0, 1)
            for key, x in whole_batch(kind, batch_size, step).items()
        }
        metrics = updater.step(share)
        assert not any(x for key, x in metrics.items() if key.startswith("skipped"))
        if step == 0:
            named = task.named_parameters()
            gradients = {key: p.grad.clone() for key, p in named if p.grad is not None}
    weights = {key: x.clone() for key, x in task.state_dict().items()}
    return {"gradients": gradients, "weights": weights, "messages": messages}


def counted(messages):
    """A hook that averages as DDP does without one, and counts its buckets by player."""

    def hook(player, bucket):
        messages[player] += 1
        world = torch.distributed.group.WORLD
        mean = torch.distributed.all_reduce(bucket.buffer() / world.size(), async_op=True)
        return mean.get_future().then(lambda done: done.value()[0])

    return hook


def synced_batch_norm(context):
    """Returns what networks with SyncBatchNorm say on the CPU."""
    task = TASKS["batch norm"](optimizer="sgd")
    for name in task.networks():
        setattr(task, name, nn.SyncBatchNorm.convert_sync_batchnorm(task.network(name)))
    updater = Updater(task)
    try:
        updater.distribute()
        updater.step(batch())
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "it ran"


class Recorded(Stripes):
    """Notes which pairs are read, and can ask this process to stop while it reads one."""

    def __init__(self, length, stop_at=None):
        super().__init__(length)
        self.keys = []
        self.stop_at = stop_at

    def fingerprint(self):
        return Stripes(self.length).fingerprint()

    def read(self, epoch, index):
        self.keys.append((epoch, index))
        if len(self.keys) == self.stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().read(epoch, index)


class Begins(Callback):
    """Notes where the training begins, and what it has read by then to look whether all fits."""

    def __init__(self, keys):
        self.keys, self.reads, self.place = keys, 0, None

    def start(self, training):
        self.reads = len(self.keys)
        self.place = (training.step, training.epoch, training.samples_seen)
        self.training = training


def trained(context, path, arguments):
    """Trains with `fit` into a folder, and tells what happened in this process.

    Args:
        context: The processes.
        path: The folder.
        arguments: Keyword arguments of `_trained`.
    """
    return _trained(context, path, **arguments)


def _trained(
    context,
    path,
    *,
    steps,
    length=10,
    everything=False,
    stop=(None, None),
    twice=False,
    **options,
):
    """Trains with `fit` into a folder, and tells what happened in this process.

    Args:
        context: The processes.
        path: The folder; it goes on with what is there.
        steps: Steps in all.
        length: Pairs of an epoch.
        everything: Whether EMA, image pool and augmentation take part.
        stop: A rank and which of its reads, one before the first step among them, brings a SIGTERM.
        twice: Whether `fit` is called for half of the steps first, in the same process.
        **options: Fields of `TrainOptions`.
    """
    task = tiny_task(**({"pool_size": 3, "augment": DiffAugment()} if everything else {}))
    pairs = Recorded(length, stop[1] if stop[0] == context.rank else None)
    masks = []

    def note_mask(module, given, output):
        if module.training:
            masks.append(output == 0)

    for module in task.generator.modules():
        if isinstance(module, nn.Dropout):
            module.register_forward_hook(note_mask)
    begins = Begins(pairs.keys)
    given = {"epochs": 4, "cache": "never", "checkpoint_every": 100, "log_every": 1, **options}
    average = 0.9 if everything else None
    code = 0
    try:
        for last in [steps // 2, steps] if twice else [steps]:
            fit(
                task,
                pairs,
                Stripes(2),
                folder_of(context, path),
                TrainOptions(steps=last, ema=average, **ALIKE, **given),
                [*default_callbacks(progress=False), begins],
            )
    except SystemExit as stopped:
        code = stopped.code
    updater = begins.training.updater
    return {
        "began": begins.place,
        "step": updater.steps,
        "keys": pairs.keys[begins.reads :],
        "mask": masks[0],
        "state": updater.state_dict(),
        "exit": code,
    }


def folder_of(context, path):
    if RunFolder(path).exists:
        return RunFolder.open(path)
    if context.is_main_process:
        return RunFolder.create(path)
    return RunFolder(path / "nowhere")  # a process that writes would fail here


def greetings(context):
    """What reaches the rank that writes from each, and whether another start left a word."""
    store = torch.distributed.distributed_c10d._get_default_store()
    left = store.check(["greeted"])
    torch.distributed.barrier()
    store.set("greeted", "")
    own = {"rank": context.rank, "left": left, "tensor": torch.full((2,), context.rank)}
    return context.gather(own)


def sharded(context, path, arguments):
    """Trains with a generator in parts, or the same one whole; with all that goes with it.

    Args:
        context: The processes.
        path: The run's folder; it goes on with what is there.
        arguments: Fields of `TrainOptions`.
    """
    given = {"epochs": 6, "checkpoint_every": 100, "seed": 3, "log_every": 1, **arguments}
    options = TrainOptions(ema=0.9, clip_norm=5.0, **ALIKE, **given)
    if RunFolder(path).exists or not context.is_main_process:
        run = RunFolder(path)
    else:
        run = RunFolder.create(path)
    updater = fit(tiny_task(), Stripes(), Stripes(2), run, options)
    parts = [p for p in updater.task.generator.parameters() if hasattr(p, "to_local")]
    held = sum(p.to_local().numel() for p in parts)
    whole = updater.state_dict([])
    state = {
        "generator": whole["networks"]["generator"],
        "optimizer": whole["optimizers"]["generator"],
        "average": whole["averages"]["generator"],
    }
    return {"held": held, "state": state}


def one_process_cannot_share(context):
    """What an updater says that is to share with nobody."""
    try:
        Updater(tiny_task(), shard=True)
    except OptionError as error:
        return str(error)
    return "it ran"


def adaptive_weights(context, shard):
    """Trains with an adaptive weight; returns it, by step, and the norms of gradients.

    Args:
        context: The processes.
        shard: Whether each process has a part of the generator.
    """
    torch.manual_seed(0)
    updater = Updater(TASKS["reconstruction"](optimizer="adam"), shard=shard)
    updater.distribute()
    rows = []
    for step in range(3):
        given = whole_batch("reconstruction", 2, step)["image"].float()
        rows.append(updater.step({"image": given[context.rank][None]}))
    return [(row.get("weight_adversarial", 0), row["grad_norm_g"]) for row in rows]


def moves_after_nan(context, shard, optimizer):
    """Tells whether the generator moves: in a step with a NaN on the last rank, and in the next.

    Args:
        context: The processes.
        shard: Whether each process has a part of the generator.
        optimizer: The optimizer of both players.
    """
    torch.manual_seed(0)
    updater = Updater(tiny_task(optimizer=optimizer), shard=shard)
    updater.distribute()
    weights, moves = list(updater.task.generator.parameters()), []
    for value in (float("nan") if context.rank == context.world_size - 1 else 0.0, 0.0):
        before = [p.detach().clone() for p in weights]
        pair = batch()
        pair["target"][0, 0, 0, 0] = value  # of which the gradient of L1 is 0
        row = updater.step(pair)
        moved = [not p.equal(old) for p, old in zip(weights, before, strict=True)]
        moves.append((all(moved), any(moved), row["skipped_g"].item()))
    box = [updater.state_dict([updater.local_state()] * context.world_size)]
    torch.distributed.broadcast_object_list(box)  # the first process has all of a sharded network
    updater.load_state_dict(box[0], rank=context.rank)
    return moves
