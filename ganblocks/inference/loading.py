"""Loads the networks of a run."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from ganblocks.arguments import checked
from ganblocks.discriminators import DISCRIMINATORS
from ganblocks.errors import GanBlocksError, RunError, require_one_of
from ganblocks.generators import GENERATORS
from ganblocks.runs import RunFolder


@checked
def load(run: str | Path, *, weights: str = "last", network: str = "generator") -> nn.Module:
    """Builds a network from a run's `spec.json`, and loads its weights.

    Args:
        run: The run's folder.
        weights: `"last"`, or `"best"` for those that `fit` saved according to `best_by`.
        network: Name of one of the task's networks.

    Returns:
        The network in eval mode, on the CPU.

    Raises:
        RunError: There is no such run, or its weights are missing or belong to another model.
        OptionError: `weights` is not one of these values.

    Examples:
        >>> try:
        ...     load("runs/nowhere")
        ... except RunError as error:
        ...     print(error)
        runs/nowhere contains no run: it has no spec.json. Check the path, or train first
    """
    require_one_of("weights", weights, ("last", "best"))
    folder = RunFolder.open(run)
    try:
        spec = dict(folder.spec["networks"][network])
        if "init" in spec:
            spec["init"] = "none"  # the weights are loaded below
        registries = [r for r in (GENERATORS, DISCRIMINATORS) if spec.get("type") in r]
        built = (registries[0] if registries else GENERATORS).build(spec)
    except (GanBlocksError, KeyError) as error:
        raise RunError(
            f"could not build the network {network!r} from {folder.path / 'spec.json'} ({error}). "
            "Check its name; import the package that registers it first",
            see="unknown-name",
        ) from None
    folder.load_weights(network if weights == "last" else f"best_{network}", built)
    return built.eval()
