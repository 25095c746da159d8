"""The least that a training step must compute and move, and the most that a device can."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

import torch
from step_floor import Convolution
from torch import nn


@dataclass(frozen=True)
class Peak:
    """The most that a device can do in a second: operations of dense tensors, and bytes."""

    bf16: float
    fp32: float  # of convolutions, which cuDNN computes in TF32 by default
    bandwidth: float


PEAKS = {  # by how the device's name begins, the longest first; from the makers' data sheets
    "NVIDIA A100-SXM4-80GB": Peak(312e12, 156e12, 2.039e12),
    "NVIDIA A100 80GB PCIe": Peak(312e12, 156e12, 1.935e12),
    "NVIDIA H100 PCIe": Peak(756e12, 378e12, 2.0e12),
    "NVIDIA H100 NVL": Peak(835e12, 418e12, 3.9e12),
    "NVIDIA A100": Peak(312e12, 156e12, 1.555e12),
    "NVIDIA H100": Peak(989e12, 494e12, 3.35e12),
    "NVIDIA H200": Peak(989e12, 494e12, 4.8e12),
}


def known_peak(name: str) -> Peak | None:
    """Returns the peak of a device of this name; None if it is not in the table."""
    return next((peak for known, peak in PEAKS.items() if name.startswith(known)), None)


def flops(calls: Iterable[Convolution]) -> int:
    """Counts a step's operations: two for each product of a weight and a value that is added up.

    A gradient of the input or of the weight takes as many as the convolution itself. Products with
    padding count, norms and activations do not.
    """
    return sum(2 * multiplied(call) * (1 + call.gradients[0] + call.gradients[1]) for call in calls)


def multiplied(call: Convolution) -> int:
    """Counts the products of one convolution: each weight at each position of its kernel."""
    places = call.input_shape if call.transposed else call.output_shape
    return places[0] * prod(places[2:]) * call.module.weight.numel()


def state_bytes(*networks: nn.Module) -> int:
    """Counts what an update moves: weights, gradients and Adam's two moments, read and written."""
    parameters = [p for network in networks for p in network.parameters()]
    return sum(2 * 4 * p.numel() * p.element_size() for p in parameters)


def roofline_rows(
    medians: dict[str, float], operations: int, moved: int, peak: Peak
) -> list[tuple[str, ...]]:
    """Returns each step's rates, and its share of both peaks; `seconds` are by step name."""
    rows: list[tuple[str, ...]] = []
    for name, seconds in medians.items():
        most = peak.bf16 if "bf16" in name else peak.fp32
        bound = max(operations / most, moved / peak.bandwidth)
        rows.append(
            (
                name,
                f"{operations / seconds / 1e12:.3g}",
                f"{operations / seconds / most:.1%}",
                f"{moved / seconds / 1e9:.3g}",
                f"{moved / seconds / peak.bandwidth:.1%}",
                f"{1000 * bound:.3g}",
            )
        )
    return rows


ROOFLINE_HEAD = ("step", "TFLOP/s", "of the peak", "GB/s", "of the bandwidth", "bound, ms")


def device_peak(device: torch.device, given: list[float] | None) -> Peak | None:
    """Returns the peak to compare with: the given one (TFLOP/s twice, GB/s), or the known one."""
    if given is not None:
        return Peak(given[0] * 1e12, given[1] * 1e12, given[2] * 1e9)
    return known_peak(torch.cuda.get_device_name(device)) if device.type == "cuda" else None
