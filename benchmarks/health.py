"""Trains the recipe with each adversarial loss: a healthy run should report no problem.

python benchmarks/health.py FOLDER_OF_PAIRS --record
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from logit_gap import read
from recording import flags, report

from ganblocks import ADVERSARIAL_LOSSES, RunFolder
from ganblocks.cli import run_command
from ganblocks.runs.loggers import objects_until

RECIPE = Path(__file__).parents[1] / "examples" / "pix2pix_facades.py"
# rpgan's authors train it with this penalty. The critic of wgan_gp needs several steps for each
# of the generator's; with one, as here, it is at chance, and the monitor says so.
PENALTIES = {"rpgan": ("--penalty", "r1_r2", "--penalty-weight", "100")}


def findings(adversarial: str, pairs: str, steps: int, folder: Path) -> tuple[str, str, str, str]:
    """Trains with one loss, and returns its row of the table.

    Args:
        adversarial: The loss.
        pairs: The folder of pairs.
        steps: Steps to train.
        folder: Where the run is saved.
    """
    penalty = PENALTIES.get(adversarial, ())
    command = [
        *(sys.executable, str(RECIPE), "--preset", "paper", "--data", pairs),
        *("--adversarial", adversarial, *penalty, "--steps", str(steps), "--out", str(folder)),
        *("--sample-every", str(max(1, steps // 2)), "--checkpoint-every", str(steps)),
    ]
    if not RunFolder(folder).has_state:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    told = [found["name"] for found in objects_until(folder / "health.jsonl", steps)]
    gap = read(folder, last=25).gap
    words = f"{penalty[3]} · {penalty[1]}" if penalty else "none"
    return adversarial, words, f"{gap:.2f}", ", ".join(told) or "none"


def main() -> None:
    """Prints a row for each loss."""
    parser = flags(__doc__)
    parser.add_argument("pairs", help="a folder of pairs, such as the CMP facades")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--only", nargs="*", help="losses, instead of all")
    parser.add_argument("--keep", help="a folder for the runs; finished ones in it are reused")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.only or ADVERSARIAL_LOSSES.names():
            folder = Path(options.keep or scratch) / name
            rows.append(findings(name, options.pairs, options.steps, folder))
            print(*rows[-1], sep="  ", flush=True)
    report(
        "Healthy runs and the health monitor",
        ("adversarial", "penalty", "D(real) − D(fake)", "findings"),
        rows,
        f"""What the monitor reported in {options.steps} steps of the recipe's preset `paper` with
        each adversarial loss, and the mean gap of the last 25 steps.""",
        record=options.record,
    )


if __name__ == "__main__":
    run_command(main)
