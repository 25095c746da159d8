"""The targets of a training step, next to what it reached in this run."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

import torch
from step_memory import Memories

Line = tuple[str, float, float]
"""The name of a target, what was reached, and the most that it should be."""


def print_targets(
    device: torch.device,
    seconds: dict[str, float],
    memories: Memories,
    batch: int,
) -> None:
    """Prints the targets that this run has figures for; they hold at 256 pixels and full width."""
    lines = [*speed(device, seconds), *memory(memories, batch)]
    for what, reached, most in filter(lambda line: isfinite(line[1]), lines):
        print(f"{'met' if reached <= most else 'MISSED':6} {what}: {reached:.2f}, target {most}")


def fastest(seconds: dict[str, float], begins: str) -> float:
    """Returns the fewest seconds of all steps whose names begin so; NaN if there are none."""
    return min((s for name, s in seconds.items() if name.startswith(begins)), default=float("nan"))


def speed(device: torch.device, seconds: dict[str, float]) -> Iterator[Line]:
    """Yields the ratios of our fastest step in each precision to plain fp32 and to its floor."""
    plain = seconds.get("plain fp32", float("nan"))
    if device.type == "cuda":
        ours = fastest(seconds, "ours")
        yield "our fastest step / plain fp32", ours / plain, 0.2
        yield "our fastest step, ms", 1000 * ours, 3
        return
    for precision, to_plain, to_floor in [("fp32", 0.85, 1.1), ("bf16", 0.52, 1.25)]:
        ours = fastest(seconds, f"ours {precision}")
        yield f"ours {precision} / plain fp32", ours / plain, to_plain
        yield f"ours {precision} / floor", ours / fastest(seconds, f"floor {precision}"), to_floor


def memory(memories: Memories, batch: int) -> Iterator[Line]:
    """Yields the ratios of peaks at batch 1, and of what is above the state at the larger batch."""
    if not memories:
        return
    for precision in ("fp32", "bf16"):
        ours, plain = memories[f"ours {precision}", 1], memories[f"plain {precision}", 1]
        yield f"peak of ours {precision} / plain, batch 1", ours[0] / plain[0], 1
        saving = memories[f"ours {precision}, checkpointing", batch]
        plain = memories[f"plain {precision}", batch]
        ratio = (saving[0] - saving[1]) / (plain[0] - plain[1])
        yield f"above the state, checkpointing {precision} / plain, batch {batch}", ratio, 0.6
