"""The random state of a process, and what makes a training repeat itself exactly."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from ganblocks.errors import GanBlocksWarning

__all__ = ["make_deterministic"]


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Returns the state of torch's generators: the CPU's, and the device's own if it is another.

    Examples:
        >>> sorted(random_state(torch.device("cpu")))
        ['cpu']
    """
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_random_state(states: dict[str, Any], device: torch.device, source: str) -> None:
    """Puts back what `random_state` gave; a device that it does not know is warned of."""
    torch.set_rng_state(states["cpu"])
    kind = device.type
    before = next((other for other in states if other != "cpu"), "cpu")
    if kind == before == "cuda":
        torch.cuda.set_rng_state(states[kind], device)
    elif kind == before == "mps":
        torch.mps.set_rng_state(states[kind])
    elif kind != before:
        warnings.warn(
            f"{source} was written by a training on {before} and goes on on {kind}: draws there "
            "go on from another state",
            GanBlocksWarning,
            stacklevel=3,
        )


@contextmanager
def own_randomness(device: torch.device, seed: int) -> Iterator[None]:
    """Draws from its own seed inside `with`, so that looking does not change a training.

    Examples:
        >>> before = torch.get_rng_state()
        >>> with own_randomness(torch.device("cpu"), seed=0):
        ...     drawn = torch.rand(3)
        >>> torch.equal(before, torch.get_rng_state())
        True
    """
    before = random_state(device)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        set_random_state(before, device, "this training")


def make_deterministic() -> None:
    """Makes two runs of one program on one machine give the same numbers, bit for bit.

    Turns on torch's deterministic algorithms, and turns off cuDNN's search for the fastest ones.
    An operation without a deterministic form raises then, by its name. It costs speed on a GPU.
    Call it before the first CUDA operation.

    Examples:
        >>> make_deterministic()
        >>> torch.are_deterministic_algorithms_enabled()
        True
        >>> torch.use_deterministic_algorithms(False)
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS demands one of two
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
