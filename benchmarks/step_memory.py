"""The memory of one kind of training step, measured in a separate process.

python benchmarks/step_memory.py "ours fp32" --batch 8
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import subprocess
import sys
from pathlib import Path

import torch
from step_variants import Setting, precision_of, variants

from ganblocks.cli import run_command
from ganblocks.training import resolve_device

Memory = tuple[int, int]
"""The peak of a step in bytes, and the memory before it: weights, gradients, Adam's state."""
Memories = dict[tuple[str, int], Memory]
"""Memory by a step's name and its batch size."""
NAMES = (
    *("plain fp32", "ours fp32", "ours fp32 channels_last", "ours fp32, checkpointing"),
    *("plain bf16", "ours bf16", "ours bf16 channels_last", "ours bf16, checkpointing"),
)
HEAD = ("step", "batch", "peak, MB", "to plain", "above the state, MB", "to plain")


def measured(setting: Setting, batches: tuple[int, ...]) -> Memories:
    """Measures each kind of step with each batch size."""
    return {(name, batch): measure(setting, name, batch) for batch in batches for name in NAMES}


def measure(setting: Setting, name: str, batch: int) -> Memory:
    """Measures in a fresh process, without memory left over from other steps."""
    command = [
        *(sys.executable, __file__, name, "--batch", str(batch), "--size", str(setting.size)),
        *("--base-channels", str(setting.base_channels), "--device", str(setting.device)),
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    peak, before = json.loads(done.stdout)
    return peak, before


def measured_here(setting: Setting, name: str, batch: int, steps: int = 2) -> Memory:
    """Measures in this process, which must be fresh."""
    source, target = setting.images(batch)
    empty = 0 if setting.device.type == "cuda" else _status("VmRSS")
    step = variants(setting.device, only=name)[name](setting)
    step(source, target)  # makes the gradients and Adam's state
    gc.collect()
    if setting.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(setting.device)
        before = torch.cuda.memory_allocated(setting.device)
    else:
        ctypes.CDLL(None).malloc_trim(0)  # frees what would otherwise count as before
        Path("/proc/self/clear_refs").write_text("5", "ascii")  # resets the peak
        before = _status("VmRSS")
    for _ in range(steps):
        step(source, target)
    if setting.device.type == "cuda":
        return torch.cuda.max_memory_allocated(setting.device), before
    # getrusage would start at the peak of the process that started this one.
    return _status("VmHWM") - empty, before - empty


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field))


def rows_of(memories: Memories) -> list[tuple[str, ...]]:
    """Returns the table, with ratios to the plain script of the same precision and batch."""
    rows: list[tuple[str, ...]] = []
    for (name, batch), (peak, before) in memories.items():
        plain_peak, plain_before = memories[f"plain {precision_of(name)}", batch]
        ratios = peak / plain_peak, (peak - before) / (plain_peak - plain_before)
        rows.append(
            (
                *(name, str(batch)),
                *(f"{peak / 1e6:.0f}", f"{ratios[0]:.2f}"),
                *(f"{(peak - before) / 1e6:.0f}", f"{ratios[1]:.2f}"),
            )
        )
    return rows


def main() -> None:
    """Prints the two numbers as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="which step, as train_step.py names it")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--base-channels", type=int, default=64)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    setting = Setting(options.size, options.base_channels, resolve_device(options.device))
    print(json.dumps(measured_here(setting, options.name, options.batch)))


if __name__ == "__main__":
    run_command(main)
