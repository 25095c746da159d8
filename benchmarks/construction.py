"""Measures how long it takes to build the U-Net 256: with weights, and on the meta device.

python benchmarks/construction.py --record
"""

from collections.abc import Callable

import torch
from plain_pix2pix import PlainUNet
from recording import flags, report
from timing import medians
from torch import nn

from ganblocks import UNetGenerator
from ganblocks.cli import run_command


def on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    """Builds a network without memory for its weights."""
    with torch.device("meta"):
        return build()


def main() -> None:
    """Prints the median time of each way, and our time divided by the plain network's."""
    options = flags(__doc__).parse_args()
    ways: dict[str, Callable[[], nn.Module]] = {
        "plain, torch's own initialization": lambda: PlainUNet(64, 8),
        "plain, on the meta device": lambda: on_meta(lambda: PlainUNet(64, 8)),
        "ganblocks, N(0, 0.02)": UNetGenerator,
        "ganblocks, on the meta device": lambda: on_meta(UNetGenerator),
    }
    seconds = medians(ways, 7)
    plain, plain_meta, ours, ours_meta = seconds.values()
    report(
        "Construction of the U-Net 256",
        ("way", "milliseconds"),
        [(name, f"{1000 * median:.1f}") for name, median in seconds.items()],
        f"""Medians of 7 runs, in turn. Our time divided by the plain network's:
        {ours / plain:.2f} with weights, {ours_meta / plain_meta:.2f} on the meta device.""",
        record=options.record,
    )


if __name__ == "__main__":
    run_command(main)
