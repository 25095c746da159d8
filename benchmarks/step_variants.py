"""The training steps that are compared: a plain script's and ours, by each option, with a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import torch
from plain_pix2pix import PlainTraining
from step_floor import LAYOUTS
from torch import Tensor

from ganblocks import GENERATORS, Objective, PatchDiscriminator, TrainState, make_step

Step = Callable[[Tensor, Tensor], object]
NAMES = {"compiled": "compiled", "cuda_graph": "CUDA graph"}
COSTS: dict[str, dict[str, Any]] = {
    "EMA": {"ema_decay": 0.999},
    "checkpointing": {"checkpointing": True},
}
"""Options that cost time, which the layout does not change: measured in the default one alone."""


@dataclass(frozen=True)
class Setting:
    """What all of them train on."""

    size: int
    base_channels: int
    device: torch.device

    @property
    def num_downs(self) -> int:
        """Halvings that bring an image down to one pixel."""
        return self.size.bit_length() - 1

    def __str__(self) -> str:
        return f"{self.size} pixels square, base channels {self.base_channels}, on {self.device}"

    def images(self, batch: int = 1) -> tuple[Tensor, Tensor]:
        """Draws sources and targets."""
        source, target = (
            torch.rand(2, batch, 3, self.size, self.size, device=self.device) * 2 - 1
        ).unbind()
        return source, target


def plain(setting: Setting, **options: Any) -> Step:
    """Makes the plain script's step."""
    return PlainTraining(setting.base_channels, setting.num_downs, setting.device, **options).step


def ours(
    setting: Setting,
    *,
    precision: str = "fp32",
    memory_format: torch.memory_format = torch.contiguous_format,
    ema_decay: float | None = None,
    checkpointing: bool = False,
    compiled: bool = False,
    cuda_graph: bool = False,
) -> Step:
    """Makes our step, by each option."""
    generator = GENERATORS.build(
        "unet_256_lua",
        base_channels=setting.base_channels,
        num_downs=setting.num_downs,
        checkpointing=checkpointing,
    )
    discriminator = PatchDiscriminator(
        base_channels=setting.base_channels, checkpointing=checkpointing
    )
    networks = (generator, discriminator)
    for network in networks:
        network.to(setting.device).to(memory_format=memory_format)
    state = TrainState(*networks, ema_decay=ema_decay)
    if compiled:
        state.compile()
    objective = Objective(
        {"adversarial": "vanilla", "l1": {"type": "l1", "weight": 100}}, discriminator_weight=0.5
    )
    step: Step = make_step(state, objective, precision=precision, cuda_graph=cuda_graph)
    return step


def variants(
    device: torch.device, compiled: bool = False, only: str = "*"
) -> dict[str, Callable[[Setting], Step]]:
    """Gives what makes each step, by name.

    Args:
        device: Some options are for CUDA alone.
        compiled: Whether compiled ones are among them.
        only: A pattern of names, such as `"ours bf16*"`.
    """
    found: dict[str, Callable[[Setting], Step]] = {
        "plain fp32": plain,
        "plain bf16": partial(plain, precision="bf16"),
    }
    if device.type == "cuda":
        found["plain fp32, no TF32"] = partial(plain, tf32=False)
    for precision in ("fp32", "bf16"):
        for layout, memory_format in LAYOUTS.items():
            make = partial(ours, precision=precision, memory_format=memory_format)
            options = _faster(device, compiled) | ({} if layout else COSTS)
            found[f"ours {precision}{layout}"] = make
            for name, chosen in options.items():
                found[f"ours {precision}{layout}, {name}"] = partial(make, **chosen)
    return {name: make for name, make in found.items() if fnmatchcase(name, only)}


def _faster(device: torch.device, compiled: bool) -> dict[str, dict[str, Any]]:
    options = [("compiled", compiled), ("cuda_graph", device.type == "cuda")]
    single = {NAMES[option]: {option: True} for option, there in options if there}
    if len(single) == 2:
        single["compiled, CUDA graph"] = {"compiled": True, "cuda_graph": True}
    return single


def precision_of(name: str) -> str:
    """Gives the precision that a step's name tells."""
    return "bf16" if "bf16" in name else "fp32"
