"""A finished run's generator, with no flag repeated."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from ganblocks.checkpoints import RunFolder
from ganblocks.errors import GanBlocksError, RunError, require_one_of
from ganblocks.generators import GENERATORS


def load(run: str | Path, *, weights: str = "generator") -> nn.Module:
    """Builds the generator that a run's `spec.json` describes, and loads its weights.

    Args:
        run: The run's folder.
        weights: `"generator"`, the last ones, or `"best"`, those that `fit` kept by its `best_by`.

    Returns:
        The generator in eval mode, on the CPU.

    Raises:
        RunError: There is no such run, or its weights are missing or another model's.
        OptionError: `weights` is neither word.

    Examples:
        >>> try:
        ...     load("runs/nowhere")
        ... except RunError as error:
        ...     print(error)
        runs/nowhere holds no run: it has no spec.json. Check the path, or train first
    """
    require_one_of("weights", weights, ("generator", "best"))
    folder = RunFolder.open(run)
    try:
        spec = dict(folder.spec["generator"])
        if "init" in spec:  # the weights come from the file
            spec["init"] = "none"
        generator = GENERATORS.build(spec)
    except (GanBlocksError, KeyError) as error:
        raise RunError(
            f"{folder.path}: its spec.json describes no generator known here ({error}). Import "
            "the package that registers it first",
            see="unknown-name",
        ) from None
    folder.load_weights(weights, generator)
    return generator.eval()
