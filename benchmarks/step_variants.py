"""The training steps that are compared: a plain script's and ours with each option, by name."""

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

from ganblocks import PairedTranslation, Updater
from ganblocks.training import cuda_graph_step

Step = Callable[[Tensor, Tensor], dict[str, Any]]
"""(source, target) → figures."""
NAMES = {"compiled": "compiled", "cuda_graph": "CUDA graph"}
COSTS: dict[str, dict[str, Any]] = {
    "EMA": {"ema": 0.999},
    "checkpointing": {"checkpointing": True},
}
"""Options whose cost does not depend on the layout: measured only in the default one."""


@dataclass(frozen=True)
class Setting:
    """What all of the steps train on."""

    size: int
    base_channels: int
    device: torch.device

    @property
    def num_downs(self) -> int:
        """Number of halvings that reduce an image to one pixel."""
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
    ema: float | None = None,
    checkpointing: bool = False,
    compiled: bool = False,
    cuda_graph: bool = False,
) -> Step:
    """Makes our step, with these options."""
    task = paper_task(setting, checkpointing=checkpointing)
    for network in task.networks().values():
        network.to(setting.device).to(memory_format=memory_format)
    updater = Updater(task, precision=precision, ema=ema)
    if compiled:
        updater.compile()
    step = cuda_graph_step(updater) if cuda_graph else updater.step
    return lambda source, target: step({"source": source, "target": target})


def paper_task(setting: Setting, *, checkpointing: bool = False) -> PairedTranslation:
    """Returns pix2pix with the paper's networks and losses, on the CPU."""
    size = {"base_channels": setting.base_channels, "checkpointing": checkpointing}
    return PairedTranslation(
        {"type": "unet_256_lua", "num_downs": setting.num_downs, **size},
        {"type": "patch", "in_channels": 6, **size},
        {
            "terms": {"adversarial": "vanilla", "l1": {"type": "l1", "weight": 100}},
            "discriminator_weight": 0.5,
        },
    )


def variants(
    device: torch.device, compiled: bool = False, only: str = "*"
) -> dict[str, Callable[[Setting], Step]]:
    """Returns what makes each step, by name.

    Args:
        device: Some options are for CUDA only.
        compiled: Whether to include compiled steps.
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
    """Returns the precision that a step's name contains."""
    return "bf16" if "bf16" in name else "fp32"
