"""The checks of what PyTorch can capture: torch.compile and torch.export."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.testing.contract import require_same
from ganblocks.testing.networks import Network, outputs, outputs_and_gradients


@contextmanager
def compiled(call: Callable[..., Any], backend: str) -> Iterator[Callable[..., Any]]:
    """Compiles for the time of a with block, from a clean start and leaving one."""
    torch._dynamo.reset()
    patch: Any = nullcontext()
    if backend == "inductor":
        from torch._inductor import config

        patch = config.patch(fallback_random=True)  # so that dropout draws what it draws eagerly
    try:
        with warnings.catch_warnings(), patch:
            warnings.simplefilter("ignore")  # the compiler's own, about itself
            yield torch.compile(call, backend=backend)
    finally:
        torch._dynamo.reset()


def require_compiles(
    call: Callable[..., Any], inputs: tuple[Tensor, ...], backend: str, where: str = ""
) -> None:
    """Requires a function to give the same outputs and gradients when it is compiled."""
    expected = outputs_and_gradients(nn.Module(), inputs, call)
    with compiled(call, backend) as run:
        require_same(outputs_and_gradients(nn.Module(), inputs, run), expected, where, 1e-5)


def compile_(network: Network) -> None:
    """torch.compile changes neither outputs nor gradients, in train mode."""
    inputs = network.example(dtype=torch.float64)
    expected = outputs_and_gradients(network.moved(torch.float64), inputs)
    module = network.moved(torch.float64)
    with compiled(module, network.backend) as run:
        got = outputs_and_gradients(module, inputs, run)
    require_same(got, expected, f"compiled with {network.backend!r}, ")


def export(network: Network) -> None:
    """torch.export captures it in eval mode, and the program gives the same output."""
    module, inputs = network.used().eval(), network.example()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own, about itself
        program = torch.export.export(module, inputs, strict=False).module()
    require_same(outputs(program, inputs), outputs(module, inputs), "of the exported program the ")
