"""Describes modules for drawings: their steps, and the shapes of their inputs and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ganblocks import spec_of
from ganblocks.blocks import Dropout
from ganblocks.blocks.block import Block
from ganblocks.rf.layers import times


class Passed(NamedTuple):
    """The shapes (C, H, W) of a module's input and output."""

    taken: tuple[int, ...]
    given: tuple[int, ...]


def passed(
    network: nn.Module, modules: Sequence[nn.Module], image: Sequence[int]
) -> dict[nn.Module, Passed]:
    """Runs a network on the meta device once, and returns the shapes of its modules."""
    seen: dict[nn.Module, Passed] = {}

    def note(module: nn.Module, taken: tuple[Tensor, ...], given: Tensor) -> None:
        seen[module] = Passed(tuple(taken[0].shape[1:]), tuple(given.shape[1:]))

    hooks = [module.register_forward_hook(note) for module in modules]
    with torch.no_grad():
        network.eval()(torch.empty(1, *image, device="meta"))
    for hook in hooks:
        hook.remove()
    return seen


def parameter_count(network: nn.Module) -> int:
    """Returns the number of parameters."""
    return sum(p.numel() for p in network.parameters())


def steps(block: Block) -> list[str]:
    """Returns the steps of a block.

    Example:
        >>> from ganblocks import DownBlock
        >>> steps(DownBlock(3, 8, norm="batch"))
        ['conv 4×4 /2', 'batch', 'relu']
    """
    return [in_words(getattr(block, step)) for step in block.order]


def in_words(module: nn.Module) -> str:
    """Returns the name of a module, with the kernel and stride of a convolution."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        enlarges = isinstance(module, nn.ConvTranspose2d)
        words = f"{'deconv' if enlarges else 'conv'} {times(module.kernel_size)}"
        if module.stride[0] == 1:
            return words
        return f"{words} {'×' if enlarges else '/'}{module.stride[0]}"
    if isinstance(module, Dropout):
        return f"dropout {module.p:g}"
    spec = spec_of(module)
    return f"{spec['type']} {spec['mode']}" if "mode" in spec else str(spec["type"])
