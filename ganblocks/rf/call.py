"""One call of an operation of torch, as the rules see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.utils._pytree import tree_leaves

from ganblocks.errors import OptionError
from ganblocks.rf.reach import Reach

if TYPE_CHECKING:
    from ganblocks.rf.walk import Walk

Rule = Callable[["Call"], "Reach | Sequence[Reach | None] | None"]


@dataclass
class Call:
    """One call of an operation, as a rule sees it.

    Attributes:
        walk: The run it is part of.
        name: The operation's name, such as `aten.convolution`.
        arguments: Its arguments by the names of its schema, defaults filled in.
        out: What it gave: meta tensors with the right shapes.
        detail: What the rule wants the table to say of it.
        note: What the rule wants to be remarked.
    """

    walk: Walk
    name: str
    arguments: dict[str, Any]
    out: Any
    detail: str = ""
    note: str = ""

    def __getitem__(self, argument: str) -> Any:
        return self.arguments[argument]

    def reach(self, argument: str = "") -> Reach:
        """Returns what a tensor among the arguments sees, the first of all by default."""
        tensor = self[argument] if argument else next(iter(self.arguments.values()))
        return self.reach_of(tensor)

    def reach_of(self, tensor: Tensor) -> Reach:
        """Returns what a tensor sees; a constant sees nothing."""
        known = self.walk.tracker.reach(tensor)
        return known or Reach.of_nothing(tensor.shape, self.walk.axes)

    def tracked(self) -> list[Reach]:
        """Returns what the tensors among the arguments see, constants left out."""
        leaves = tree_leaves(list(self.arguments.values()))
        known = [self.walk.tracker.reach(leaf) for leaf in leaves if isinstance(leaf, Tensor)]
        return [reach for reach in known if reach is not None]

    def needs_size(self, reach: Reach, dims: Sequence[int]) -> None:
        """Raises unless the caller named the image's size, if these dimensions are of space."""
        axes = {reach.axis(d) + i for d in dims for i in range(len(reach.dims[d]))}
        if not self.walk.size_known and any(s.runs(axis) for s in reach.field for axis in axes):
            raise OptionError(
                f"{self.walk.place()}{self.name} sees the whole map, and so depends on the "
                "image's size: write receptive_field(network, (channels, height, width))",
                see="unknown-operation",
            )


def named_arguments(schema: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Returns a call's arguments by name, defaults filled in, but not a tensor given as `out`."""
    made = {}
    for place, argument in enumerate(schema.arguments):
        if argument.is_out:
            continue
        if place < len(args):
            made[argument.name] = args[place]
        elif argument.name in kwargs:
            made[argument.name] = kwargs[argument.name]
        else:
            made[argument.name] = argument.default_value if argument.has_default_value() else None
    return made


def written_to(schema: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Tensor | None:
    """Returns the tensor that a call writes to and hands back, as `add_` and `out=` do."""
    if not any(r.alias_info and r.alias_info.is_write for r in schema.returns):
        return None
    for place, argument in enumerate(schema.arguments):
        if argument.alias_info and argument.alias_info.is_write:
            written = args[place] if place < len(args) else kwargs.get(argument.name)
            return written if isinstance(written, Tensor) else None
    return None


def as_list(value: Any, out: Any) -> list[Any]:
    """Writes what an operation or a rule gives as a list as long as the operation's outputs."""
    count = len(out) if isinstance(out, list | tuple) else 1
    values = list(value) if isinstance(value, list | tuple) else [value]
    return values + [None] * (count - len(values))
