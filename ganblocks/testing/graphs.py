"""The checks of torch.compile and torch.export."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor

from ganblocks.testing.contract import require_same
from ganblocks.testing.networks import NetworkTester, outputs, outputs_and_gradients


@contextmanager
def compiled(call: Callable[..., Any], backend: str) -> Iterator[Callable[..., Any]]:
    """Compiles a function or module, and resets the compiler before and after the block."""
    torch._dynamo.reset()
    patch: Any = nullcontext()
    if backend == "inductor":
        from torch._inductor import config

        patch = config.patch(fallback_random=True)  # the same draws as in eager mode, for dropout
    try:
        with warnings.catch_warnings(), patch:
            warnings.simplefilter("ignore")  # the compiler's own warnings
            yield torch.compile(call, backend=backend)
    finally:
        torch._dynamo.reset()


def require_compiles(
    call: Callable[..., Any], inputs: tuple[Tensor, ...], backend: str, where: str = ""
) -> None:
    """Requires the same outputs and gradients of a function when it is compiled."""
    expected = outputs_and_gradients(call, inputs)
    with compiled(call, backend) as run:
        require_same(outputs_and_gradients(run, inputs), expected, where, 1e-5)


def compile_(tester: NetworkTester) -> None:
    """torch.compile leaves outputs and gradients unchanged, in train mode."""
    inputs = tester.example(dtype=torch.float64)
    expected = outputs_and_gradients(tester.perturbed(torch.float64), inputs)
    module = tester.perturbed(torch.float64)
    with compiled(module, tester.backend) as call:
        result = outputs_and_gradients(call, inputs, module=module)
    require_same(result, expected, f"compiled with {tester.backend!r}, ")


def export(tester: NetworkTester) -> None:
    """torch.export exports it in eval mode, and the program returns the same output."""
    module, inputs = tester.used().eval(), tester.example()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own warnings
        program = torch.export.export(module, inputs, strict=False).module()
    require_same(outputs(program, inputs), outputs(module, inputs), "of the exported program the ")
