"""Processes that train together, with what `torchrun` gives each, and without its start."""

import os
import sys
import time
import traceback
from datetime import timedelta

import torch
import torch.distributed as dist
from fork_server import start

from ganblocks.distributed import process_group

LIMIT = 100
"""Seconds after which processes that have not ended are taken to hang."""


def run_ranks(task, size, folder, *given, store=None, restarts=0):
    """Runs `task(context, *given)` in so many processes; returns what each returned.

    Args:
        task: A function of a module that they can import.
        size: How many.
        folder: Where they leave what they return and what they say; each call needs its own.
        *given: Further arguments.
        store: Where they meet, see `open_store`; a new one by default.
        restarts: How often they were started before.
    """
    folder.mkdir(parents=True)
    store = store or open_store()
    ranks = [
        start(_run, task, rank, size, store.port, restarts, folder, given) for rank in range(size)
    ]
    deadline = time.monotonic() + LIMIT
    for process in ranks:
        process.join(max(0, deadline - time.monotonic()))
    hanging = [rank for rank, process in enumerate(ranks) if process.exitcode is None]
    for process in ranks:
        process.kill()
        process.join()
    errors = [path.read_text() for path in sorted(folder.glob("*.txt"))]
    assert not errors, "\n".join(errors)
    assert not hanging, f"ranks {hanging} of {size} hang"
    assert [process.exitcode for process in ranks] == [0] * size
    return [torch.load(folder / f"{rank}.pt") for rank in range(size)]


def open_store():
    """Opens the store that `torchrun` keeps for its processes from one start to the next."""
    limit = timedelta(seconds=LIMIT)
    return dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False, timeout=limit)


def _run(task, rank, size, port, restarts, folder, given):
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(size),
        "LOCAL_WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "TORCHELASTIC_RUN_ID": "test",
        "TORCHELASTIC_RESTART_COUNT": str(restarts),
        "TORCHELASTIC_USE_AGENT_STORE": "True",  # the store is the parent's, as under torchrun
    }
    torch.set_num_threads(1)
    torch.manual_seed(0)
    os.dup2(os.open(folder / f"{rank}.stderr", os.O_WRONLY | os.O_CREAT), 2)
    try:
        with process_group(torch.device("cpu")) as context:
            assert (context.rank, context.world_size) == (rank, size)
            torch.save(task(context, *given), folder / f"{rank}.pt")
    except BaseException:
        (folder / f"{rank}.txt").write_text(f"rank {rank} of {size}: {traceback.format_exc()}")
        sys.exit(1)
