"""A training's checkpoint: written by one process for all, and read only where it fits."""

from __future__ import annotations

from itertools import chain
from typing import Any

from torch import Tensor, nn

from ganblocks.checkpoints import RunFolder
from ganblocks.data.base import PairedDataset
from ganblocks.errors import RunError, SpecError
from ganblocks.losses import Objective
from ganblocks.registry import spec_of
from ganblocks.training.state import TrainState
from ganblocks.training.world import World


def save_checkpoint(
    state: TrainState,
    run: RunFolder,
    objective: Objective,
    train_set: PairedDataset,
    *,
    keep: int = 1,
) -> None:
    """Writes the state, what it belongs to, and the weights; every process of a training calls it.

    Buffers, which each process has of its own, are written as their means, and stay as they are.
    The weights are those of `state.result`, the averaged generator where there is one, and of the
    discriminator.

    Args:
        state: The training.
        run: Its folder.
        objective: What is minimised; what its terms remember is saved with it.
        train_set: The pairs; their fingerprint is saved.
        keep: States to keep, the newest as `state.pt`.

    Raises:
        RunError: The folder cannot be written.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from ganblocks import PatchDiscriminator, SyntheticFacades, UNetGenerator
        >>> state = TrainState(
        ...     UNetGenerator(base_channels=4, num_downs=3),
        ...     PatchDiscriminator(base_channels=4, n_layers=1),
        ... )
        >>> objective, pairs = Objective({"adversarial": "vanilla"}), SyntheticFacades(2, 32)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = RunFolder.create(Path(folder) / "run", {})
        ...     save_checkpoint(state, run, objective, pairs)
        ...     run.load_state()["step"]
        0
    """
    world = World.current()
    buffers = _buffers(state, objective)
    own = [buffer.clone() for buffer in buffers] if world.size > 1 else []
    ranks = world.gather({**state.own_state(), "buffers": own})
    world.average(buffers)
    try:
        saved = state.state_dict(ranks)  # of a sharded generator all ask for the whole
        state.gather()
        if world.writes:
            _write(saved, state, run, objective, train_set, keep)
    finally:
        for buffer, value in zip(buffers, own, strict=bool(own)):
            buffer.copy_(value)


def _write(
    saved: dict[str, Any],
    state: TrainState,
    run: RunFolder,
    objective: Objective,
    train_set: PairedDataset,
    keep: int,
) -> None:
    saved |= {
        "objective": objective.memory(),
        "spec": _spec(state, objective),
        "data": train_set.fingerprint(),
    }
    run.save_state(saved, keep=keep)
    run.save_weights("generator", state.result)
    run.save_weights("discriminator", state.discriminator)


def load_checkpoint(
    state: TrainState, run: RunFolder, objective: Objective, train_set: PairedDataset
) -> None:
    """Puts a training back to where its last checkpoint was written; every process calls it.

    Args:
        state: A state built as the run's was; it is not changed unless all fits.
        run: Its folder.
        objective: Likewise.
        train_set: The pairs that the run learns from.

    Raises:
        RunError: There is no checkpoint, or it cannot be read; or it is of other networks, terms
            or data, with the first difference.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from ganblocks import PatchDiscriminator, SyntheticFacades, UNetGenerator, fit
        >>> def parts():
        ...     generator = UNetGenerator(base_channels=4, num_downs=3)
        ...     critic = PatchDiscriminator(base_channels=4, n_layers=1)
        ...     return TrainState(generator, critic), Objective({"adversarial": "vanilla"})
        >>> pairs = SyntheticFacades(length=2, size=32)
        >>> options = {"direction": "b2a", "epochs": 2, "progress": False}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = RunFolder.create(Path(folder) / "run", {})
        ...     fit(*parts(), pairs, pairs, run, steps=1, **options)
        ...     state, objective = parts()
        ...     load_checkpoint(state, run, objective, pairs)
        ...     fit(state, objective, pairs, pairs, run, steps=2, **options)
        ...     state.step
        2
    """
    saved = run.load_state()
    source = str(run.path)
    parts, data = _spec(state, objective), train_set.fingerprint()
    for what, was, now, remedy in [
        ("of other parts", saved.get("spec"), parts, "Build what its run was begun with"),
        ("of other data", saved.get("data"), data, "Put its pairs back"),
    ]:
        if was is not None and (found := _difference(was, now)):
            raise RunError(
                f"{source}: the checkpoint is {what}: {found}. {remedy}, or start a new run",
                see="resume",
            )
    world = World.current()
    state.load_state_dict(saved, source, rank=world.rank)
    objective.load_memory(saved.get("objective", {}))
    ranks = saved["ranks"]
    if len(ranks) == world.size > 1:
        own = ranks[world.rank]["buffers"]
        for buffer, value in zip(_buffers(state, objective), own, strict=True):
            buffer.copy_(value)


def _buffers(state: TrainState, objective: Objective) -> list[Tensor]:
    """Gives the buffers of floats, in one order."""
    networks = [state.generator, state.discriminator, *([state.ema.network] if state.ema else [])]
    buffers = chain(*(network.buffers() for network in networks), objective.memory().values())
    return [buffer for buffer in buffers if buffer.is_floating_point()]


def _spec(state: TrainState, objective: Objective) -> dict[str, Any]:
    specs = {
        "generator": _spec_or_name(state.result),
        "discriminator": _spec_or_name(state.discriminator),
    }
    try:
        specs["objective"] = objective.spec
    except SpecError:  # a loss of one's own that no registry has
        specs["objective"] = {"terms": sorted(objective.weights)}
    return specs


def _spec_or_name(network: nn.Module) -> Any:
    try:
        spec = spec_of(network)
    except SpecError:
        return type(network).__name__
    return {key: value for key, value in spec.items() if key != "init"}


def _difference(was: Any, now: Any, path: str = "") -> str:
    """Names the first entry in which two plain specs differ, and both its values."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in [*was, *(key for key in now if key not in was)]:
            inner = f"{path}.{key}" if path else str(key)
            if found := _difference(was.get(key), now.get(key), inner):
                return found
        return ""
    was, now = (list(x) if isinstance(x, tuple) else x for x in (was, now))
    return "" if was == now else f"{path} was {was!r}, and is {now!r}"
