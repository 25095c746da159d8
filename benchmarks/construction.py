"""Measures how long the U-Net 256 takes to be built: filled, and on the meta device.

python benchmarks/construction.py --record
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from plain_pix2pix import PlainUNet
from recording import record
from torch import nn

from ganblocks import UNetGenerator
from ganblocks.cli import run_command


def on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    """Builds a network without memory for its weights."""
    with torch.device("meta"):
        return build()


def main() -> None:
    """Prints the median time of each way, and ours as a multiple of the plain network's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="write them for the docs")
    options = parser.parse_args()
    ways: dict[str, Callable[[], nn.Module]] = {
        "plain, torch's own initialisation": lambda: PlainUNet(64, 8),
        "plain, on the meta device": lambda: on_meta(lambda: PlainUNet(64, 8)),
        "ganblocks, N(0, 0.02)": UNetGenerator,
        "ganblocks, on the meta device": lambda: on_meta(UNetGenerator),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(7):
        for name, build in ways.items():  # alternating, so that a busy machine slows all
            start = time.perf_counter()
            build()
            times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in times.items()}
    rows = [(name, f"{1000 * median:.1f}") for name, median in medians.items()]
    for name, median in rows:
        print(f"{name:34} {median:>8} ms")
    plain, plain_meta, ours, ours_meta = medians.values()
    ratios = f"{ours / plain:.2f} filled, {ours_meta / plain_meta:.2f} on the meta device"
    print(f"ratio {ratios}")
    if options.record:
        note = f"Medians of 7, in turn. Ours as a multiple of the plain network's: {ratios}."
        record("Construction of the U-Net 256", ("way", "milliseconds"), rows, note)


if __name__ == "__main__":
    run_command(main)
