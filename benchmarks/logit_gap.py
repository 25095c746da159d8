"""Checks that a run's discriminator is alive: mean of D(real) - D(fake) over the last rows.

python benchmarks/logit_gap.py runs/paper --at-least 1
"""

import argparse
import csv
import math
import statistics
import sys
from pathlib import Path


def main() -> int:
    """Prints the gap; the exit code tells whether it is wide enough and the log is finite."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--rows", type=int, default=25, help="last rows of the log to average")
    parser.add_argument("--at-least", type=float, default=1.0)
    options = parser.parse_args()
    with (options.run / "metrics.csv").open(newline="") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    broken = [row["step"] for row in rows if not all(map(math.isfinite, row.values()))]
    gap = statistics.mean(row["d_real"] - row["d_fake"] for row in rows[-options.rows :])
    print(f"steps {len(rows)}, rows with NaN or infinity {len(broken)}")
    print(f"mean D(real) - D(fake) over the last {options.rows} rows: {gap:.2f}")
    return int(bool(broken) or not gap >= options.at_least)


if __name__ == "__main__":
    sys.exit(main())
