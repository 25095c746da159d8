"""Reading a state dict from a file or a mapping, and refusing what is none."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganblocks.errors import WeightsError, listed

_PREFIXES = ("module.", "_orig_mod.")  # of data-parallel wrappers and torch.compile
_WRAPPER = "state_dict"


def read_weights(source: Mapping[str, Any] | str | Path) -> dict[str, Tensor]:
    """Reads a state dict, and takes the wrapping off.

    Objects are never unpickled: a `.pth` that holds more than tensors, numbers and text is
    refused. Tensors come to the CPU. A dictionary with the state dict under `"state_dict"` is
    opened, and `module.` and `_orig_mod.` are removed where all keys begin with them.

    Args:
        source: A state dict, or a file of one: `.safetensors`, or what `torch.save` writes.

    Returns:
        The tensors under their keys, in the source's order.

    Raises:
        WeightsError: There is no such file, it is damaged, it needs unpickling, or what it
            holds is no state dict.

    Example:
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
    if not path.is_file():
        raise WeightsError(f"{path} is no file: check the path of the weights")
    return _plain(_loaded(path), str(path))


def _loaded(path: Path) -> Any:
    """Reads a file; torch and pickle raise a dozen kinds of errors for a damaged one."""
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings(action="ignore"):  # of pickles that it refuses anyway
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "operand" in str(error):  # no pickle at all, or none of torch.save
            raise _damaged(path, "torch.save did not write it so") from None
        [what, *_] = [*re.findall(r"GLOBAL ([\w.]+)", str(error)), "of some kind"]
        raise WeightsError(
            f"{path} holds Python objects ({what}), not only tensors. Reading them could run any "
            "code that somebody put there, so we do not. Where you trust the file, load it with "
            "the code that wrote it and save the tensors alone: "
            "torch.save(network.state_dict(), path)"
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
    for key, value in weights.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            inner = [name for name, part in weights.items() if isinstance(part, Mapping)]
            hint = f" Pass one of its parts: {listed(inner)}" if inner else ""
            raise WeightsError(
                f"{source} is no state dict: {key!r} is a {type(value).__name__}, where a name "
                f"with a tensor should be.{hint}"
            )
    plain: dict[str, Tensor] = dict(weights)
    while prefix := next((p for p in _PREFIXES if all(key.startswith(p) for key in plain)), None):
        plain = {key.removeprefix(prefix): value for key, value in plain.items()}
    return plain
