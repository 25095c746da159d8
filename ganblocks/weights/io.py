"""Reading state dicts from files and networks, and checking them."""

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

from ganblocks.arguments import checked
from ganblocks.errors import RunError, WeightsError, listed
from ganblocks.weights.layout import Shape, Weights

_PREFIXES = ("module.", "_orig_mod.")  # of data-parallel wrappers and torch.compile
_WRAPPER = "state_dict"


@checked
def read_weights(source: Mapping[str, Any] | str | Path) -> dict[str, Tensor]:
    """Reads a state dict from a file or a mapping, and unwraps it.

    Objects are never unpickled: a `.pth` that contains more than tensors, numbers and text is
    refused. Tensors are loaded to the CPU. In a dictionary with the key `"state_dict"`, that is
    the state dict. The prefixes `module.` and `_orig_mod.` are removed if all keys have them.

    Args:
        source: A state dict, or its file, written by `torch.save` or safetensors; the file
            name's suffix is ignored.

    Returns:
        The tensors under their keys, in the source's order.

    Raises:
        WeightsError: The file is missing or damaged, needs unpickling, or contains something
            other than dense floating-point tensors.

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
    if not os.path.isfile(path):  # noqa: PTH113, as Path.is_file raises if a name is too long
        raise WeightsError(f"{path} does not exist or is not a file: check the path")
    return _plain(_load(path), str(path))


def plain_state_dict(network: nn.Module) -> dict[str, Tensor]:
    """Returns a state dict without the prefixes that DDP and torch.compile add to the keys."""
    return unwrapped(network.state_dict())


def fitting_weights(
    network: nn.Module, weights: dict[str, Tensor], source: str
) -> dict[str, Tensor]:
    """Returns a state dict without prefixes; raises `RunError` unless it fits the network."""
    weights = unwrapped(weights)
    if wrong := mismatches(weights, shapes_of(network)):
        raise RunError(
            f"{source} is from a different model than this {type(network).__name__}: "
            f"{wrong[0]}. Build the network that its spec.json describes",
            see="state-dict",
        )
    return weights


def unwrapped(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Removes the prefixes that DDP and torch.compile add to every key."""
    plain = dict(weights)
    while prefix := next((p for p in _PREFIXES if all(key.startswith(p) for key in plain)), None):
        plain = {key.removeprefix(prefix): value for key, value in plain.items()}
    return plain


def mismatches(weights: Weights, expected: Mapping[str, Shape]) -> list[str]:
    """Describes each key that is missing, unexpected or of a different shape."""
    shapes = {key: tuple(value.shape) for key, value in weights.items()}
    return [
        f"{key} is {shapes.get(key, 'missing')}, and should be {expected.get(key, 'absent')}"
        for key in {**expected, **shapes}
        if shapes.get(key) != expected.get(key)
    ]


def shapes_of(network: nn.Module) -> dict[str, Shape]:
    """Returns the shapes of a network's state dict."""
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


def _load(path: Path) -> Any:
    """Reads a file; for a damaged one torch and pickle raise a dozen kinds of errors."""
    from safetensors.torch import load_file

    try:
        with path.open("rb") as file:
            head = file.read(9)
        if head[8:] == b"{":  # safetensors: the header follows its length
            return load_file(path)
        if head.startswith(b"\x1f\x8b"):
            raise WeightsError(f"{path} is compressed with gzip: decompress it first")
        # If given the path, torch.load would depend on its suffix.
        with path.open("rb") as file, warnings.catch_warnings(action="ignore"):
            return torch.load(file, map_location="cpu", weights_only=True)
    except WeightsError:
        raise
    except pickle.UnpicklingError as error:
        if "operand" in str(error):  # not a pickle, or not written by torch.save
            raise _damaged(path, "not written by torch.save or safetensors") from None
        [what, *_] = [*re.findall(r"GLOBAL ([\w.]+)", str(error)), "of some kind"]
        raise WeightsError(
            f"{path} contains Python objects ({what}), not only tensors. Unpickling them could run "
            "arbitrary code, so they are refused. If you trust the file, load it with the code "
            "that wrote it and save only the tensors: "
            "torch.save(network.state_dict(), path)",
            see="weights-only",
        ) from None
    except Exception as error:
        reason = re.split(r"\.\s|\n", str(error))[0]
        raise _damaged(path, reason or type(error).__name__) from None


def _damaged(path: Path, reason: str) -> WeightsError:
    return WeightsError(
        f"{path} cannot be read as weights ({reason}): download or save the file again"
    )


def _plain(weights: Any, source: str) -> dict[str, Tensor]:
    if isinstance(weights, Mapping) and isinstance(weights.get(_WRAPPER), Mapping):
        weights = weights[_WRAPPER]
    if not isinstance(weights, Mapping):
        raise WeightsError(f"{source} contains a {type(weights).__name__}, not a state dict")
    if not weights:
        raise WeightsError(f"{source} is empty: it has no tensors")
    others = [k for k, v in weights.items() if not (isinstance(k, str) and isinstance(v, Tensor))]
    if others:
        inner = [name for name in others if isinstance(weights[name], Mapping)]
        hint = f" Pass one of its entries: {listed(inner)}" if inner else ""
        if 2 * len(others) < len(weights):
            hint = f" Remove the other entries: {listed(others)}"
        raise WeightsError(
            f"{source} is not a state dict of names and tensors: {others[0]!r} is a "
            f"{type(weights[others[0]]).__name__}.{hint}"
        )
    for key, value in weights.items():
        if kind := _unusable(key, value):
            raise WeightsError(
                f"{key} in {source} is {kind}: weights must be dense floating-point tensors with "
                "values. Convert it, or save the weights of the network as it was trained"
            )
    return unwrapped(weights)


def _unusable(key: str, value: Tensor) -> str | None:
    """Describes a tensor that can't be a parameter or a count of batches; else returns None."""
    if value.is_meta:
        return "on the meta device"
    if value.layout != torch.strided:
        return f"of {value.layout}"
    countable = key.endswith("num_batches_tracked") and not (
        value.is_complex() or value.is_quantized
    )
    return None if value.is_floating_point() or countable else f"of {value.dtype}"
