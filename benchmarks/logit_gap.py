"""Checks that the discriminator of runs is alive: mean of D(real) - D(fake) over the last rows.

python benchmarks/logit_gap.py runs/vanilla runs/hinge --at-least 1 --record
"""

import csv
import math
import statistics
import sys
from pathlib import Path
from typing import NamedTuple

from recording import flags, report

from ganblocks import RunFolder


class Found(NamedTuple):
    """What the log of a run shows."""

    steps: int
    broken: int
    gap: float
    l1: float


def read(run: Path, last: int) -> Found:
    """Reads a run's log: rows that are not finite, and the means over the last rows."""
    with (run / "metrics.csv").open(newline="") as file:
        rows = [
            {key: float(value) for key, value in row.items() if value}
            for row in csv.DictReader(file)
        ]
    broken = sum(not all(map(math.isfinite, row.values())) for row in rows)
    gap = statistics.mean(row["d_real"] - row["d_fake"] for row in rows[-last:])
    return Found(len(rows), broken, gap, statistics.mean(row["loss_g_l1"] for row in rows[-last:]))


def terms(run: Path) -> str:
    """Names what the discriminator of a run minimizes."""
    named = dict(RunFolder.open(run).spec["task"]["objective"]["terms"])
    del named["l1"]
    specs = [{"type": term} if isinstance(term, str) else term for term in named.values()]
    return " + ".join(f"{spec.get('weight', 1):g} · `{spec['type']}`" for spec in specs)


def main() -> int:
    """Prints the gaps; the exit code tells whether all are wide enough and the logs finite."""
    parser = flags(__doc__)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--rows", type=int, default=25, help="last rows of the log to average")
    parser.add_argument("--at-least", type=float, default=1.0)
    options = parser.parse_args()
    found = [read(run, options.rows) for run in options.runs]
    report(
        "Adversarial losses on the CMP facades",
        (
            "minimized by D",
            "rows of the log",
            "D(real) − D(fake)",
            "L1 in training",
            "non-finite rows",
        ),
        [
            (terms(run), f"{steps}", f"{gap:.2f}", f"{l1:.3f}", f"{broken}")
            for run, (steps, broken, gap, l1) in zip(options.runs, found, strict=True)
        ],
        f"""The recipe's preset `paper` (U-Net 256, 70×70 PatchGAN, 256×256, batch 1), one seed;
        means over the last {options.rows} steps. Logits of different losses have different
        scales: a gap shows that D is alive, not which loss is better.""",
        record=options.record,
    )
    return int(any(broken or not gap >= options.at_least for _, broken, gap, _ in found))


if __name__ == "__main__":
    sys.exit(main())
