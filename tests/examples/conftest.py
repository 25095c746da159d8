import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPE = [sys.executable, str(ROOT / "examples" / "pix2pix_facades.py")]
# A run of seconds; what a test adds comes later and wins.
TINY = "--load-size 36 --crop-size 32 --num-downs 3 --n-layers 1 --base-channels 4"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def start(folder, *flags):
    """Starts the recipe as a process of its own, with tiny flags before the given ones."""
    command = [*RECIPE, *TINY.split(), *map(str, flags)]
    return subprocess.Popen(command, cwd=folder, env=ENVIRONMENT)


@pytest.fixture
def recipe(tmp_path, monkeypatch, capsys):
    """Runs the recipe in an empty folder with tiny flags before the given ones."""
    monkeypatch.chdir(tmp_path)

    def run(*flags):
        monkeypatch.setattr(sys, "argv", ["pix2pix_facades.py", *TINY.split(), *map(str, flags)])
        capsys.readouterr()
        try:
            runpy.run_path(RECIPE[-1], run_name="__main__")
            code = 0
        except SystemExit as stopped:
            code = stopped.code
        return code, *capsys.readouterr()

    return run
