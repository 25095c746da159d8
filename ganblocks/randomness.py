"""The random state of a process, and reproducible training."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from ganblocks.errors import GanBlocksWarning, RunError

__all__ = ["make_deterministic"]


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Returns the states of torch's generators: the CPU's, and the device's if it has one."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_random_state(states: dict[str, Any], device: torch.device, source: str) -> None:
    """Restores the result of `random_state`; warns if it is from another kind of device."""
    torch.set_rng_state(states["cpu"])
    kind = device.type
    before = next((other for other in states if other != "cpu"), "cpu")
    if kind == before == "cuda":
        torch.cuda.set_rng_state(states[kind], device)
    elif kind == before == "mps":
        torch.mps.set_rng_state(states[kind])
    elif kind != before:
        warnings.warn(
            f"{source} was written on {before} and is resumed on {kind}: random numbers on "
            f"{kind} will differ",
            GanBlocksWarning,
            stacklevel=3,
        )


def require_random_state(states: Any, device: torch.device, source: str) -> None:
    """Raises `RunError` unless these states fit the generators of these devices."""
    try:
        for kind in {"cpu", device.type} & {"cpu", *states}:
            torch.Generator(kind).set_state(states[kind])
    except Exception as error:
        raise RunError(
            f"the random state in {source} is damaged ({type(error).__name__}): restore the file",
            see="resume",
        ) from None


@contextmanager
def own_randomness(device: torch.device, seed: int) -> Iterator[None]:
    """Context that seeds torch's random generators, and restores their state afterward.

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
    """Makes a program bit-for-bit reproducible on one machine.

    Enables torch's deterministic algorithms and disables cuDNN benchmarking. Operations without a
    deterministic algorithm then raise an error, and training on a GPU is slower. Call this before
    the first CUDA operation.

    Examples:
        >>> make_deterministic()
        >>> torch.are_deterministic_algorithms_enabled()
        True
        >>> torch.use_deterministic_algorithms(False)
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # required by cuBLAS
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
