"""Measures our training step against a plain PyTorch script's and against its bare convolutions.

python benchmarks/train_step.py --steps 9 --memory --record
"""

import argparse
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import partial

import step_memory
import torch
from plain_pix2pix import PlainUNet, plain_patchgan
from recording import flags, report
from roofline import ROOFLINE_HEAD, device_peak, flops, roofline_rows, state_bytes
from step_floor import LAYOUTS, Convolution, convolutions_of_step, floor
from step_targets import print_targets
from step_variants import Setting, precision_of, variants
from timing import medians

from ganblocks.cli import run_command
from ganblocks.errors import OptionError, listed
from ganblocks.training import resolve_device

HEAD = ("step", "ms", "to plain fp32", "to its floor", "images/s")
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def main() -> None:
    """Prints what was asked for: memory, times, the roofline, and the targets."""
    options = read_flags()
    setting = Setting(options.size, options.base_channels, resolve_device(options.device))
    torch.backends.cudnn.benchmark = True  # for all steps, as the port of pix2pix does
    # Memory comes first, before this process holds any that the others would lack.
    memory = tell_memory(setting, options) if options.memory else {}
    print_targets(setting.device, tell_times(setting, options), memory, options.memory_batch)


def tell_memory(setting: Setting, options: argparse.Namespace) -> step_memory.Memories:
    """Measures the memory of steps, and prints and records the table."""
    memory = step_memory.measured(setting, (1, options.memory_batch))
    report(
        "Memory of a training step of pix2pix",
        step_memory.HEAD,
        step_memory.rows_of(memory),
        f"""The peak of a step, {setting}, each in a separate process. The state is weights,
        gradients and Adam's moments. Ratios are to the plain script of the same precision.
        Checkpointing applies to both networks.""",
        record=options.record,
        name="train_step_memory",
    )
    return memory


def tell_times(setting: Setting, options: argparse.Namespace) -> dict[str, float]:
    """Times the steps, prints and records the tables, and returns seconds by name."""
    torch.manual_seed(0)
    networks = (
        PlainUNet(setting.base_channels, setting.num_downs).to(setting.device),
        plain_patchgan(setting.base_channels).to(setting.device),
    )
    images = setting.images()
    calls = convolutions_of_step(*networks, *images)
    steps: dict[str, Callable[[], object]] = {
        name: partial(make(setting), *images)
        for name, make in variants(setting.device, options.compile, options.only).items()
    }
    steps |= floors(calls, setting, options.only)
    if not steps:
        raise OptionError(
            f"--only {options.only!r} matches no step: write a pattern such as '*bf16*'. There are "
            f"{listed(variants(setting.device, options.compile))}"
        )
    # On a GPU ten at a time, so that waiting for it at the end weighs less.
    repeats = 10 if setting.device.type == "cuda" else 1
    seconds = medians(steps, options.steps, warm_up=2, repeats=repeats, device=setting.device)
    operations, moved = flops(calls), state_bytes(*networks)
    report(
        "Training step of pix2pix",
        HEAD,
        timing_rows(seconds),
        f"""Medians of {options.steps} rounds in turn, batch 1, {setting}. Plain is a typical
        script: the same model and losses, which are read at each step. The floor is the
        step's convolutions only, forward and backward, {operations / 1e9:.1f} GFLOP; each step is
        compared with the faster layout of its precision.""",
        record=options.record,
    )
    if peak := device_peak(setting.device, options.peak):
        ours_and_plain = {n: value for n, value in seconds.items() if not n.startswith("floor")}
        report(
            "Training step of pix2pix and the device's peak",
            ROOFLINE_HEAD,
            roofline_rows(ours_and_plain, operations, moved, peak),
            f"""Operations are those of the convolutions, {operations / 1e9:.1f} GFLOP a step; bytes
            are weights, gradients and Adam's moments, read and written once, {moved / 1e9:.2f} GB.
            The bound is the longer of the two at the device's peak.""",
            record=options.record,
            name="train_step_roofline",
        )
    return seconds


def floors(
    calls: Sequence[Convolution], setting: Setting, only: str
) -> dict[str, Callable[[], object]]:
    """Makes the bare convolutions in each precision and layout, by name."""
    return {
        name: floor(calls, dtype, memory_format, setting.device)
        for precision, dtype in DTYPES.items()
        for layout, memory_format in LAYOUTS.items()
        if fnmatchcase(name := f"floor {precision}{layout}", only)
    }


def timing_rows(seconds: dict[str, float]) -> list[tuple[str, ...]]:
    """Returns each step against the plain script, and against the floor of its precision."""
    rows: list[tuple[str, ...]] = []
    for name, value in seconds.items():
        begins = f"floor {precision_of(name)}"
        floors = [other for key, other in seconds.items() if key.startswith(begins)]
        to_plain = f"{value / seconds['plain fp32']:.2f}" if "plain fp32" in seconds else "–"
        to_floor = f"{value / min(floors):.2f}" if floors else "–"
        rows.append((name, f"{1000 * value:.4g}", to_plain, to_floor, f"{1 / value:.4g}"))
    return rows


def read_flags() -> argparse.Namespace:
    """Reads the command line."""
    parser = flags(__doc__)
    parser.add_argument("--steps", type=int, default=9, help="measured rounds")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--base-channels", type=int, default=64)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--only", default="*", help="a pattern of step names, such as '*bf16*'")
    parser.add_argument("--compile", action="store_true", help="also compiled steps")
    parser.add_argument("--memory", action="store_true", help="also the peak memory")
    parser.add_argument("--memory-batch", type=int, default=8, help="in addition to batch 1")
    parser.add_argument(
        "--peak",
        type=float,
        nargs=3,
        metavar=("BF16", "FP32", "GB"),
        help="the device's peak: TFLOP/s in bf16, in fp32 (TF32 on CUDA), GB/s",
    )
    return parser.parse_args()


if __name__ == "__main__":
    run_command(main)
