"""Times what is to be compared in turn, so that a busy machine slows all of it alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch


def medians(
    runs: Mapping[str, Callable[[], object]],
    rounds: int,
    *,
    warm_up: int = 0,
    repeats: int = 1,
    clock: Callable[[], float] = time.perf_counter,
    device: torch.device | None = None,
) -> dict[str, float]:
    """Returns the median seconds of one call of each, by name.

    Args:
        runs: What is timed, by name; a round times each once.
        rounds: Rounds that count.
        warm_up: Rounds before them that do not.
        repeats: Calls that are timed together.
        clock: What tells the time, in seconds.
        device: Where they run; a GPU is waited for.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(warm_up + rounds):
        for name, run in runs.items():
            start = clock()
            for _ in range(repeats):
                run()
            if device is not None and device.type == "cuda":
                torch.cuda.synchronize(device)
            if turn >= warm_up:
                times[name].append((clock() - start) / repeats)
    return {name: statistics.median(values) for name, values in times.items()}
