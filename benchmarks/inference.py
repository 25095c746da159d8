"""Measures translation on the CPU with convolutions of small maps as matrix products, and without.

python benchmarks/inference.py --record
"""

from collections.abc import Callable
from functools import partial

import torch
from recording import flags, report
from timing import medians
from torch import nn

from ganblocks import UNetGenerator, generate
from ganblocks.blocks import Conv2d, ConvTranspose2d
from ganblocks.cli import run_command

SIZE = 256


def with_plain_convolutions(network: nn.Module) -> nn.Module:
    """Replaces our convolutions by torch's, in place."""
    for module in network.modules():
        if isinstance(module, Conv2d | ConvTranspose2d):
            module.__class__ = type(module).__base__  # type: ignore[assignment]
    return network


def main() -> None:
    """Prints the median time of each, and the ratio."""
    parser = flags(__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="measured rounds")
    options = parser.parse_args()
    networks = {
        "matrix products": UNetGenerator(),
        "plain convolutions": with_plain_convolutions(UNetGenerator()),
    }
    image = torch.rand(1, 3, SIZE, SIZE) * 2 - 1
    runs: dict[str, Callable[[], object]] = {
        name: partial(generate, network, image) for name, network in networks.items()
    }
    seconds = medians(runs, options.rounds, warm_up=2)
    ours, plain = seconds.values()
    report(
        "Translation by the U-Net 256 on the CPU",
        ("convolutions of small maps", "milliseconds"),
        [(name, f"{1000 * median:.1f}") for name, median in seconds.items()],
        f"""Medians of {options.rounds} rounds in turn, one image of {SIZE}×{SIZE}, base channels
        64, torch.get_num_threads() = {torch.get_num_threads()}. With products, it takes
        {ours / plain:.2f} of the time.""",
        record=options.record,
    )


if __name__ == "__main__":
    run_command(main)
