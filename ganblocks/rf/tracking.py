"""What every tensor of a run sees, views and writing in place included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ganblocks.errors import UnknownOperationError
from ganblocks.rf.call import Call, Rule, as_list
from ganblocks.rf.joining import cat, union
from ganblocks.rf.reach import Reach
from ganblocks.rf.taps import others, steps, transposed_window


@dataclass
class _Entry:
    """What a tensor sees, and how to find it again when the tensor it is a view of changes."""

    tensor: Tensor
    reach: Reach | None
    version: int = 0
    parent: _Entry | None = None
    seen_version: int = -1
    again: Callable[[], Reach | None] | None = None
    call: Call | None = None


class Tracker:
    """Knows what tensors see. A view is looked up again when the tensor that it shows changed."""

    def __init__(self, axes: int) -> None:
        self.axes = axes
        self._entries: dict[int, _Entry] = {}  # they hold the tensors, so that ids stay theirs

    def begin(self, image: Tensor) -> None:
        """Names the image."""
        self._entries[id(image)] = _Entry(image, Reach.of_image(image.shape))

    def reach(self, tensor: Tensor) -> Reach | None:
        """Returns what a tensor sees; None for a constant."""
        entry = self._entries.get(id(tensor))
        return self._current(entry) if entry else None

    def keep(self, outs: list[Any], found: list[Any]) -> None:
        """Notes what new tensors see."""
        for tensor, reach in zip(outs, found, strict=True):
            if isinstance(tensor, Tensor) and reach is not None:
                self._entries[id(tensor)] = _Entry(tensor, reach)

    def keep_views(
        self, outs: list[Any], found: list[Any], base: Tensor, call: Call, rule: Rule
    ) -> None:
        """Notes what views of a tensor see, and how to find it again."""
        parent = self._entry(base)
        for number, (tensor, reach) in enumerate(zip(outs, found, strict=True)):
            entry = _Entry(tensor, reach, 0, parent, parent.version)
            entry.again = lambda number=number: (
                as_list(rule(call), call.out)[number] if call.tracked() else None
            )
            entry.call = call
            self._entries[id(tensor)] = entry

    def write(self, tensor: Tensor, reach: Reach | None, call: Call) -> None:
        """Notes what a tensor sees after it was written to, and those it is a view of."""
        self._write(self._entry(tensor), reach, call)

    def _entry(self, tensor: Tensor) -> _Entry:
        return self._entries.setdefault(id(tensor), _Entry(tensor, None))

    def _current(self, entry: _Entry) -> Reach | None:
        if entry.parent is not None and entry.again is not None:
            self._current(entry.parent)
            if entry.parent.version != entry.seen_version:
                entry.seen_version = entry.parent.version
                entry.reach = entry.again()
                entry.version += 1
        return entry.reach

    def _write(self, entry: _Entry, reach: Reach | None, call: Call) -> None:
        """Notes what a tensor sees after it was written to, and the tensor it is a view of."""
        if reach is entry.reach:
            return
        entry.reach = reach
        entry.version += 1
        if entry.parent is None or entry.call is None:
            return
        whole = self._written(entry.parent, entry.call, reach, call)
        self._write(entry.parent, whole, call)
        entry.seen_version = entry.parent.version

    def _written(self, base: _Entry, view: Call, reach: Reach | None, call: Call) -> Reach | None:
        """Returns what a tensor sees after a view of it was written to."""
        shape = base.tensor.shape
        part = reach or Reach.of_nothing(view.out.shape, self.axes)
        whole = self._current(base) or Reach.of_nothing(shape, self.axes)
        if view.name in ("aten.alias", "aten.detach"):
            return part
        if view.name in ("aten.view", "aten._unsafe_view", "aten.unsqueeze", "aten.squeeze"):
            return part.reshape(shape)
        pasted = None
        if view.name == "aten.select":
            dim = view["dim"] % len(shape)
            row = part.reshape([*part.shape[:dim], 1, *part.shape[dim:]])
            pasted = _pasted(whole, row, dim, view["index"] % shape[dim], 1)
        elif view.name == "aten.slice":
            dim = view["dim"] % len(shape)
            start = slice(view["start"], view["end"]).indices(shape[dim])[0]
            pasted = _pasted(whole, part, dim, start, view["step"])
        if pasted is None:
            raise UnknownOperationError(
                f"{call.walk.place()}{call.name} writes through {view.name}, which is not "
                "followed: write to a copy (.clone()) instead"
            )
        return pasted


def _pasted(whole: Reach, part: Reach, dim: int, start: int, step: int) -> Reach | None:
    """Puts a part in the place of every step-th entry from `start` on; None where it ends early."""
    length, count = whole.shape[dim], part.shape[dim]
    if step == 1:
        end = start + count
        before = [whole.gather(dim, steps(start, 0))] if start else []
        after = [whole.gather(dim, steps(length - end, end))] if end < length else []
        return cat([*before, part, *after], dim)
    spread = transposed_window(length, 1, step, -start, 1)
    if spread.inside.max() >= count:
        return None
    kept = whole.gather(dim, others(length, start, step))
    return union([kept, part.gather(dim, spread)], whole.shape)
