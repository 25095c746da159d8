"""The recipe as a process forked from one that has imported everything: it starts at once."""

import multiprocessing
import os
import runpy
import sys

import torch
from fork_server import start
from recipe_process import RECIPE, TINY


def fork(folder, *flags):
    """Starts the recipe, with tiny flags before the given ones, and returns its process."""
    return start(_run, folder, [*TINY.split(), *map(str, flags)])


def _run(folder, flags):
    multiprocessing.set_start_method("fork", force=True)  # not what started this one
    os.chdir(folder)
    torch.set_num_threads(1)
    output = os.open("output", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(output, stream)
    sys.argv = [RECIPE[-1], *flags]
    runpy.run_path(RECIPE[-1], run_name="__main__")
