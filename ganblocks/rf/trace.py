"""Traces every operation of a network on meta tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ganblocks.errors import UnknownOperationError
from ganblocks.rf.call import Call, Rule
from ganblocks.rf.joining import misalignment
from ganblocks.rf.layers import Layer, summary
from ganblocks.rf.region import InputRegion
from ganblocks.rf.torch_internals import (
    DispatchMode,
    is_view,
    named_arguments,
    rewrites_strides_only,
    run_on_meta,
    tensors_in,
    written_to,
)
from ganblocks.rf.tracking import Tracker

JOINING = ("aten.add", "aten.sub", "aten.mul", "aten.cat", "aten.maximum", "aten.minimum")


class Trace(DispatchMode):
    """Tracks the region of every tensor while a network runs.

    Args:
        rules: Rules by operation.
        image: The image, a meta tensor (1, C, *spatial).
        size_known: Whether the caller set the image's size.
        statistics: "ignored" or "counted".
    """

    def __init__(
        self, rules: dict[Any, Rule], image: Tensor, size_known: bool, statistics: str
    ) -> None:
        super().__init__()
        self.tracker = Tracker(image)
        self.layers: list[Layer] = []
        self.ignored: list[str] = []
        self.misaligned: list[str] = []
        self.applying = False
        self._rules = rules
        self._size_known = size_known
        self._statistics = statistics
        self._modules: list[tuple[str, nn.Module]] = []

    def name_modules(self, network: nn.Module) -> None:
        """Registers hooks that record which module is running."""
        for name, module in network.named_modules():
            if isinstance(module, torch.jit.ScriptModule):
                continue
            module.register_forward_pre_hook(
                lambda m, _, name=name: self._modules.append((name, m)), prepend=True
            )
            module.register_forward_hook(lambda *_: self._leave_module())

    def _leave_module(self) -> None:
        self._modules.pop()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs an operation and applies its rule."""
        kwargs = kwargs or {}
        if rewrites_strides_only(func, args):
            return args[0]
        tensors = tensors_in(args, kwargs)
        out = run_on_meta(func, args, kwargs, tensors)
        before = [region for t in tensors if (region := self.tracker.find(t)) is not None]
        view = is_view(func)
        if not before and not view:
            return out
        self.applying = True  # errors from here on are not the network's
        place = f"{self._modules[-1][0]}: " if self._modules and self._modules[-1][0] else ""
        call = Call(
            str(func.overloadpacket),
            named_arguments(func, args, kwargs),
            out,
            self.tracker.find,
            self.tracker.axes,
            place,
            self._size_known,
            self._statistics,
        )
        rule = self._rule(func, place) if before else self._rules.get(func.overloadpacket)
        regions = call.apply(rule) if before and rule else [None] * len(call.outputs)
        target = written_to(func, args, kwargs)
        if target is not None:
            self.tracker.write(target, regions[0], call)
            out = target
        elif view and rule:
            self.tracker.keep_views(regions, tensors[0], call, rule)
        else:
            self.tracker.keep(call.outputs, regions)
        if before:
            self._log(call, before, regions)
        self.applying = False
        return out

    def _rule(self, func: Any, place: str) -> Rule:
        packet = func.overloadpacket
        if packet not in self._rules and packet.__name__.endswith("_"):
            packet = getattr(torch.ops.aten, packet.__name__.rstrip("_"), packet)
        if packet in self._rules:
            return self._rules[packet]
        if torch.Tag.pointwise in func.tags:
            return self._rules["pointwise"]
        raise UnknownOperationError(
            f"{place}there is no rule for the operation {func.overloadpacket}. Write one: "
            f"@ganblocks.rf.register_rule(torch.ops.{func.overloadpacket}) on a function that "
            "takes the call and returns what its output sees, such as "
            "`return call.region().gather(-1, window(count, kernel=3, padding=1))`"
        )

    def _log(
        self, call: Call, before: list[InputRegion], regions: Sequence[InputRegion | None]
    ) -> None:
        operation = call.name.removeprefix("aten.")
        if call.ignored:
            self.ignored.append(call.place + operation)
        made = next((region for region in regions if region is not None), None)
        if made is None or made.empty:
            return
        before = [region for region in before if not region.empty]
        difference = misalignment(before) if _joins_branches(call, before) else 0.0
        if difference > 1e-9:
            call.note = f"centers differ by {difference:g} pixels"
            self.misaligned.append(f"{call.place}{operation}: {call.note}")
        row = summary(made)
        changed = any(row != summary(region) for region in before)
        if not (changed or call.note or (call.detail and len(before) > 1)):
            return
        name, module = self._modules[-1] if self._modules else ("", None)
        if module is not None and not any(True for _ in module.children()):
            operation = type(module).__name__
        map_size = tuple(tensors_in(call.out)[0].shape[2:])
        self.layers.append(Layer(name, operation, call.detail, map_size, *row, call.note))


def _joins_branches(call: Call, regions: list[InputRegion]) -> bool:
    """Returns whether branches merge here, rather than lie side by side in space."""
    if len(regions) < 2 or call.name.rstrip("_") not in JOINING:
        return False
    return call.name != "aten.cat" or not any(region.periodic(call["dim"]) for region in regions)
