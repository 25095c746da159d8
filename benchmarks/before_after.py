"""Compares the training step of two checkouts: `train_step` before, `Updater.step` after.

python benchmarks/before_after.py ../before .

Each checkout trains in its own process, which waits until it is asked for a block of steps: the
two take turns and never run at the same time. Memory is measured in fresh processes.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

Setting = tuple[int, int, int, int, str]  # pixels, base channels, G's downs, D's layers, precision
SIZES = {"paper": (256, 64, 8, 3), "small": (128, 16, 6, 2)}


def start(checkout: Path, setting: Setting) -> Any:
    """Starts the process of a checkout."""
    return subprocess.Popen(
        [sys.executable, __file__, "work", json.dumps([str(checkout.resolve()), setting])],
        env={**os.environ, "PYTHONPATH": str(checkout.resolve())},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def ask(process: Any, steps: int) -> Any:
    """Runs a block there and returns its seconds; 0 ends it, for MiB and a digest of weights."""
    print(steps, file=process.stdin, flush=True)
    answer = process.stdout.readline() or sys.exit("a checkout's process failed, see above")
    if steps == 0:
        process.communicate()
    return json.loads(answer)


def work(checkout: str, setting: Setting) -> None:
    """Sets up a training, and runs the blocks that are asked for."""
    found = importlib.util.find_spec("ganblocks")
    if found is None or not Path(str(found.origin)).is_relative_to(checkout):
        sys.exit(f"{checkout} is not a checkout of ganblocks")
    torch, gb = map(importlib.import_module, ("torch", "ganblocks"))
    imported = peak()
    size, base, downs, layers, precision = setting
    torch.manual_seed(0)
    networks = (
        gb.UNetGenerator(base_channels=base, num_downs=downs, dropout_mode="always"),
        gb.PatchDiscriminator(6, base_channels=base, n_layers=layers),
    )
    objective = gb.Objective({"gan": "vanilla", "l1": {"type": "l1", "weight": 100}})
    source, target = torch.rand(2, 1, 3, size, size) * 2 - 1
    if hasattr(gb, "Updater"):
        updater = gb.Updater(gb.PairedTranslation(*networks, objective), precision=precision)
        step = partial(updater.step, {"source": source, "target": target})
    else:
        given = (gb.TrainState(*networks), source, target, objective)
        step = partial(gb.train_step, *given, precision=precision)
    while steps := int(sys.stdin.readline() or 0):
        begin = time.perf_counter()
        for _ in range(steps):
            step()
        print(time.perf_counter() - begin, flush=True)
    reached = peak()
    tensors = [x.numpy().tobytes() for n in networks for x in n.state_dict().values()]
    print(json.dumps([reached, reached - imported, hashlib.sha256(b"".join(tensors)).hexdigest()]))


def peak() -> float:
    """Returns this process's peak in MiB; getrusage would start at the parent's."""
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024


def times(checkouts: list[Path], setting: Setting, pairs: int, block: float) -> list[list[float]]:
    """Returns the seconds of a step, before and after, for each pair of blocks."""
    processes = [start(checkout, setting) for checkout in checkouts]
    for process in processes:  # cuDNN chooses its algorithms in the first steps
        ask(process, 3)
    steps = max(1, round(block / ask(processes[0], 1)))
    found = []
    for pair in range(pairs):
        seconds = [0.0, 0.0]
        for which in (0, 1) if pair % 2 == 0 else (1, 0):
            time.sleep(0.1)  # until the other's threads sleep as well
            seconds[which] = ask(processes[which], steps) / steps
        found.append(seconds)
    for process in processes:
        ask(process, 0)
    return found


def interval(ratios: list[float], draws: int = 2000) -> tuple[float, float]:
    """Returns the 95 % interval of the median, from percentiles of a bootstrap."""
    chance = random.Random(0)
    medians = [statistics.median(chance.choices(ratios, k=len(ratios))) for _ in range(draws)]
    cuts = statistics.quantiles(medians, n=40, method="inclusive")
    return cuts[0], cuts[-1]


def compare(checkouts: list[Path], setting: Setting, pairs: int, block: float) -> bool:
    """Prints both ratios, and returns whether they are within their limits."""
    ends: list[list[Any]] = [[], []]
    for which in (0, 1) * 3:
        process = start(checkouts[which], setting)
        ask(process, 3)
        ends[which].append(ask(process, 0))
    most, own, digest, new_most, new_own, new_digest = (
        statistics.median_low(column) for end in ends for column in zip(*end, strict=True)
    )
    found = times(checkouts, setting, pairs, block)
    ratios = [after / before for before, after in found]
    ratio, (low, high) = statistics.median(ratios), interval(ratios)
    ms, new_ms = (1000 * statistics.median(column) for column in zip(*found, strict=True))
    same = "the same" if digest == new_digest else "DIFFERENT"
    print(f"{setting}, {pairs} pairs, {same} weights after 3 steps:")
    print(f"  time × {ratio:.4f}, 95%: {low:.4f} to {high:.4f} ({ms:.4g} → {new_ms:.4g} ms)")
    print(f"  peak × {new_most / most:.4f} ({most:.0f} → {new_most:.0f} MiB)")
    print(f"  above the imports × {new_own / own:.4f} ({own:.0f} → {new_own:.0f} MiB)", flush=True)
    return bool(max(ratio, new_most / most) <= 1.02)


def main() -> int:
    """Compares each size in each precision; the exit code tells whether all are low enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkouts", type=Path, nargs=2, help="the old one, then the new one")
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--block", type=float, default=2.0, help="approximate seconds of a block")
    parser.add_argument("--size", choices=SIZES, nargs="*", default=list(SIZES))
    parser.add_argument("--precision", nargs="*", default=["fp32", "bf16"])
    options = parser.parse_args()
    settings = [(*SIZES[size], format_) for size in options.size for format_ in options.precision]
    met = [compare(options.checkouts, s, options.pairs, options.block) for s in settings]
    return int(not all(met))


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        work(*json.loads(sys.argv[2]))
    else:
        sys.exit(main())
