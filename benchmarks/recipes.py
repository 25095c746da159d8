"""Runs the recipes as they are, without flags, and records what each says of its held-out pictures.

python benchmarks/recipes.py --record
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from recording import flags, report

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = ("pix2pix_facades", "cyclegan", "super_resolution", "autoencoder", "noise_to_image")


def figures(output: str) -> str:
    """Returns the lines with figures, without those about the data and the run's folder."""
    lines = output.strip().splitlines()[1:]
    return "; ".join(line for line in lines if not line.startswith("look at"))


def main() -> None:
    """Runs them one after the other, on all cores."""
    options = flags(__doc__).parse_args()
    rows = []
    for name in NAMES:
        with TemporaryDirectory() as folder:
            command = [sys.executable, str(EXAMPLES / f"{name}.py"), "--no-progress"]
            start = time.monotonic()
            done = subprocess.run(
                command, cwd=folder, check=True, capture_output=True, text=True, env=os.environ
            )
            minutes = (time.monotonic() - start) / 60
        rows.append((f"`{name}.py`", figures(done.stdout), f"{minutes:.1f}"))
    report(
        "The recipes without flags",
        ("recipe", "what it says of held-out pictures", "minutes"),
        rows,
        """Each trains on drawn facades, in minutes; none of these figures says how a recipe does on
        real pictures. The minutes depend on what else the machine does.""",
        record=options.record,
    )


if __name__ == "__main__":
    main()
