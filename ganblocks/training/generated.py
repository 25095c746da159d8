"""The outputs of a task's `generate`, detached for players whose networks did not produce them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ganblocks.autograd_graph import detached, leaf_ids, requires_grad
from ganblocks.distributed.sharding import is_sharded
from ganblocks.tasks import Batch, Task
from ganblocks.tasks.base import frozen


class GeneratedOutputs:
    """Generates once for all players if they can share the outputs, else once per player."""

    def __init__(self, task: Task, moving: Sequence[str], micro_batches: Sequence[Batch]) -> None:
        self._task = task
        self._moving = list(moving)
        self._shared: dict[str, Any] | None = None
        if len(micro_batches) == 1 and moving:
            trained = {key: n for name in moving for key, n in task.networks(name).items()}
            others = (n for key, n in task.networks().items() if key not in trained)
            with frozen(*others, but=trained.values()):
                self._shared = task.generate(micro_batches[0])
            self._owners = self._owners_of(self._shared)
            if any(requires_grad(x) and not self._owners[k] for k, x in self._shared.items()):
                self._shared = None  # the graph hides its owner (reentrant checkpointing)

    def for_player(self, player: str, batch: Batch) -> dict[str, Any]:
        """Returns the outputs for a player, detached unless its own networks produced them."""
        if self._shared is not None and not self._is_used_up(player):
            outputs, owners = self._shared, self._owners
        else:
            outputs = self._task.generate(batch)
            owners = self._owners_of(outputs)
        # An output without known owners requires no gradient, or belongs to this player alone.
        return {
            k: detached(x) if owners[k] and player not in owners[k] else x
            for k, x in outputs.items()
        }

    def _is_used_up(self, player: str) -> bool:
        """Whether an earlier player ran backward through the player's graph, and was updated."""
        earlier = set(self._moving[: self._moving.index(player)])
        return any(player in owners and owners & earlier for owners in self._owners.values())

    def _owners_of(self, outputs: Mapping[str, Any]) -> dict[str, set[str]]:
        networks = {name: list(self._task.networks(name).values()) for name in self._moving}
        parameters = {
            name: {id(p) for n in networks[name] for p in n.parameters()} for name in networks
        }
        # The leaves of a sharded network are new at each use, and belong to no other network.
        known = set().union(*parameters.values())
        sharded = {name for name in networks if any(map(is_sharded, networks[name]))}
        owners = {}
        for key, value in outputs.items():
            leaves = leaf_ids(value)
            owners[key] = {name for name in networks if leaves & parameters[name]}
            if leaves - known:
                owners[key] |= sharded
        return owners
