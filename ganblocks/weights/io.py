"""State dicts, read from files or networks: prefixes, checks, and what does not fit."""

from __future__ import annotations

import os
import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.errors import RunError, WeightsError, listed
from ganblocks.weights.layout import Shape, Weights

_PREFIXES = ("module.", "_orig_mod.")  # of data-parallel wrappers and torch.compile
_WRAPPER = "state_dict"


def read_weights(source: Mapping[str, Any] | str | Path) -> dict[str, Tensor]:
    """Reads a state dict, and takes the wrapping off.

    Objects are never unpickled: a `.pth` that holds more than tensors, numbers and text is
    refused. Tensors come to the CPU. A dictionary with the state dict under `"state_dict"` is
    opened, and `module.` and `_orig_mod.` are removed where all keys begin with them.

    Args:
        source: A state dict, or a file of one: of safetensors, or what `torch.save` writes,
            whatever its name.

    Returns:
        The tensors under their keys, in the source's order.

    Raises:
        WeightsError: There is no such file, it is damaged, it needs unpickling, or what it
            holds is no state dict of dense floating-point tensors.

    Examples:
        >>> list(read_weights({"module.model.0.weight": torch.zeros(8, 6, 4, 4)}))
        ['model.0.weight']
    """
    if isinstance(source, Mapping):
        return _plain(source, "the mapping")
    if not isinstance(source, str | Path):
        raise WeightsError(
            f"weights are {type(source).__name__}: pass a state dict, such as "
            "network.state_dict(), or the path of its file"
        )
    path = Path(source)
    if not os.path.isfile(path):  # noqa: PTH113, as Path.is_file raises where a name is too long
        raise WeightsError(f"{path} is no file: check the path of the weights")
    return _plain(_loaded(path), str(path))


def plain_state_dict(network: nn.Module) -> dict[str, Tensor]:
    """Returns a state dict without the prefixes that DDP and torch.compile put before the keys."""
    return unwrapped(network.state_dict())


def fitting_weights(
    network: nn.Module, weights: dict[str, Tensor], source: str
) -> dict[str, Tensor]:
    """Returns a state dict, wrapped or not, under a network's own keys, if all of it fits."""
    weights = unwrapped(weights)
    if wrong := misfits(weights, shapes_of(network)):
        raise RunError(
            f"{source} is of another model than this {type(network).__name__}: "
            f"{wrong[0]}. Build the network that its spec.json describes",
            see="state-dict",
        )
    return weights


def unwrapped(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Removes the prefixes that DDP and torch.compile put before every key."""
    plain = dict(weights)
    while prefix := next((p for p in _PREFIXES if all(key.startswith(p) for key in plain)), None):
        plain = {key.removeprefix(prefix): value for key, value in plain.items()}
    return plain


def misfits(have: Weights, want: Mapping[str, Shape]) -> list[str]:
    """Says of each key that is missing, of another shape or left over what is wrong with it."""
    keys = [key for key, shape in want.items() if key not in have or have[key].shape != shape]
    keys += [key for key in have if key not in want]
    there = {key: tuple(value.shape) for key, value in have.items()}
    return [
        f"{key} is {there.get(key, 'missing')}, and should be {want.get(key, 'absent')}"
        for key in keys
    ]


def shapes_of(network: nn.Module) -> dict[str, Shape]:
    """Returns the shapes of a network's state dict."""
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


def _loaded(path: Path) -> Any:
    """Reads a file; torch and pickle raise a dozen kinds of errors for a damaged one."""
    from safetensors.torch import load_file

    try:
        with path.open("rb") as file:
            head = file.read(9)
        if head[8:] == b"{":  # after the length of its header
            return load_file(path)
        if head.startswith(b"\x1f\x8b"):
            raise WeightsError(f"{path} is packed by gzip: unpack it first")
        # The file and not its path, whose suffix torch.load would go by.
        with path.open("rb") as file, warnings.catch_warnings(action="ignore"):
            return torch.load(file, map_location="cpu", weights_only=True)
    except WeightsError:
        raise
    except pickle.UnpicklingError as error:
        if "operand" in str(error):  # no pickle at all, or none of torch.save
            raise _damaged(path, "neither torch.save nor safetensors wrote it so") from None
        [what, *_] = [*re.findall(r"GLOBAL ([\w.]+)", str(error)), "of some kind"]
        raise WeightsError(
            f"{path} holds Python objects ({what}), not only tensors. Reading them could run any "
            "code that somebody put there, so we do not. Where you trust the file, load it with "
            "the code that wrote it and save the tensors alone: "
            "torch.save(network.state_dict(), path)",
            see="weights-only",
        ) from None
    except Exception as error:
        reason = re.split(r"\.\s|\n", str(error))[0]
        raise _damaged(path, reason or type(error).__name__) from None


def _damaged(path: Path, reason: str) -> WeightsError:
    return WeightsError(
        f"{path} cannot be read as weights ({reason}): fetch or save the file again"
    )


def _plain(weights: Any, source: str) -> dict[str, Tensor]:
    if isinstance(weights, Mapping) and isinstance(weights.get(_WRAPPER), Mapping):
        weights = weights[_WRAPPER]
    if not isinstance(weights, Mapping):
        raise WeightsError(f"{source} holds a {type(weights).__name__}, and no state dict")
    if not weights:
        raise WeightsError(f"{source} is empty: it holds no tensor")
    others = [k for k, v in weights.items() if not (isinstance(k, str) and isinstance(v, Tensor))]
    if others:
        inner = [name for name in others if isinstance(weights[name], Mapping)]
        hint = f" Pass one of its parts: {listed(inner)}" if inner else ""
        if 2 * len(others) < len(weights):
            hint = f" Remove what is none: {listed(others)}"
        raise WeightsError(
            f"{source} is no state dict: {others[0]!r} is a {type(weights[others[0]]).__name__}, "
            f"where a name with a tensor should be.{hint}"
        )
    for key, value in weights.items():
        if kind := _unfit(key, value):
            raise WeightsError(
                f"{key} in {source} is {kind}: weights are dense floating-point tensors with "
                "values. Convert it, or save the weights of the network as it was trained"
            )
    return unwrapped(weights)


def _unfit(key: str, value: Tensor) -> str | None:
    """Says what a tensor is that no parameter can take; a count of batches may be whole."""
    if value.is_meta:
        return "on the meta device"
    if value.layout != torch.strided:
        return f"of {value.layout}"
    countable = key.endswith("num_batches_tracked") and not (
        value.is_complex() or value.is_quantized
    )
    return None if value.is_floating_point() or countable else f"of {value.dtype}"
