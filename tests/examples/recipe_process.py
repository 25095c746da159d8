"""The recipe as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RECIPE = [sys.executable, str(ROOT / "examples" / "pix2pix_facades.py")]
# A run of seconds; what a test adds comes later and wins.
TINY = "--load-size 36 --crop-size 32 --num-downs 3 --n-layers 1 --base-channels 4"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def start(folder, *flags):
    """Starts the recipe as a process of its own, with tiny flags before the given ones."""
    command = [*RECIPE, *TINY.split(), *map(str, flags)]
    return subprocess.Popen(command, cwd=folder, env=ENVIRONMENT)
