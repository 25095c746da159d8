"""The recipe as a process of `torchrun` that leaves its process number, for a test to end it."""

import os
import runpy
import sys
from pathlib import Path

RECIPE = Path(__file__).parents[2] / "examples" / "pix2pix_facades.py"

if __name__ == "__main__":
    rank, attempt = os.environ["RANK"], os.environ["TORCHELASTIC_RESTART_COUNT"]
    Path(f"rank_{rank}_of_attempt_{attempt}").write_text(str(os.getpid()))
    sys.argv[0] = str(RECIPE)
    runpy.run_path(str(RECIPE), run_name="__main__")
