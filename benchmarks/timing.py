"""Times several functions in turn, so that a busy machine slows all of them alike."""

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
        runs: The functions to time, by name; a round times each once.
        rounds: Number of measured rounds.
        warm_up: Number of rounds before them that are not measured.
        repeats: Number of calls that are timed together.
        clock: Returns the time in seconds.
        device: The device that they run on; a GPU is synchronized.
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
