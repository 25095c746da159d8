"""A server that has imported everything once, and then forks: one for all tests of a worker."""

import multiprocessing
import os
import sys
from multiprocessing import forkserver
from unittest.mock import patch

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    # torch's compiler is imported by its optimizers, and takes longer than all the rest.
    [
        *("torch._dynamo", "torchvision.transforms.v2.functional"),
        *("distributed_ranks", "distributed_tasks"),
    ]
)


def start(target, *arguments):
    """Starts a forked process that calls `target`, and returns it."""
    # The server may not know the path of its parent, and leaves out what it cannot import.
    path = os.pathsep.join(filter(None, sys.path))
    with patch.dict(os.environ, PYTHONPATH=path):
        forkserver.ensure_running()
    process = _CONTEXT.Process(target=_run, args=(target, *arguments))
    process.start()
    return process


def _run(target, *arguments):
    """Starts data workers as outside tests do: a server's outlive a parent that is killed."""
    default, *_ = multiprocessing.get_all_start_methods()
    multiprocessing.set_start_method(default, force=True)
    target(*arguments)
