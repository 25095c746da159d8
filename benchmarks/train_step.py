"""Measures our training step against a plain PyTorch script of the same model, alternating.

python benchmarks/train_step.py --steps 9 --record
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from plain_pix2pix import PlainTraining
from recording import record

from ganblocks import (
    GENERATORS,
    Objective,
    PatchDiscriminator,
    TrainState,
    resolve_device,
    train_step,
)
from ganblocks.cli import run_command


def seconds(step: Callable[[], object], device: torch.device) -> float:
    """Times one call, the work on the device included."""
    start = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def main() -> None:
    """Prints the median step of both and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=9, help="measured steps of each")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--base-channels", type=int, default=64)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--record", action="store_true", help="write them for the docs")
    options = parser.parse_args()
    device = resolve_device(options.device)
    downs = options.size.bit_length() - 1

    torch.manual_seed(0)
    plain = PlainTraining(options.base_channels, downs, device)
    generator = GENERATORS.build(
        "unet_256_lua", base_channels=options.base_channels, num_downs=downs
    )
    discriminator = PatchDiscriminator(base_channels=options.base_channels)
    state = TrainState(generator.to(device), discriminator.to(device))
    losses = Objective(
        {"adversarial": "vanilla", "l1": {"type": "l1", "weight": 100}}, discriminator_weight=0.5
    )
    images = torch.rand(2, 1, 3, options.size, options.size, device=device) * 2 - 1

    steps = {
        "plain": lambda: plain.step(images[0], images[1]),
        "ganblocks": lambda: {
            name: value.item()
            for name, value in train_step(state, images[0], images[1], losses).items()
        },
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(options.steps + 2):
        for name, step in steps.items():  # alternating, so that a busy machine slows both
            taken = seconds(step, device)
            if turn >= 2:
                times[name].append(taken)
    medians = {name: statistics.median(values) for name, values in times.items()}
    rows = [(name, f"{1000 * median:.0f}") for name, median in medians.items()]
    rows.append(("ratio", f"{medians['ganblocks'] / medians['plain']:.2f}"))
    for name, figure in rows:
        print(f"{name:10} {figure:>8}")
    if options.record:
        record(
            "Training step of pix2pix",
            ("step", "milliseconds"),
            rows,
            f"""Medians of {options.steps} steps in turn, fp32, batch 1, {options.size} pixels
            square, base channels {options.base_channels}, on {device}. Plain is a script as people
            write it: the same model, the same losses.""",
        )


if __name__ == "__main__":
    run_command(main)
