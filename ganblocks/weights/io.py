"""Reads state dicts from files and networks, and checks them."""

from __future__ import annotations

import os
import pickle
import re
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ganblocks.arguments import checked
from ganblocks.errors import GanBlocksError, OptionError, RunError, WeightsError, listed
from ganblocks.weights.layout import Shape, Weights

T = TypeVar("T")

_PREFIXES = re.compile(r"(module\.|_orig_mod\.)*")  # of data-parallel wrappers and torch.compile
_WRAPPER = "state_dict"
_HEADER = 2**23  # bytes of a safetensors header, enough for 80,000 tensors


@checked
def read_weights(source: Mapping[str, Any] | str | Path) -> dict[str, Tensor]:
    """Reads a state dict from a file or a mapping, and unwraps it.

    Objects are never unpickled: a `.pth` that contains more than tensors, numbers and strings is
    rejected. Tensors are loaded to the CPU. If the dictionary has the key `"state_dict"`, its entry
    is used. The prefixes `module.` and `_orig_mod.` are removed if all keys have them.

    Args:
        source: A state dict, or its file from `torch.save` or safetensors; the suffix is ignored.

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
    return _plain(read_tensors(Path(source)), str(source))


def plain_state_dict(network: nn.Module) -> dict[str, Tensor]:
    """Returns a state dict without the prefixes that DDP and torch.compile add to the keys."""
    state = unwrapped(network.state_dict())
    for key, value in state.items():
        if not isinstance(value, Tensor) or value.layout != torch.strided:
            kind = value.layout if isinstance(value, Tensor) else type(value).__name__
            raise OptionError(
                f"{key!r} of {type(network).__name__} is of type {kind}, but files of weights hold "
                "dense tensors: keep it in one, as a buffer or as the result of get_extra_state"
            )
    return state


def fitting_weights(network: nn.Module, weights: Any, source: str) -> dict[str, Tensor]:
    """Returns a state dict under a network's keys; raises `RunError` unless it fits the network."""
    own = network.state_dict()
    plain = unwrapped(own)
    try:
        none = not own and isinstance(weights, Mapping) and not weights  # of a network without any
        fitting = {} if none else _plain(weights, source, plain)
    except WeightsError as error:
        raise RunError(str(error), see="state-dict") from None
    keys = dict(zip(plain, own, strict=True))  # differ if its only child is called "module"
    fitting = {keys.get(key, key): value for key, value in fitting.items()}
    wrong = mismatches(fitting, shapes_of(network)) or [
        f"{key} is {fitting[key].dtype}, and should be {value.dtype}"
        for key, value in own.items()
        if fitting[key].is_floating_point() != value.is_floating_point()
    ]
    if wrong:
        raise RunError(
            f"{source} is from a different model than this {type(network).__name__}: "
            f"{wrong[0]}. Build the network that its spec.json describes",
            see="state-dict",
        )
    return fitting


def unwrapped(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Removes the prefixes that DDP and torch.compile add to every key."""
    # The prefixes differ in their first letter, so a common prefix consists of whole ones.
    prefixes = [match.group() for key in weights if (match := _PREFIXES.match(key))]
    prefix = os.path.commonprefix(prefixes)  # noqa: RUF071  (they are no paths)
    return {key.removeprefix(prefix): value for key, value in weights.items()}


def without_data(what: str, build: Callable[[], T]) -> T:
    """Builds a network on the meta device, where weights take no memory.

    A constructor that needs real values is called normally. Torch's errors for wrong arguments
    become an `OptionError`.
    """
    try:
        try:
            with torch.device("meta"):
                return build()
        except (RuntimeError, TypeError) as error:
            if "meta" not in str(error).lower():
                raise
            return build()
    except GanBlocksError:
        raise
    except Exception as error:  # its type depends on the wrong argument
        raise OptionError(
            f"{what} cannot be built: {type(error).__name__}: {_reason(error)}. Check its arguments"
        ) from error


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


def read_tensors(path: Path) -> Any:
    """Reads a file from torch.save or safetensors, without building other objects.

    Raises:
        WeightsError: The file is missing or damaged, or needs unpickling.
    """
    from safetensors.torch import load

    if not os.path.isfile(path):  # noqa: PTH113, as Path.is_file raises if a name is too long
        raise WeightsError(f"{path} does not exist or is not a file: check the path")
    try:
        with path.open("rb") as file:
            head = file.read(9)
        if head[8:] == b"{":  # safetensors: the header follows its length
            if (size := int.from_bytes(head[:8], "little")) > _HEADER:
                raise _damaged(path, f"its header has {size} bytes, more than {_HEADER}")
            return load(path.read_bytes())  # load_file takes no name that is not UTF-8
        if head.startswith(b"\x1f\x8b"):
            raise WeightsError(f"{path} is compressed with gzip: decompress it first")
        if head.startswith(b"PK"):
            _require_whole(path)
        # If given the path, torch.load would depend on its suffix.
        with path.open("rb") as file, warnings.catch_warnings(action="ignore"):
            return torch.load(file, map_location="cpu", weights_only=True)
    except WeightsError:
        raise
    except pickle.UnpicklingError as error:
        found = re.findall(r"GLOBAL ([\w.]+)", str(error))
        if "operand" in str(error) and not found:  # not a pickle, or not written by torch.save
            raise _damaged(path, "not written by torch.save or safetensors") from None
        [what, *_] = [*found, "of some kind"]
        raise WeightsError(
            f"{path} contains Python objects ({what}), not only tensors. Unpickling them could run "
            "arbitrary code, so they are rejected. If you trust the file, load it with the code "
            "that wrote it and save only the tensors: "
            "torch.save(network.state_dict(), path)",
            see="weights-only",
        ) from None
    except Exception as error:
        raise _damaged(path, _reason(error)) from None


def _require_whole(path: Path) -> None:
    """Compares the checksums of a zip file, which torch.load ignores."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        # For a folder (16), torch would return uninitialized memory.
        if any(entry.compress_type or entry.external_attr & 16 for entry in entries):
            raise _damaged(path, "its entries are not plain files, as torch.save writes them")
        # With bytes before them, zipfile and torch would look for entries at different places.
        if min((entry.header_offset for entry in entries), default=0):
            raise _damaged(path, "there are bytes before its first entry")
        if (name := archive.testzip()) is not None:
            raise _damaged(path, f"the checksum of {name} is wrong")


def _reason(error: Exception) -> str:
    """Returns the first sentence of an error, without torch's advice to unpickle."""
    return re.split(r"\.\s|\n", str(error))[0][:200] or type(error).__name__


def _damaged(path: Path, reason: str) -> WeightsError:
    return WeightsError(
        f"{path} cannot be read as weights ({reason}): download or save the file again"
    )


def _plain(weights: Any, source: str, own: Weights | None = None) -> dict[str, Tensor]:
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
    plain = unwrapped(weights)
    for key, value in plain.items():
        if kind := _unusable(key, value, (own or {}).get(key)):
            raise WeightsError(
                f"{key} in {source} is {kind}: weights must be dense floating-point tensors with "
                "values. Convert it, or save the weights of the network as it was trained"
            )
    return plain


def _unusable(key: str, value: Tensor, own: Tensor | None) -> str | None:
    """Describes why a tensor cannot replace a network's own, or a weight; None if it can."""
    if value.is_meta:
        return "on the meta device"
    if value.layout != torch.strided:
        return f"of {value.layout}"
    countable = key.endswith("num_batches_tracked") and not (
        value.is_complex() or value.is_quantized
    )
    fits = value.is_floating_point() or countable or (own is not None and value.dtype == own.dtype)
    return None if fits else f"of {value.dtype}"
