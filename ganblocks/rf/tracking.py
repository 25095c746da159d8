"""Tracks the regions of tensors, including views and in-place writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ganblocks.errors import UnknownOperationError
from ganblocks.rf.call import Call, Rule
from ganblocks.rf.joining import cat, union
from ganblocks.rf.region import InputRegion
from ganblocks.rf.taps import all_but_steps, steps, transposed_window


@dataclass
class _Entry:
    """The region of a tensor, and how to update it when the base of the view changes."""

    tensor: Tensor
    region: InputRegion | None
    version: int = 0
    parent: _Entry | None = None
    parent_version: int = -1
    call: Call | None = None
    refresh: Callable[[], InputRegion | None] | None = None


class Tracker:
    """Maps tensors to their regions; a view is updated when its base has changed.

    Args:
        image: The image (1, C, *spatial).
    """

    def __init__(self, image: Tensor) -> None:
        self.axes = image.ndim - 2
        # The entries keep the tensors alive, so that no id is used twice.
        self._entries = {id(image): _Entry(image, InputRegion.of_image(image.shape))}

    def find(self, tensor: Tensor) -> InputRegion | None:
        """Returns the region of a tensor; None for a constant."""
        entry = self._entries.get(id(tensor))
        return self._current(entry) if entry else None

    def keep(self, outputs: list[Any], regions: Sequence[InputRegion | None]) -> None:
        """Records the regions of new tensors."""
        for tensor, region in zip(outputs, regions, strict=True):
            if isinstance(tensor, Tensor) and region is not None:
                self._entries[id(tensor)] = _Entry(tensor, region)

    def keep_views(
        self, regions: Sequence[InputRegion | None], base: Tensor, call: Call, rule: Rule
    ) -> None:
        """Records the regions of a tensor's views, and how to update them."""
        parent = self._entry(base)
        for n, (tensor, region) in enumerate(zip(call.outputs, regions, strict=True)):
            entry = _Entry(tensor, region, 0, parent, parent.version, call)
            entry.refresh = lambda n=n: call.apply(rule)[n] if call.regions() else None
            self._entries[id(tensor)] = entry

    def write(self, tensor: Tensor, region: InputRegion | None, call: Call) -> None:
        """Records the region of a tensor that was written to, and of its base."""
        entry = self._entry(tensor)
        if region is entry.region:
            return
        entry.region = region
        entry.version += 1
        if entry.parent is not None and entry.call is not None:
            whole = self._written(entry.parent, entry.call, region, call)
            self.write(entry.parent.tensor, whole, call)
            entry.parent_version = entry.parent.version

    def _entry(self, tensor: Tensor) -> _Entry:
        return self._entries.setdefault(id(tensor), _Entry(tensor, None))

    def _current(self, entry: _Entry) -> InputRegion | None:
        if entry.parent is not None and entry.refresh is not None:
            self._current(entry.parent)
            if entry.parent.version != entry.parent_version:
                entry.parent_version = entry.parent.version
                entry.region = entry.refresh()
                entry.version += 1
        return entry.region

    def _written(
        self, base: _Entry, view: Call, region: InputRegion | None, call: Call
    ) -> InputRegion:
        """Returns the region of a tensor after a view of it was written to."""
        shape = base.tensor.shape
        part = region or InputRegion.of_nothing(view.out.shape, self.axes)
        if view.name in ("aten.alias", "aten.detach"):
            return part
        if view.name in ("aten.view", "aten._unsafe_view", "aten.unsqueeze", "aten.squeeze"):
            return part.reshape(shape)
        whole = self._current(base) or InputRegion.of_nothing(shape, self.axes)
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
                f"{call.place}{call.name} writes through {view.name}, which cannot be traced: "
                "write to a copy (.clone()) instead"
            )
        return pasted


def _pasted(
    whole: InputRegion, part: InputRegion, dim: int, start: int, step: int
) -> InputRegion | None:
    """Replaces every step-th entry from `start` on by a part; None if the part ends early."""
    length, count = whole.shape[dim], part.shape[dim]
    if step == 1:
        end = start + count
        before = [whole.gather(dim, steps(start, 0))] if start else []
        after = [whole.gather(dim, steps(length - end, end))] if end < length else []
        return cat([*before, part, *after], dim)
    spread = transposed_window(length, 1, step, -start, 1)
    if spread.inside.max() >= count:
        return None
    kept = whole.gather(dim, all_but_steps(length, start, step))
    return union([kept, part.gather(dim, spread)], whole.shape)
