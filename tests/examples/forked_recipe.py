"""The recipe as a process forked from one that has imported everything: it starts at once."""

import multiprocessing
import os
import runpy
import sys

import torch
from recipe_process import RECIPE, TINY

# torch's compiler is imported by its optimizers, and takes longer than all the rest.
_IMPORTED = ["torch._dynamo", "torchvision.transforms.v2.functional", "ganblocks.training"]
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(_IMPORTED)


def fork(folder, *flags):
    """Starts the recipe, with tiny flags before the given ones, and gives its process."""
    process = _CONTEXT.Process(target=_run, args=(folder, [*TINY.split(), *map(str, flags)]))
    process.start()
    return process


def _run(folder, flags):
    multiprocessing.set_start_method("fork", force=True)  # not what started this one
    os.chdir(folder)
    torch.set_num_threads(1)
    output = os.open("output", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(output, stream)
    sys.argv = [RECIPE[-1], *flags]
    runpy.run_path(RECIPE[-1], run_name="__main__")
