"""The device and the precision of training."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, nullcontext

import torch

from ganblocks.arguments import checked
from ganblocks.distributed.context import local_gpu, started_by_torchrun
from ganblocks.errors import GanBlocksWarning, OptionError, require_one_of

PRECISIONS = ("fp32", "bf16", "fp16", "auto")


@checked
def resolve_device(name: str) -> torch.device:
    """Returns the device for `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.

    Under `torchrun`, `auto` and `cuda` give each process its own GPU.

    Args:
        name: One of these; `auto` prefers CUDA, then MPS, then the CPU.

    Raises:
        OptionError: The name is invalid, this machine has no such device, or several processes
            would share one GPU.

    Examples:
        >>> resolve_device("cpu")
        device(type='cpu')
    """
    torchrun = started_by_torchrun()
    if name in ("auto", "cuda") and torch.cuda.is_available():
        if torchrun:
            return torch.device("cuda", local_gpu(torch.cuda.device_count()))
        return torch.device("cuda")
    if name == "auto":
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind, colon, number = name.partition(":")
    require_one_of("device", kind, ("auto", "cpu", "cuda", "mps"))
    if kind == "auto" or (colon and not (number.isascii() and number.isdecimal())):
        raise OptionError(f"device {name!r}: write 'auto', 'cpu', 'cuda', 'cuda:N' or 'mps'")
    count = {
        "cpu": 1,
        "cuda": torch.cuda.device_count(),
        "mps": int(torch.backends.mps.is_available()),
    }[kind]
    if int(number or 0) >= count:
        raise OptionError(
            f"device {name!r}: this machine has {count} {kind!r} devices. Write 'auto'"
        )
    if torchrun and kind != "cpu":
        raise OptionError(
            f"device {name!r} under torchrun: write 'auto', 'cpu' or 'cuda', and each process "
            "gets its own"
        )
    return torch.device(name)


@checked
def resolve_precision(name: str, device: torch.device) -> str:
    """Returns the precision; for `auto`, the fastest format that the device supports natively.

    That is bf16 if supported, fp16 on older GPUs with tensor cores (compute capability 7), and
    otherwise fp32.

    Args:
        name: `"fp32"`, `"bf16"`, `"fp16"` or `"auto"`.
        device: Device of the networks.

    Returns:
        `"fp32"`, `"bf16"` or `"fp16"`; emulated bf16 is returned with a warning.

    Raises:
        OptionError: The precision is invalid.

    Examples:
        >>> resolve_precision("fp32", torch.device("cpu"))
        'fp32'
    """
    require_one_of("precision", name, PRECISIONS, see="mixed-precision")
    native = _has_native_bf16(device)
    if name == "auto":
        if native:
            return "bf16"
        return "fp16" if _capability(device) >= (7, 0) else "fp32"
    if name == "bf16" and not native:
        warnings.warn(
            f"this {device.type} has no bf16 arithmetic and emulates it, up to a hundred times "
            "slower than fp32: write precision='auto'",
            GanBlocksWarning,
            stacklevel=2,
        )
    return name


def autocast(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Returns the autocast context in which a task generates and computes its losses.

    Inside it, ganblocks' losses and penalties are computed in fp32. Weight casts are not cached,
    because optimizers change weights between calls of a network.
    """
    if precision == "auto":
        raise OptionError(
            "precision is 'auto': write what resolve_precision('auto', device) returns",
            see="mixed-precision",
        )
    require_one_of("precision", precision, PRECISIONS[:3], see="mixed-precision")
    if precision == "fp32":
        return nullcontext()
    dtype = torch.bfloat16 if precision == "bf16" else torch.float16
    return torch.autocast(device.type, dtype=dtype, cache_enabled=False)


@checked
def preferred_memory_format(precision: str, device: torch.device) -> torch.memory_format:
    """Returns the memory format of weights for the fastest convolutions.

    It is channels last for bf16 and fp16 on a GPU, for the tensor cores. On the CPU it was not
    measurably faster, and torch's fused optimizers would convert it back and forth.

    Args:
        precision: `"fp32"`, `"bf16"` or `"fp16"`.
        device: Device of the networks. Set their format before building an `Updater`.

    Examples:
        >>> preferred_memory_format("bf16", torch.device("cpu"))
        torch.contiguous_format
    """
    if device.type == "cuda" and precision != "fp32":
        return torch.channels_last
    return torch.contiguous_format


def _capability(device: torch.device) -> tuple[int, int]:
    return torch.cuda.get_device_capability(device) if device.type == "cuda" else (0, 0)


def _has_native_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return _capability(device) >= (8, 0)
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):  # a recent torch
        flags = torch.cpu.get_capabilities()
        return any(flags.get(flag, False) for flag in ("avx512_bf16", "amx_bf16", "bf16"))
    return False
