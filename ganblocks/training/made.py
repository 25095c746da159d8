"""Whose networks made a tensor, read from its graph: the others get it detached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from ganblocks.distributed.graph import detached, leaves_of, takes_gradients
from ganblocks.distributed.sharding import is_sharded
from ganblocks.tasks import Batch, Task
from ganblocks.tasks.base import frozen


class Made:
    """What a task generates of a batch: once for all players, where they can share it."""

    def __init__(self, task: Task, moving: Sequence[str], parts: Sequence[Batch]) -> None:
        self._task = task
        self._moving = moving
        self._shared: dict[str, Any] | None = None
        if len(parts) == 1 and moving:
            mine = {key for name in moving for key in task.networks(name)}
            resting = [n for key, n in task.networks().items() if key not in mine]
            with frozen(*resting):
                self._shared = task.generate(parts[0])
            self._makers = self._makers_of(self._shared)
            if any(takes_gradients(x) and not self._makers[k] for k, x in self._shared.items()):
                self._shared = None  # its graph hides whose it is (reentrant checkpointing)

    def of(self, player: str, part: Batch) -> dict[str, Any]:
        """Returns it for a player, detached where other networks than the player's made it."""
        if self._shared is not None and not self._used_up(player):
            made, makers = self._shared, self._makers
        else:
            made = self._task.generate(part)
            makers = self._makers_of(made)
        # What has no known maker takes no gradients, or is this player's: no other's can take any.
        return {
            k: detached(x) if makers[k] and player not in makers[k] else x for k, x in made.items()
        }

    def _used_up(self, player: str) -> bool:
        """Whether an earlier player has gone back through the graph, and moved its weights."""
        before = set(self._moving[: list(self._moving).index(player)])
        return any(player in makers and makers & before for makers in self._makers.values())

    def _makers_of(self, made: Mapping[str, Any]) -> dict[str, set[str]]:
        players = {name: list(self._task.networks(name).values()) for name in self._moving}
        return makers_of(made, players)


def makers_of(
    made: Mapping[str, Any], players: Mapping[str, list[nn.Module]]
) -> dict[str, set[str]]:
    """Returns the players whose networks made each entry."""
    own = {
        name: {id(p) for network in networks for p in network.parameters()}
        for name, networks in players.items()
    }
    # The leaves of a sharded network are made anew at each use, and belong to no other.
    known = set().union(*own.values())
    shared = {name for name, networks in players.items() if any(map(is_sharded, networks))}
    makers = {}
    for key, value in made.items():
        leaves = leaves_of(value)
        makers[key] = {name for name in own if leaves & own[name]}
        if leaves - known:
            makers[key] |= shared
    return makers
