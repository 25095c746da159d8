"""Loads the networks of a run."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from ganblocks.arguments import checked
from ganblocks.data.picture_map import PictureMap
from ganblocks.discriminators import DISCRIMINATORS
from ganblocks.errors import GanBlocksError, RegistryError, RunError, listed, require_one_of
from ganblocks.generators import GENERATORS
from ganblocks.inference.translator import set_picture_map
from ganblocks.runs import RunFolder
from ganblocks.runs.folder import read_network
from ganblocks.spec import Spec
from ganblocks.training.ema import EMA_STATE
from ganblocks.training.state_check import require_like
from ganblocks.weights.io import fitting_weights, without_data

WEIGHTS = ("auto", "last", "average", "best")
"""Allowed values of `weights`."""


@checked
def load(run: str | Path, *, weights: str = "auto", network: str = "generator") -> nn.Module:
    """Builds a network from a run's `spec.json`, and loads its weights.

    Args:
        run: The run's folder.
        weights: `"last"` from the last checkpoint, `"average"` for their running average
            (`TrainOptions.ema`), `"best"` by `TrainOptions.best_by`, or `"auto"` for the average if
            the run has one, else the last.
        network: Name of one of the task's networks.

    Returns:
        The network in eval mode, on the CPU. It keeps the image formats and size of the run's data
        for `translate`.

    Raises:
        RunError: The run or network does not exist, or its weights are missing or belong to another
            model.
        OptionError: `weights` is invalid.

    Examples:
        >>> try:
        ...     load("runs/nowhere")
        ... except RunError as error:
        ...     print(error)
        runs/nowhere contains no run: it has no spec.json. Check the path, or train first
    """
    require_one_of("weights", weights, WEIGHTS)
    folder = RunFolder.open(run)
    with folder.reading():
        build = partial(_built, folder, network, _spec_of_network(folder, network))
        # The file bounds the memory: a spec with other shapes is rejected before any is allocated.
        twin = without_data(f"the network {network!r} of {folder.path / 'spec.json'}", build)
        state = fitting_weights(twin, *_weights(folder, weights, network))
        built = build()
        built.load_state_dict(state)
        if (pictures := folder.spec.get("pictures", {}).get(network)) is not None:
            set_picture_map(built, PictureMap.of_spec(pictures))
    return built.eval()


def _weights(folder: RunFolder, weights: str, name: str) -> tuple[Any, str]:
    """Reads a network's weights, and returns their source; the file has the average, if any."""
    if weights in ("auto", "best"):
        return read_network(folder, f"best_{name}" if weights == "best" else name)
    state, source = folder.load_state(), str(folder.path / "state.pt")
    kept = state.get("networks" if weights == "last" else "averages")
    if not isinstance(kept, Mapping) or name not in kept:
        known = listed(kept) if isinstance(kept, Mapping) else "(none)"
        raise RunError(
            f"{source} has no {weights} weights of {name!r}, but of {known}: train "
            'with ema=0.999 for an average, or pass weights="auto"'
        )
    if weights == "last":
        return kept[name], source
    require_like(kept[name], EMA_STATE, source, name)
    return kept[name]["network"], source


def _built(folder: RunFolder, network: str, spec: Spec) -> nn.Module:
    registries = [r for r in (GENERATORS, DISCRIMINATORS) if spec.get("type") in r]
    try:
        return (registries[0] if registries else GENERATORS).build(spec)
    except GanBlocksError as error:
        package = isinstance(error, RegistryError)
        remedy = ". Import the package that registers it first" if package else ""
        raise RunError(
            f"could not build the network {network!r} from {folder.path / 'spec.json'} "
            f"({error}){remedy}",
            see=error.see,
        ) from None


def _spec_of_network(folder: RunFolder, network: str) -> Spec:
    """Returns a copy of a network's spec; errors name what the run's spec has instead."""
    spec, path = folder.spec, folder.path / "spec.json"
    networks = spec.get("networks")
    if not isinstance(networks, Mapping):
        raise RunError(
            f"{path} has the keys {listed(spec)}, but no 'networks', which fit writes: build the "
            f"network yourself, and read its weights with RunFolder.load_weights({network!r}, …)"
        )
    if network not in networks:
        raise RunError(
            f"{path} has no network {network!r}: it has {listed(networks)}. Pass network=…"
        )
    description = networks[network]
    if isinstance(description, str):  # a name, as where a network is passed
        description = {"type": description}
    if not isinstance(description, Mapping) or "type" not in description:
        raise RunError(
            f"the network {network!r} of {path} has no spec, but only "
            f"{reprlib.repr(description)}, because its class or an argument is not registered, or "
            "it was changed after it was built: build the network yourself, and read its weights "
            f"with RunFolder.load_weights({network!r}, …)",
            see="no-spec",
        )
    return {**description, **({"init": "none"} if "init" in description else {})}  # weights follow
