"""The floor of a training step: its bare convolutions, forward and backward, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

Run = Callable[[], object]
LAYOUTS = {"": torch.contiguous_format, " channels_last": torch.channels_last}
"""Memory formats, by the suffix of the names of steps that are measured in them."""


@dataclass(frozen=True)
class Convolution:
    """One call of a convolution in a step, and the gradients that the step needs from it."""

    module: nn.Conv2d | nn.ConvTranspose2d
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    gradients: tuple[bool, bool, bool]  # of input, weight and bias: aten's output_mask

    @property
    def transposed(self) -> bool:
        """Whether it is a transposed one."""
        return isinstance(self.module, nn.ConvTranspose2d)


@contextmanager
def convolutions_called(*networks: nn.Module) -> Iterator[list[Convolution]]:
    """Lists the convolutions that run inside the block, with the gradients that autograd needs."""
    calls: list[Convolution] = []

    def note(module: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        into, weight, bias = (
            tensor is not None and bool(tensor.requires_grad)
            for tensor in (inputs[0], module.weight, module.bias)
        )
        shapes = tuple(inputs[0].shape), tuple(output.shape)
        calls.append(Convolution(module, *shapes, (into, weight, bias)))

    handles = [
        module.register_forward_hook(note)
        for network in networks
        for module in network.modules()
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
    ]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def convolutions_of_step(
    generator: nn.Module, discriminator: nn.Module, source: Tensor, target: Tensor
) -> list[Convolution]:
    """Lists a step's convolutions: the generator once, D on real and fake, and D frozen on fake."""
    with convolutions_called(generator, discriminator) as calls:
        fake = generator(source)
        discriminator(torch.cat((source, target), 1))
        discriminator(torch.cat((source, fake.detach()), 1))
        discriminator.requires_grad_(False)
        discriminator(torch.cat((source, fake), 1))
        discriminator.requires_grad_(True)
    return calls


def floor(
    calls: Sequence[Convolution],
    dtype: torch.dtype,
    memory_format: torch.memory_format,
    device: torch.device,
) -> Run:
    """Makes a function that runs them on random maps; on CUDA as a graph, to save launches."""
    weights: dict[nn.Module, tuple[Tensor, Tensor | None]] = {}

    def filled(shape: Sequence[int]) -> Tensor:
        x = torch.randn(*shape, device=device, dtype=dtype)
        return x.to(memory_format=memory_format)

    forwards: list[Run] = []
    backwards: list[Run] = []
    for call in calls:
        of = call.module
        if of not in weights:
            bias = (
                None if of.bias is None else torch.randn_like(of.bias, device=device, dtype=dtype)
            )
            weights[of] = filled(of.weight.shape), bias
        weight, bias = weights[of]
        x, gradient = filled(call.input_shape), filled(call.output_shape)
        places = (
            *(of.stride, of.padding, of.dilation),
            *(call.transposed, of.output_padding, of.groups),
        )
        forwards.append(partial(torch.ops.aten.convolution, x, weight, bias, *places))
        if any(call.gradients):
            shape = None if bias is None else list(bias.shape)
            tensors = (gradient, x, weight, shape)
            masked = (*places, call.gradients)
            backwards.append(partial(torch.ops.aten.convolution_backward, *tensors, *masked))
    order = [*forwards, *reversed(backwards)]

    @torch.no_grad()
    def run() -> None:
        for work in order:
            work()

    return captured(run) if device.type == "cuda" else run


def captured(run: Run) -> Run:
    """Captures what a function launches on the GPU, and returns a function that replays it."""
    beside = torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):  # libraries choose their kernels before the recording
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay
